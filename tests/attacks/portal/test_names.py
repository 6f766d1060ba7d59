"""CWE-644, CWE-601, CWE-348: the site answers under its own names, and believes forwarders of `web.proxies` alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from mailcore import core as cores
from mailcore.config import Config, Web
from mailcore.core import Core
from portal import create_app

OURS = (
    "portal.alumni.example", "PORTAL.alumni.example", "portal.alumni.example:443", "portal.alumni.example:80",
    "portal.alumni.example.",
    "alumni.example", "mx.alumni.example", "mta-sts.alumni.example", "autoconfig.alumni.example", "autodiscover.alumni.example",
    "ua-auto-config.alumni.example", "old.example", "localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080",
)  # fmt: skip
OTHERS = (
    "evil.example", "portal.alumni.example.evil.example", "portal.alumni.example:8443", "192.0.2.1", "10.0.0.1:8080",
    "[2001:db8::1]",
    "evilportal.alumni.example", "webmail.alumni.example",
)  # fmt: skip
NO_NAMES = (
    "", " ", "a b", "portal.alumni.example/x", "portal.alumni.example@evil.example", "evil.example#portal.alumni.example",
    "a\tb", "[::1", "a:b:c",
    "portal.alumni.example:", "portal.alumni.example:999999", "x" * 300, "å.example", "portal.alumni.example, evil.example",
    "%00", "<script>",
)  # fmt: skip


def _core(folder: Path, **more: Any) -> Core:
    return cores.build(Config(data=str(folder), **more))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    core = _core(tmp_path, public_url="https://portal.alumni.example", web=Web(names=("old.example",)))
    yield create_app(core).test_client()
    cores.close(core)


@pytest.mark.parametrize("host", OURS)
def test_the_sites_own_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/faq", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", OTHERS)
def test_other_names_are_misdirected_and_reflected_nowhere(client: FlaskClient, host: str) -> None:
    for path in ("/", "/desk", "/mail", "/static/icons.svg", "/nothing"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert host not in str(answer.headers)
        assert host not in answer.text


@pytest.mark.parametrize("host", NO_NAMES)
def test_what_is_no_name_is_a_bad_request(client: FlaskClient, host: str) -> None:
    answer = client.get("/desk", headers={"Host": host})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("host", ["", "evil.example", "10.0.0.7:8080", "a b", "[::1"])
def test_balancers_ask_by_any_name(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).text == "ok\n"
    assert client.get("/ready", headers={"Host": host}).text == "ready\n"


def test_names_of_this_machine_are_for_those_on_it(client: FlaskClient) -> None:
    assert (
        client.get("/faq", headers={"Host": "localhost"}, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 421
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "192.168.1.5:8080", "[2001:db8::1]:8080", "alumni.example"]
)
def test_a_site_without_a_public_address_is_asked_by_its_own(tmp_path: Path, host: str) -> None:
    core = _core(tmp_path)
    answer = (
        create_app(core).test_client().get("/faq", headers={"Host": host}, environ_base={"REMOTE_ADDR": "192.168.1.9"})
    )
    cores.close(core)
    assert answer.status_code == 200


FORWARDED = {
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9",
    "X-Forwarded-Prefix": "/evil",
    "X-Script-Name": "/evil", "X-Forwarded-Server": "evil.example", "X-Forwarded-Port": "1", "Forwarded": "host=evil.example",
    "X-Original-Url": "/desk/", "X-Rewrite-Url": "/desk/", "X-Http-Method-Override": "DELETE",
}  # fmt: skip


@pytest.mark.parametrize("proxies", [0, 1])
def test_forwarders_change_neither_name_nor_path(tmp_path: Path, proxies: int) -> None:
    core = _core(tmp_path, web=Web(proxies=proxies))
    client = create_app(core).test_client()
    moved, page = client.get("/desk", headers=FORWARDED), client.get("/faq", headers=FORWARDED)
    cores.close(core)
    assert moved.headers["Location"].partition("://")[2] == "localhost/desk/"
    assert "evil" not in str(page.headers) + page.text
    assert ("Strict-Transport-Security" in page.headers) == bool(proxies)


def test_cookies_are_bound_to_the_host_where_there_is_tls(tmp_path: Path) -> None:
    """CWE-614, CWE-384: another host of the domain can plant no session."""
    core = _core(tmp_path, public_url="https://alumni.example")
    client = create_app(core).test_client()
    text = client.get("/login", base_url="https://alumni.example").text
    assert 'name="csrf_token"' in text
    assert [cookie.key for cookie in client._cookies.values()] == ["__Host-alumnimail_forms"]
    assert all(c.secure and c.path == "/" and c.origin_only and c.http_only for c in client._cookies.values())
    cores.close(core)


@pytest.mark.parametrize("scheme", ["javascript", "gopher", "https, javascript", "HTTPS:", "x" * 500])
def test_a_forwarded_scheme_that_is_none_of_ours_is_a_bad_request(tmp_path: Path, scheme: str) -> None:
    core = _core(tmp_path, public_url="https://portal.alumni.example", web=Web(proxies=1))
    answer = (
        create_app(core)
        .test_client()
        .get("/desk", headers={"Host": "portal.alumni.example", "X-Forwarded-Proto": scheme})
    )
    assert answer.status_code == 400
    assert scheme not in answer.headers.get("Location", "")
    cores.close(core)
