"""Lynx as a person uses it, key by key: order, log in, ask for help, answer (N16)."""

import os
import pty
import select
import time

import pytest

from mailcore.domain import OrderState
from mailcore.services.accounts import accounts, orders
from mailcore.services.tickets import tickets
from portal.help import forms
from tests.machine import program
from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
DOWN, ENTER, TAB = "<Down Arrow>", "<^J>", "<<tab>>"


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(forms, "MIN_SECONDS", 0)  # keys come faster than from a person
    with site.served(tmp_path / "portal") as (base, app):
        yield base, app.extensions["core"], tmp_path


def press(house, path: str, *keys: str) -> str:
    """Return what lynx showed until it was left; words that are no keys are typed."""
    base, _, folder = house
    script = folder / "keys"
    lines = [
        f"key {one[1:-1]}" if one.startswith("<") else "\n".join(f"key {'<space>' if c == ' ' else c}" for c in one)
        for one in (*keys, "Q", "y")
    ]
    script.write_text("\n".join(lines) + "\n")
    name = program("lynx")
    words = [
        name,
        "-accept_all_cookies",
        "-nopause",
        f"-cmd_script={script}",
        "-display_charset=utf-8",
        f"{base}{path}",
    ]
    child, terminal = pty.fork()
    if child == 0:
        nowhere = {"http_proxy": "http://127.0.0.1:1/", "https_proxy": "http://127.0.0.1:1/", "no_proxy": "127.0.0.1"}
        own = {"TERM": "vt100", "LANG": "C.UTF-8", "HOME": str(folder), "LINES": "40", "COLUMNS": "90"}
        os.execvpe(name, words, os.environ | own | nowhere)
    shown, end = b"", time.monotonic() + 120
    while time.monotonic() < end and select.select([terminal], [], [], 60)[0]:
        try:
            octets = os.read(terminal, 65536)
        except OSError:  # it has ended
            break
        shown += octets
    os.close(terminal)
    os.waitpid(child, 0)
    return shown.decode("utf-8", "replace")


def enter(role: str) -> tuple[str, ...]:
    """From the page of log-in, where one is sent on."""
    return "/User name", ENTER, role, DOWN, site.PASSWORD, DOWN, ENTER


def test_a_stranger_orders_an_account(house):
    press(
        house,
        "/order?lang=en",
        "/Your name",
        ENTER,
        "Kari Vik",
        DOWN,
        "karivik",
        DOWN,
        "kari@elsewhere.example",
        DOWN,
        DOWN,
        "1975 to 1979",
        TAB,
        "/I accept",
        ENTER,
        ENTER,
        DOWN,
        ENTER,
    )
    assert [
        (one.name, one.contact) for one in orders.list_orders(house[1], OrderState.SUBMITTED) if one.name == "karivik"
    ] == [("karivik", "kari@elsewhere.example")]
    assert "1975 to 1979" in next(one.affiliation for one in orders.list_orders(house[1]) if one.name == "karivik")


def test_a_person_logs_in_and_asks_for_help(house):
    shown = press(
        house,
        "/login?lang=en&next=/help",
        *enter("ola"),
        "/Subject",
        ENTER,
        "Lynx asks",
        DOWN,
        "How do I forward?",
        TAB,
        TAB,
        TAB,
        TAB,
        ENTER,
    )
    assert "has number" in shown
    newest = tickets.list_own(house[1], accounts.find_account(house[1], "ola").id)[0]
    assert newest.subject == "Lynx asks"
    assert "How do I forward?" in tickets.list_messages(house[1], newest, notes=False)[0].text


def test_somebody_of_the_desk_answers(house):
    press(
        house,
        "/login?lang=en&next=/desk/cases/2",
        *enter("agnes"),
        "/Standard answer",
        ENTER,
        TAB,
        TAB,
        "Try this.",
        TAB,
        ENTER,
    )
    found = tickets.get_ticket(house[1], 2)
    assert found.state == "answered"
    assert [one.text for one in tickets.list_messages(house[1], found, notes=False)][-1] == "Try this."
