"""Domain, jobs, log and settings in administration (N37)."""

import csv
import io
import re
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.config_file import load_config, parse_config
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import ConfigError
from mailcore.net.dns import DnsTrouble
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import dns_records, jobs, settings_list
from mailcore.services.operations.jobs import Job
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser

ROOT = Path(__file__).resolve().parents[2]


def _last(core: Core, event: audit.Event) -> audit.AuditEntry:
    return audit.search_entries(core, audit.AuditFilter(event=event))[0].entry


def test_n37_a_record_that_is_missing_stands_there_to_be_copied(eva: Browser, core: Core, monkeypatch):
    monkeypatch.setattr(core.dns, "lookup", lambda name, kind: ())
    assert eva.send("/admin/domain", to="/admin/domain/look").status_code == 303
    page = eva.get("/admin/domain").text
    for record in dns_records.list_needed_records(core.config):
        line = dns_records.format_zone_line(record)
        assert line.replace('"', "&#34;") in page or line in page, record.name
    assert page.count('class="badge bad">missing') == len(dns_records.list_needed_records(core.config))


def test_n37_dns_that_is_silent_is_told_apart(eva: Browser, core: Core, monkeypatch):
    def silent(name: str, kind: str) -> None:
        raise DnsTrouble(name)

    monkeypatch.setattr(core.dns, "lookup", silent)
    eva.send("/admin/domain", to="/admin/domain/look")
    page = eva.get("/admin/domain").text
    assert "DNS did not answer" in page
    assert ">missing<" not in page


def test_n37_keys_rotate_by_steps_and_each_is_in_the_log(eva: Browser, core: Core, monkeypatch):
    dkim_keys.ensure_keys(core.config)
    assert eva.send("/admin/domain/dkim", password="wrong").status_code == 400
    assert dkim_keys.generations(core.config) == [1]
    eva.send("/admin/domain/dkim", password=PASSWORD)
    page = eva.get("/admin/domain/dkim").text
    published = dkim_keys.dns_records(core.config, [2])
    assert all(name in page for name in published)
    assert "PRIVATE KEY" not in page
    assert (_last(core, audit.Event.DKIM_ROTATED).actor, _last(core, audit.Event.DKIM_ROTATED).detail) == (
        "eva",
        "alumni.example: signs 1, before 1, made 2",
    )
    monkeypatch.setattr(core.dns, "lookup", lambda name, kind: ())
    assert "does not show" in eva.client.get(eva.send("/admin/domain/dkim", password=PASSWORD).headers["Location"]).text
    assert dkim_keys.current(core.config)[0] == 1
    monkeypatch.setattr(dkim_keys, "not_in_dns", lambda core, number, domain="": ())
    eva.send("/admin/domain/dkim", password=PASSWORD)
    assert dkim_keys.current(core.config)[0] == 2
    assert _last(core, audit.Event.DKIM_ROTATED).detail == "alumni.example: signs 2, before 1"


def test_n37_a_domain_whose_keys_rotate_is_named(eva: Browser, core: Core):
    """An index was cut to the last domain there is: a page from before a change rotated another's keys."""
    dkim_keys.ensure_keys(core.config)
    for wrong in ("7", "0", "other.example", ""):
        assert eva.send("/admin/domain/dkim", password=PASSWORD, domain=wrong).status_code == 400
    assert dkim_keys.generations(core.config) == [1]
    assert eva.send("/admin/domain/dkim", password=PASSWORD, domain="alumni.example").status_code == 303


def test_n37_a_job_that_failed_says_why_and_can_have_its_turn_now(eva: Browser, core: Core):
    def fail(_: Core) -> None:
        raise ZeroDivisionError

    jobs.run_due(core, Job("old traces", 86_400, fail))
    page = eva.get("/admin/jobs").text
    assert "ZeroDivisionError" in page
    worked: list[int] = []
    again = Job("old traces", 86_400, lambda _: worked.append(1))
    assert not jobs.run_due(core, again)
    assert eva.send("/admin/jobs", to="/admin/jobs/run", name="old traces").status_code == 303
    assert jobs.run_due(core, again)
    assert (_last(core, audit.Event.JOB_ASKED_FOR).actor, _last(core, audit.Event.JOB_ASKED_FOR).detail) == (
        "eva",
        "old traces",
    )
    assert "ZeroDivisionError" not in eva.get("/admin/jobs").text


def test_n37_there_is_no_turn_for_a_job_that_there_is_not(eva: Browser):
    assert eva.send("/admin/jobs", to="/admin/jobs/run", name="rm -rf").status_code == 403


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("account=ola", {"ola"}),
        ("actor=eva", {"kari"}),
        ("event=quota changed", {"kari"}),
        ("event=nonsense&account=kari", {"kari"}),
        ("since=2001-01-01&until=2001-12-31", set()),
        ("since=9999-99-99&until=x&account=ola", {"ola"}),
        ("account=nobody", set()),
    ],
)
def test_n37_the_log_is_filtered(eva: Browser, core: Core, ola: Account, query: str, shown: set[str]):
    accounts.add_account(core, "kari")
    accounts.set_quota(core, "kari", 1, actor="eva")
    page = eva.get(f"/admin/log?{query}").text
    assert set(re.findall(r'href="/admin/accounts/(\w+)"', page)) == shown


def test_n37_the_log_is_turned_over_page_by_page_and_nothing_is_lost(eva: Browser, core: Core, ola: Account):
    for number in range(120):
        core.db.write(lambda tx, n=number: audit.note(core, tx, ola.id, audit.Event.ROOM_MADE, detail=f"mark-{n}"))
    seen: list[str] = []
    path = "/admin/log?account=ola"
    while path:
        page = eva.get(path).text
        seen += re.findall(r"mark-(\d+)", page)
        more = re.search(r'href="([^"]+)" rel="next"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert [int(one) for one in seen] == list(range(119, -1, -1))


def test_n37_the_log_is_exported_and_that_is_in_the_log(eva: Browser, core: Core, ola: Account):
    core.db.write(
        lambda tx: audit.note(core, tx, ola.id, audit.Event.SENDING_HELD, actor="eva", detail="=cmd|'/c calc'")
    )
    answer = eva.send("/admin/log", to="/admin/log/export", account="ola")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert {row["account"] for row in rows} == {"ola"}
    assert rows[0]["detail"] == "'=cmd|'/c calc'"  # no formula for a spreadsheet
    assert (_last(core, audit.Event.LOG_EXPORTED).actor, _last(core, audit.Event.LOG_EXPORTED).detail) == (
        "eva",
        f"{len(rows)} entries",
    )


def test_n37_settings_say_where_they_come_from_and_no_secret_is_on_the_page(tmp_path: Path, monkeypatch):
    secret = tmp_path / "relay"
    secret.write_text("HUSH-relay")
    monkeypatch.setenv("BIND", "HUSH-bind")
    file = tmp_path / "alumnimail.toml"
    file.write_text(
        f'data = "{tmp_path}/data"\n[quota]\ndefault = "3G"\n'
        f'[outbound]\nmode = "relay"\nhost = "mx.example"\npassword = {{ file = "{secret}" }}\n'
        '[directory]\nurl = "ldaps://x.example"\nbase = "dc=x"\nbind_password = { env = "BIND" }\n'
        '[filter]\nlearn_password = "HUSH-learn"\n[portal_users]\ntoken = "HUSH-token"\nurl = "https://u:HUSH-url@x.example"\n'
    )
    core = cores.build(load_config(str(file)))
    try:
        lines = {line.name: line for line in settings_list.list_settings(core.config)}
        assert (lines["quota.default"].value, lines["quota.default"].source.value) == ("3G", "here")
        assert lines["quota.desk_most"].source.value == "default"
        assert lines["outbound.password"].source.value == "file"
        assert lines["directory.bind_password"].source.value == "env"
        assert not [line for line in lines.values() if "HUSH" in (line.value or "")]
        accounts.add_account(core, "eva", password=PASSWORD, language="en")
        accounts.set_role(core, "eva", "admin")
        browser = Browser(create_app(core).test_client())
        browser.log_in("eva")
        page = browser.get("/admin/settings").text
        assert "HUSH" not in page
        assert str(file) in page
        assert page.count("set, not shown") == 4
    finally:
        cores.close(core)


def test_n37_every_setting_that_is_called_a_secret_is_hidden():
    listed = re.findall(r"^\| ([^|]+) \| `\"\"` \| secret", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    secrets = {name for cell in listed for name in re.findall(r"`([\w.]+)`", cell)}
    assert len(secrets) > 5
    hidden = {name for name, _ in settings_list._walk(Config(), "") if settings_list._show(name, "x") is None}
    assert secrets <= hidden


def test_n37_where_settings_come_from_is_no_setting():
    with pytest.raises(ConfigError, match="unknown setting origin"):
        parse_config('[origin]\nfile = "x"\n')
