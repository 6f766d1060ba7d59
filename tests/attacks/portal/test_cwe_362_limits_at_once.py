"""CWE-362: of what is limited, nobody has more by asking two processes at once; CWE-799: nor by hiding what was counted."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, AccountId, Scope
from mailcore.errors import TooMany
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import Event
from mailcore.services.credentials import app_passwords
from mailcore.services.forwarding import forwarding
from mailcore.services.operations import webhooks
from mailcore.services.sieve_scripts import filters
from mailcore.services.transfer import mail_fetch
from mailcore.services.webmail import contacts, drafts, mail_settings, push, ready_texts
from mailcore.services.webmail.compose import Draft
from mailcore.store.engine.db import Tx

MOST, THREADS = 3, 4


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[tuple[Core, Core]]:
    """Two processes of a service, as far as the database knows."""
    made = cores.build(Config(data=str(tmp_path))), cores.build(Config(data=str(tmp_path)))
    yield made
    for core in made:
        cores.close(core)


@pytest.fixture
def core(processes: tuple[Core, Core]) -> Core:
    return processes[0]


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", contact="ola@outside.example")


Limited = tuple[object, str, Callable[[Core, AccountId, str], object]]
LIMITED: list[Limited] = [
    (app_passwords, "MAX_APPS", lambda core, owner, name: app_passwords.create_app_password(core, owner, name, [Scope.IMAP])),
    (mail_settings, "MAX_SEARCHES", lambda core, owner, name: mail_settings.save_search(core, owner, name, "x")),
    (ready_texts, "MAX_TEXTS", lambda core, owner, name: ready_texts.save_text(core, owner, name, "x")),
    (push, "MAX_BROWSERS", lambda core, owner, name: push.add_browser(core, owner, f"https://push.example/{name}", "")),
    (drafts, "MAX_WRITINGS", lambda core, owner, name: drafts.save_writing(core, owner, 0, Draft(subject=name))),
    (contacts, "MAX_CONTACTS", lambda core, owner, name: contacts.block_sender(core, owner, f"{name}@outside.example")),
    (filters, "MAX_SCRIPTS", lambda core, owner, name: filters.put_script(core, owner, name, "keep;\r\n")),
    (mail_fetch, "MAX_FETCHES", lambda core, owner, name: mail_fetch.start_fetch(core, owner, "imap.outside.example", name, "x")),
    (webhooks, "MAX_WEBHOOKS",
     lambda core, owner, name: webhooks.add_webhook(core, name, f"https://outside.example/{name}", webhooks.KINDS, actor="x")),
]  # fmt: skip


@pytest.mark.parametrize(("module", "limit", "add"), LIMITED, ids=[limit for _module, limit, _add in LIMITED])
def test_two_processes_at_once_give_no_more_than_one(
    processes: tuple[Core, Core],
    ola: Account,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    limit: str,
    add: Callable[[Core, AccountId, str], object],
) -> None:
    monkeypatch.setattr(module, limit, MOST)
    together = threading.Barrier(2 * THREADS)

    def try_one(number: int) -> bool:
        together.wait()
        try:
            add(processes[number % 2], ola.id, f"name{number}")
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(2 * THREADS) as pool:
        assert sum(pool.map(try_one, range(2 * THREADS))) == MOST


def test_many_other_events_do_not_hide_how_often_a_target_was_asked(core: Core, ola: Account) -> None:
    forwarding.set_forwarding(core, ola.id, "target@outside.example", copy=True)
    for _ in range(forwarding.QUESTIONS_A_DAY):
        forwarding.ask_again(core, ola.id)

    def note_many(tx: Tx) -> None:
        for _ in range(200):
            audit.note(core, tx, ola.id, Event.APP_PASSWORD_MADE)

    core.db.write(note_many)
    with pytest.raises(TooMany):
        forwarding.ask_again(core, ola.id)
