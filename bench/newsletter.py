"""A newsletter to everybody, by `alumnimail newsletter send`: on one machine, with SQLite.

    .venv/bin/python bench/newsletter.py [--people 30000] [--forwarding 10] [--kill]

Prints the seconds from the command to its end, and those of the processor, and checks that everybody has it once and no quota
counts it.  `--forwarding` is how many of a hundred people forward their mail, whose copies are signed one by one; `--kill` ends
the command with SIGKILL at a random progress before it is run to its end, and adds both times.
"""

import argparse
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.forwarding import forwarding
from mailcore.services.mailauth import dkim_keys
from mailcore.services.newsletters import issues, topics
from mailcore.services.operations import health

TEXT = (
    "# Nytt fra fakultetet\n\n"
    + "Dette er et avsnitt av vanlig lengde, med **litt** formatering og en lenke til https://uni.example/.\n\n" * 40
)
COPIES = (
    "SELECT count(*), count(DISTINCT b.account_id) FROM newsletter_edition e JOIN message m ON m.blob=e.blob"
    " JOIN mailbox b ON b.id=m.mailbox"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--forwarding", type=int, default=10)
    parser.add_argument("--kill", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        config = folder / "bench.toml"
        config.write_text(
            f'data = "{folder}/var"\n[outbound]\nmode = "capture"\n[forwarding]\ntargets = "any"\n', encoding="utf-8"
        )
        core = cores.build(parse_config(config.read_text()))
        number = _fill(core, args.people, args.forwarding)
        cores.close(core)
        command = [
            str(Path(sys.executable).parent / "alumnimail"),
            "--config",
            str(config),
            "newsletter",
            "send",
            str(number),
        ]
        seconds = 0.0
        if args.kill:
            aim = random.randrange(1, args.people)
            seconds += _run(command, folder, lambda copies: copies >= aim)
            print(f"killed at {_count(folder)[0]} of {args.people} after {seconds:.1f} s", flush=True)
        seconds += _run(command, folder, lambda copies: False)
        core = cores.build(parse_config(config.read_text()))
        problems = health.check_installation(core, repair=False)
        cores.close(core)
        right = _count(folder) == (args.people, args.people) and not problems
        print(
            f"newsletter    {args.people} subscribers, {args.forwarding} % forwarding: {seconds:.1f} s,"
            f" {_processor_seconds():.1f} s of the processor, {args.people / seconds:.0f} a second;"
            f" {'everybody once' if right else f'WRONG: {_count(folder)} {problems}'}"
        )


def _fill(core: Core, people: int, forwarding_percent: int) -> int:
    """Make people who have all agreed to a topic, and a newsletter that is ready."""
    dkim_keys.ensure_keys(core.config)
    for made, account in enumerate(
        accounts.import_accounts(core, [accounts.NewAccount(f"user{n}") for n in range(people)])
    ):
        if made % 100 < forwarding_percent:
            forwarding.set_forwarding(core, account.id, f"{account.name}@home.example", copy=True, confirmed=True)
    topic = topics.create_topic(core, {"nb": "Nytt", "nn": "Nytt", "en": "News"}, actor="bench")
    core.db.write(
        lambda tx: tx.run("INSERT INTO consent SELECT id,?,0,'Ja' FROM account WHERE name LIKE 'user%'", topic)
    )
    return issues.create_draft(core, topic, "nb", "Nyhetsbrev", TEXT, actor="bench")


def _processor_seconds() -> float:
    """Return what the commands have used of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _count(folder: Path) -> tuple[int, int]:
    """Return how many copies there are, and how many people have one."""
    database = sqlite3.connect(f"file:{folder}/var/alumnimail.db?mode=ro", uri=True)
    copies, owners = database.execute(COPIES).fetchone()
    database.close()
    return copies, owners


def _run(command: list[str], folder: Path, is_enough: Callable[[int], bool]) -> float:
    """Run the command to its end, or until there are enough copies; gives the seconds."""
    began = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True)
    while process.poll() is None:
        time.sleep(0.05)
        if is_enough(_progress(folder)):
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.wait()
    return time.monotonic() - began


def _progress(folder: Path) -> int:
    database = sqlite3.connect(f"file:{folder}/var/alumnimail.db?mode=ro", uri=True)
    [filed] = database.execute("SELECT COALESCE(MAX(filed),0) FROM newsletter").fetchone()
    database.close()
    return int(filed)


if __name__ == "__main__":
    main()
