"""The first letter of a case: due with the case's own commit, written outside of any write, sent once whatever happens."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Outcome, TicketState
from mailcore.errors import Busy
from mailcore.services.operations import jobs
from mailcore.services.tickets import first_notice, ticket_mail, tickets
from tests.services.test_tickets import ask, mail, queued, written

KILLED = """
import os, signal, sys
from pathlib import Path
from mailcore import core as cores
from mailcore.config import Config
from mailcore.services.tickets import first_notice
from tests.services.test_tickets import ask, mail, written

first_notice._send = lambda core, number: os.kill(os.getpid(), signal.SIGKILL)
core = cores.build(Config(data=sys.argv[1]))
ask(core) if sys.argv[2] == "form" else mail(core, written())
"""


def letters(core: Core) -> list[str]:
    return [str(message["Subject"]) for message in queued(core)]


def fail(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def write_notice(*_: object, **__: object) -> ticket_mail.TicketNotice:
        raise problem

    monkeypatch.setattr(ticket_mail, "write_notice", write_notice)


@pytest.mark.sqlite
@pytest.mark.parametrize("way", ["mail", "form"])
def test_what_is_due_when_the_process_is_killed_goes_out_once(tmp_path, way):
    cores.close(cores.build(Config(data=str(tmp_path))))
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), way], cwd=os.getcwd(), timeout=60)
    assert done.returncode == -signal.SIGKILL
    core = cores.build(Config(data=str(tmp_path)))
    try:
        assert letters(core) == []
        first_notice.send_due_notices(core)
        assert len(letters(core)) == 1
        first_notice.send_due_notices(core)
        assert len(letters(core)) == 1
        [ticket] = tickets.list_tickets(core, tuple(TicketState))
        assert ticket.state == ("open" if way == "mail" else "unconfirmed")
    finally:
        cores.close(core)


@pytest.mark.parametrize("problem", [Busy("the disk is full"), ValueError("a mistake")])
def test_a_letter_that_cannot_be_written_refuses_nobody_and_comes_later(core, monkeypatch, problem):
    with monkeypatch.context() as broken:
        fail(broken, problem)
        assert mail(core, written()).outcome is Outcome.FILED
        ask(core, text="another question, by the form")
        first_notice.send_due_notices(core)
        assert letters(core) == []
    first_notice.send_due_notices(core)
    assert len(letters(core)) == 2


def test_many_who_send_the_same_letter_send_one(core, monkeypatch):
    with monkeypatch.context() as broken:
        fail(broken, Busy("not now"))
        ticket = ask(core)
    together = threading.Barrier(4)

    def send() -> None:
        together.wait()
        first_notice.send_notice(core, ticket.id)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(letters(core)) == 1


def test_a_case_that_was_erased_meanwhile_is_told_to_nobody(core, monkeypatch, clock):
    with monkeypatch.context() as broken:
        fail(broken, Busy("not now"))
        ask(core)
    clock.forward(seconds=tickets.CONFIRM_SECONDS + 1)
    tickets.expire_tickets(core)
    first_notice.send_due_notices(core)
    assert letters(core) == []


def test_a_job_sends_what_is_due(core):
    assert first_notice.send_due_notices in [job.run for job in jobs.list_jobs(core)]
