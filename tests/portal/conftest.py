"""A browser without JavaScript, and an account to log in to."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from portal import create_app

PASSWORD = "correct horse battery"


class Browser:
    """Fills in forms as a person does: it loads the page first and sends its hidden fields back."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)

    def send(self, page: str, /, to: str = "", **fields: str | Sequence[str]) -> TestResponse:
        text = self.get(page).text
        hidden = dict(re.findall(r'<input id="\w+" name="(\w+)" type="hidden" value="([^"]*)">', text))
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
        assert token, f"{page} has no form"
        return self.client.post(to or page, data={**hidden, "csrf_token": token[1], **fields})

    def log_in(self, username: str = "ola", password: str = PASSWORD) -> TestResponse:
        return self.send("/login", to="/login", username=username, password=password)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(
        core, "ola", display_name="Ola Nordmann", password=PASSWORD, contact="ola@elsewhere.example", language="nb"
    )


@pytest.fixture
def browser(core: Core) -> Browser:
    return Browser(create_app(core).test_client())


@pytest.fixture
def inside(browser: Browser, ola: Account) -> Browser:
    assert browser.log_in().status_code == 303
    return browser


@pytest.fixture
def eva(browser: Browser, core: Core) -> Browser:
    """Log an administrator in."""
    accounts.add_account(core, "eva", display_name="Eva Admin", password=PASSWORD, language="en")
    accounts.set_role(core, "eva", "admin")
    assert browser.log_in("eva").status_code == 303
    return browser
