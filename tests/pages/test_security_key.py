"""A security key in a real browser: added by the page's script, and asked for at the next log-in (issue 4)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.services import accounts, two_factor
from portal import create_app
from tests.machine import free_port
from tests.pages.site import standing
from tests.portal.conftest import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.interop]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[tuple[str, Core]]:
    """The portal at http://localhost, where browsers offer security keys without TLS."""
    core = cores.build(Config(data=str(tmp_path)))
    accounts.add(core, "ola", password=PASSWORD)
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
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }})  # fmt: skip
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    log_in(page, url)
    page.goto(f"{url}/account/security/key?lang=en")
    page.fill("[name=label]", "Blå nøkkel")
    page.fill("[name=current]", PASSWORD)
    page.click("main button")
    page.wait_for_selector("code.secret")  # the recovery codes
    ola = accounts.get(core, "ola")
    assert [factor.label for factor in two_factor.listing(core, ola.id)] == ["Blå nøkkel"]
    context.clear_cookies()
    log_in(page, url)
    page.click("text=Use a security key")
    page.click("main button")
    page.wait_for_url(f"{url}/mail/**")
    assert said == []
    context.close()
