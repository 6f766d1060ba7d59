"""Every case against this server and, with --peer, against the classic stack, in turn (A B A B), with ratios.

The peer is any Postfix + Dovecot with accounts user1 .. userN at alumni.example, password `pass`, LOGIN allowed
without TLS on loopback, and no limits there; SMTP on port 20025 and IMAP on 20143 unless said otherwise.
"""

import argparse
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from load import Imap, Smtp, Target, in_threads, logged_in, message, timed, wait_for

SESSIONS, MESSAGES, ACCOUNTS, FETCHED, LOGINS = 10, 1000, 1000, 10_000, 300


def deliver(target: Target) -> float:
    """1,000 messages of 4 KiB from 10 sessions until they stand in the mailbox."""
    mail = [message(4096, number) for number in range(MESSAGES)]
    client = logged_in(target, "user1")
    before = client.count()

    def session(number: int) -> None:
        smtp = Smtp(target.smtp)
        for octets in mail[number::SESSIONS]:
            smtp.send(["user1@alumni.example"], octets)
        smtp.close()

    def all_of_it() -> None:
        in_threads(SESSIONS, session)
        wait_for(lambda: client.count() >= before + MESSAGES)

    seconds = timed(all_of_it)
    client.close()
    return seconds


def newsletter(target: Target) -> float:
    """One message of 100 KiB to 1,000 accounts until it stands in the last mailbox."""
    clients = [logged_in(target, f"user{number}") for number in (1, ACCOUNTS // 2, ACCOUNTS - 1, ACCOUNTS)]
    before = [client.count() for client in clients]
    octets = message(102_400, 1)
    everyone = [f"user{number}@alumni.example" for number in range(1, ACCOUNTS + 1)]

    def all_of_it() -> None:
        smtp = Smtp(target.smtp)
        smtp.send(everyone, octets)
        smtp.close()
        for client, had in zip(clients, before, strict=True):
            wait_for(lambda client=client, had=had: client.count() > had)

    seconds = timed(all_of_it)
    for client in clients:
        client.close()
    return seconds


def fetch(target: Target) -> float:
    """FETCH of flags and envelopes of 10,000 messages."""
    client = logged_in(target, "user2")
    if client.count("INBOX") < FETCHED:
        for number in range(client.count("INBOX"), FETCHED):
            client.append("INBOX", message(2048, number))
    client.command("SELECT INBOX")
    lines: list[bytes] = []
    seconds = timed(lambda: lines.extend(client.command(f"FETCH 1:{FETCHED} (FLAGS ENVELOPE)")))
    if len(lines) < FETCHED:
        raise RuntimeError(f"only {len(lines)} answers")
    client.close()
    return seconds


def _in_ten_thousand(command: str) -> Callable[[Target], float]:
    def case(target: Target) -> float:
        client = logged_in(target, "user2")
        if client.count("INBOX") < FETCHED:
            fetch(target)
        client.command("SELECT INBOX")
        seconds = timed(lambda: client.command(command))
        client.close()
        return seconds

    return case


def logins(target: Target) -> float:
    """Connect, LOGIN, SELECT, LOGOUT, 300 times."""

    def all_of_it() -> None:
        for _ in range(LOGINS):
            client = Imap(target.imap)
            client.command(f'LOGIN user3 "{target.password}"')
            client.command("SELECT INBOX")
            client.command("LOGOUT")
            client.close()

    return timed(all_of_it)


CASES: dict[str, Callable[[Target], float]] = {
    "delivery": deliver, "newsletter": newsletter, "fetch": fetch, "logins": logins,
    "sort": _in_ten_thousand("SORT (REVERSE DATE) UTF-8 ALL"),
    "thread": _in_ten_thousand("THREAD REFERENCES UTF-8 ALL"),
    "search": _in_ten_thousand("SEARCH SUBJECT x FROM y"),
    "flags": _in_ten_thousand("UID FETCH 1:* (FLAGS)"),
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def ours(folder: Path, workers: int) -> Iterator[Target]:
    """This server with 1,000 accounts in `folder`."""
    smtp, imap = free_port(), free_port()
    config = folder / "bench.toml"
    config.write_text(
        f'domain = "alumni.example"\ndata = "{folder}/var"\n[listen]\nsmtp = "127.0.0.1:{smtp}"\nimap = "127.0.0.1:{imap}"\n'
        'submission = ""\nsubmissions = ""\nimaps = ""\nmanagesieve = ""\nhttp = ""\n[outbound]\nmode = "capture"\n'
        '[limits]\ntrusted = ["127.0.0.0/8"]\nplaintext = "loopback"\n'
    )
    people = folder / "people.csv"
    people.write_text("username,password\n" + "".join(f"user{n},pass\n" for n in range(1, ACCOUNTS + 1)))
    command = [str(Path(sys.executable).parent / "alumnimail"), "--config", str(config)]
    subprocess.run([*command, "init"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*command, "user", "import", str(people)], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(
        [*command, "serve", "--workers", str(workers)], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        if process.stdout is None or process.stdout.readline().strip() != b"ready":
            raise RuntimeError("the server did not start")
        yield Target("ours", smtp, imap, "pass")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true", help="measure the peer too, which must be running")
    parser.add_argument("--peer-smtp", type=int, default=20025)
    parser.add_argument("--peer-imap", type=int, default=20143)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], default=[])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ours(Path(folder), args.workers) as us:
        targets = [us]
        if args.peer:
            targets.append(Target("peer", args.peer_smtp, args.peer_imap, "pass"))
        for name in args.cases or CASES:
            run = CASES[name]
            seconds: dict[str, list[float]] = {target.name: [] for target in targets}
            if name not in ("delivery", "newsletter"):
                for target in targets:
                    run(target)  # fills the mailbox, warms what is cached
            for _ in range(args.rounds):
                for target in targets:
                    seconds[target.name].append(run(target))
                    time.sleep(0.2)
            medians = {target: statistics.median(found) for target, found in seconds.items()}
            line = f"{name:12}" + "".join(f"  {t} {m * 1000:8.0f} ms" for t, m in medians.items())
            if "peer" in medians:
                line += f"  peer/ours {medians['peer'] / medians['ours']:.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
