"""A site with an owner, a member of the desk and somebody else's things; who attacks it, and with what."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mailcore import core as cores
from mailcore.config import Config, Limits
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser
from tests.portal.mailing import MESSAGE, put


@dataclass(frozen=True, slots=True)
class Site:
    core: Core
    app: Flask
    ola: Account
    kari: Account
    desk: Account

    def browser(self, who: str = "") -> Browser:
        """A stranger's, or that of somebody who has logged in."""
        browser = Browser(self.app.test_client())
        if who:
            assert browser.log_in(who).status_code == 303
        return browser


def token_of(client: FlaskClient) -> str:
    """Return the token that lets this browser send forms."""
    text = client.get("/help").text
    return text.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    config = Config(data=str(tmp_path_factory.mktemp("site")), limits=Limits(trusted=("127.0.0.0/8",)))
    core = cores.build(config)
    people = [
        accounts.add_account(core, name, password=PASSWORD, contact=f"{name}@outside.example")
        for name in ("ola", "kari", "dina")
    ]
    accounts.set_role(core, "dina", "desk")
    for owner in people:
        put(core, owner, MESSAGE)
        filters.put_script(core, owner.id, "mine", "keep;\r\n")
        tickets.submit_form(
            core, kind="other", subject="Hjelp", text="Hei", reply_to="", owner=owner, peer="127.0.0.1", language="nb"
        )
    yield Site(core, create_app(core), *people)
    cores.close(core)
