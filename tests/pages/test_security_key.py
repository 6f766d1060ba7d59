"""The second step in a real browser: a security key by the page's script, the codes of an app without any (issue 4)."""

from base64 import b32decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.signin import two_factor
from portal import create_app
from tests.machine import free_port
from tests.pages.site import standing
from tests.portal.conftest import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.interop]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[tuple[str, Core]]:
    """The portal at http://localhost, where browsers offer security keys without TLS."""
    core = cores.build(Config(data=str(tmp_path)))
    accounts.add_account(core, "ola", password=PASSWORD)
    port = free_port()
    url = f"http://localhost:{port}"
    here = replace(core, config=replace(core.config, public_url=url))
    with standing(create_app(here), port):
        yield url, here
    cores.close(core)


def log_in(page: Any, url: str) -> None:
    page.goto(f"{url}/login?lang=en")
    page.fill("[name=username]", "ola")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


def test_a_security_key_is_added_and_opens_the_second_step(chromium: Any, local: tuple[str, Core]) -> None:
    url, core = local
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    log_in(page, url)
    page.goto(f"{url}/account/security/key?lang=en")
    page.fill("[name=label]", "Blå nøkkel")
    page.fill("[name=current]", PASSWORD)
    page.click("main button")
    page.wait_for_selector("code.secret")  # the recovery codes
    ola = accounts.find_account(core, "ola")
    assert [factor.label for factor in two_factor.list_factors(core, ola.id)] == ["Blå nøkkel"]
    context.clear_cookies()
    log_in(page, url)
    page.click("text=Use a security key")
    page.click("main button")
    page.wait_for_url(f"{url}/mail/**")
    assert said == []
    context.close()


def test_n33_a_passkey_is_the_log_in_and_no_password_is_typed(chromium: Any, local: tuple[str, Core]) -> None:
    url, core = local
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    asks = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True, **asks}
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    log_in(page, url)
    page.wait_for_url(f"{url}/mail/**")
    page.goto(f"{url}/account/security/passkey?lang=en")
    page.fill("[name=label]", "Telefonen")
    page.fill("[name=current]", PASSWORD)
    page.click("main form button")
    page.wait_for_url(f"{url}/account/security")
    assert "Telefonen" in page.inner_text("main")
    [credential] = devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert credential["isResidentCredential"]
    context.clear_cookies()
    page.goto(f"{url}/login/passkey?lang=en")
    page.click("main form button")
    page.wait_for_url(f"{url}/mail/**")
    context.clear_cookies()
    page.goto(f"{url}/login?lang=en")  # offered in the field of the user name, and taken at once by this device
    page.wait_for_url(f"{url}/mail/**")
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    context.clear_cookies()
    page.goto(f"{url}/login/passkey?lang=en")
    page.click("main form button")
    page.wait_for_selector("#problem")
    assert "Log in with your password" in page.inner_text("#problem")
    context.close()


def test_codes_of_an_app_open_the_second_step_once_each_and_a_printed_code_too(
    chromium: Any, local: tuple[str, Core]
) -> None:
    url, core = local
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(20_000)
    page = context.new_page()
    log_in(page, url)
    page.goto(f"{url}/account/security/app?lang=en")
    assert page.locator("svg.qr").is_visible()
    secret = b32decode(page.inner_text("code.secret").replace(" ", ""))
    step = core.clock.seconds() // two_factor.STEP_SECONDS

    def code(at: int) -> str:
        return HOTP(secret, 6, SHA1()).generate(at).decode()  # noqa: S303 - what every app does

    page.fill("[name=code]", code(step))
    page.fill("[name=current]", PASSWORD)
    page.click("main button")
    printed = page.locator("code.secret").all_inner_texts()
    assert len(printed) == 10

    def second(said: str) -> None:
        context.clear_cookies()
        log_in(page, url)
        page.fill("[name=code]", said)
        page.click("main button")

    for used in (code(step), "123", printed[0] + "0"):
        second(used)
        assert "is wrong, or has been used" in page.inner_text("#problem")
    for good in (code(step + 1), printed[0]):
        second(good)
        page.wait_for_url(f"{url}/mail/**")
        second(good)
        assert page.url.endswith("/login/second")
    context.close()
