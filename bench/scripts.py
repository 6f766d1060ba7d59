"""Sieve: 10,000 messages through a filter of 50 rules, hard patterns, and the share of a delivery that scripts take.

Here in one process; the peer's `sieve-test` is started once for each message, as many times as patience allows, and scaled up.
`python bench/scripts.py` prints everything; the case `sieve` of bench/run.py is the first of it.  (Not named sieve.py: a
file of that name would hide the package from all that stands beside it.)
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from load import Target

import sieve
from mailcore import core as cores
from mailcore.config import Config
from mailcore.domain import Envelope, MailboxRecipient
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, script_runs
from mailcore.services.delivery.script_trial import Trial, TrialView
from mailcore.services.sieve_scripts import filters, scripts_library
from mailcore.services.sieve_scripts.script_view import MessageText

EVALUATIONS, RULES, PEER_RUNS, DELIVERIES = 10_000, 50, 40, 2_000
MESSAGE = (
    b"From: Kari Nordmann <kari@outside.example>\r\nTo: <user1@alumni.example>\r\nSubject: Notes of Tuesday's meeting\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@outside.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + b"A line of text, as people write them.\r\n" * 100
)


def filter_of_rules() -> str:
    """Fifty rules of the usual kinds; the last one takes the message."""
    rules = ['require ["fileinto", "imap4flags", "copy"];']
    for number in range(RULES - 1):
        tests = (
            f'header :contains "subject" "offer {number}"',
            f'address :is "from" "list{number}@lists.example"',
            f'header :matches "list-id" "*<team{number}.*>"',
            f'anyof (header :is "x-tag" "t{number}", size :over {number + 1}M)',
        )
        rules.append(f'if {tests[number % 4]} {{ addflag "$r{number}"; fileinto "Folder {number}"; stop; }}')
    rules.append('if header :contains "subject" "meeting" { fileinto :copy "Meetings"; }')
    return "\r\n".join(rules) + "\r\n"


def evaluate(target: Target) -> float:
    """10,000 evaluations of a filter of 50 rules."""
    source = filter_of_rules()
    return _peer(source) * EVALUATIONS / PEER_RUNS if target.name == "peer" else _ours(source)


def _ours(source: str) -> float:
    trial = Trial(script=source, octets=MESSAGE, sender="kari@outside.example", recipient="user1@alumni.example")
    began = time.perf_counter()
    for _ in range(EVALUATIONS):
        program = _compiled(source)
        view = TrialView(trial, MessageText(Message(MESSAGE)), 1_700_000_000)
        if len(sieve.run(program, view).actions) != 2:
            raise RuntimeError("the filter did something else")
    return time.perf_counter() - began


def _compiled(source: str) -> sieve.Program:
    return scripts_library.compile_program(source, lambda place, name: None)


def _peer(source: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script, message, settings = Path(folder, "s.sieve"), Path(folder, "m.eml"), Path(folder, "dovecot.conf")
        Path(folder).chmod(0o777)  # as root it runs as somebody else
        who = "mail_uid = nobody\nmail_gid = nogroup\n" if os.getuid() == 0 else ""
        settings.write_text(f"mail_location = mbox:{folder}/mail\nmail_home = {folder}\nfirst_valid_uid = 1\n{who}")
        words = ["-c", str(settings), str(script), str(message)]
        script.write_text(source)
        message.write_bytes(MESSAGE)
        # compiled beforehand, as in its deliveries
        subprocess.run(["sievec", str(script)], check=True, capture_output=True)
        began = time.perf_counter()
        for _ in range(PEER_RUNS):
            subprocess.run(["sieve-test", *words], check=True, capture_output=True)
        return time.perf_counter() - began


CASES: dict[str, Callable[[Target], float]] = {"sieve": evaluate}


# Printed by hand


def hard() -> None:
    """Patterns that hang other engines: milliseconds until they end, and how."""
    text = "a" * 100_000
    doubling = 'require "variables"; set "a" "aaaaaaaaaa";' + 'set "a" "${a}${a}";' * 200
    matching = 'if header :matches "subject" "%s" { discard; }'
    for name, source in {
        '"*a*a*a*a*b" on 100 kB': matching % "*a*a*a*a*b",
        "200 stars on 100 kB": matching % ("*a" * 200 + "*b"),
        "doubling 200 times": doubling + 'if string :matches "${a}" "*a*a*a*a*b" { discard; }',
        '":regex (a*)*(a*)*b" on 100 kB': 'require "regex"; if header :regex "subject" "(a*)*(a*)*b" { discard; }',
    }.items():
        octets = f"Subject: {text}\r\n\r\n".encode()
        program, how = sieve.compile_script(source), "ends"
        view = TrialView(Trial(script=source, octets=octets), MessageText(Message(octets)), 1_700_000_000)
        began = time.perf_counter()
        try:
            sieve.run(program, view)
        except sieve.ScriptRuntimeError as problem:
            how = problem.problem
        print(f"{name:34} {1000 * (time.perf_counter() - began):7.1f} ms  {how}")


@contextlib.contextmanager
def _house() -> Iterator[cores.Core]:
    with tempfile.TemporaryDirectory(prefix="bench", dir=Path.cwd()) as folder:
        core = cores.build(Config(data=folder))
        try:
            yield core
        finally:
            cores.close(core)


def share() -> None:
    """Measure the part of a delivery's time that the generated script and a personal one of 50 rules take."""
    with _house() as core:
        ola = accounts.add_account(core, "ola", quota=0).id
        filters.put_script(core, ola, "mine", filter_of_rules())
        filters.set_active_script(core, ola, "mine")
        spent, decide = 0.0, script_runs.decide

        def timed(*given: object, **named: object) -> script_runs.Decision:
            nonlocal spent
            began = time.perf_counter()
            try:
                return decide(*given, **named)  # type: ignore[arg-type]  # the same arguments
            finally:
                spent += time.perf_counter() - began

        script_runs.decide = timed
        envelope, recipient = (
            Envelope("kari@outside.example", ("ola@alumni.example",)),
            MailboxRecipient("ola@alumni.example", ola),
        )

        async def all_of_it() -> float:
            began = time.perf_counter()
            for _ in range(DELIVERIES):
                await delivery.accept(core, envelope, [recipient], MESSAGE, b"Received: here\r\n")
            return time.perf_counter() - began

        whole = asyncio.run(all_of_it())
        print(
            f"{DELIVERIES} deliveries: {whole:.2f} s, scripts of 50 rules {spent:.2f} s = {100 * spent / whole:.1f} %"
        )


if __name__ == "__main__":
    ours, peer = Target("ours", 0, 0, ""), Target("peer", 0, 0, "")
    seconds = evaluate(ours)
    print(f"ours: {EVALUATIONS} evaluations {seconds:.2f} s, {1e6 * seconds / EVALUATIONS:.0f} us each")
    if "--peer" in sys.argv:
        other = evaluate(peer)
        print(
            f"peer: {EVALUATIONS} times sieve-test {other:.2f} s (from {PEER_RUNS}), {other / seconds:.0f} times ours"
        )
    hard()
    share()
