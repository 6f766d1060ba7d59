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

import delivery
import outgoing
import reading
import scripts
from delivery import ACCOUNTS
from load import Target, end_in_order

CASES: dict[str, Callable[[Target], float]] = {**delivery.CASES, **reading.CASES, **outgoing.CASES, **scripts.CASES}
PASSWORD = "seks-og-tretti-ugler"  # in no list of those that others try, of which an owner is told


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a service in order, or at least end it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    finally:
        with contextlib.suppress(ProcessLookupError):  # as a rule nobody is left
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def ours(
    folder: Path,
    workers: int,
    *,
    top: str = "",
    more: str = "",
    accounts: int = ACCOUNTS,
    name: str = "ours",
    command: str = "",
) -> Iterator[Target]:
    """Start this server with its accounts in `folder`.

    Args:
        top: settings before all tables.
        more: tables behind all.
        command: another version's; "" = ours.
    """
    end_in_order()
    smtp, imap, submission, sink = free_port(), free_port(), free_port(), free_port()
    config = folder / "bench.toml"
    config.write_text(
        f'domain = "alumni.example"\ndata = "{folder}/var"\n{top}[listen]\nsmtp = "127.0.0.1:{smtp}"\nimap = "127.0.0.1:{imap}"\n'
        f'submission = "127.0.0.1:{submission}"\nsubmissions = ""\nimaps = ""\nmanagesieve = ""\nhttp = ""\n'
        f'[outbound]\nmode = "relay"\nhost = "127.0.0.1"\nport = {sink}\n'
        '[limits]\ntrusted = ["127.0.0.0/8"]\nplaintext = "loopback"\nsubmissions_per_hour = 1000000\n' + more
    )
    alumnimail = [command or str(Path(sys.executable).parent / "alumnimail"), "--config", str(config)]
    people = folder / "people.csv"
    if not people.exists():
        people.write_text("username,password\n" + "".join(f"user{n},{PASSWORD}\n" for n in range(1, accounts + 1)))
        subprocess.run([*alumnimail, "init"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*alumnimail, "user", "import", str(people)], check=True, stdout=subprocess.DEVNULL)
    process: subprocess.Popen[bytes] | None = None
    try:
        with (folder / "log").open("a") as log:
            process = subprocess.Popen(
                [*alumnimail, "serve", "--workers", str(workers)],
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        if process.stdout is None or process.stdout.readline().strip() != b"ready":
            raise RuntimeError("the server did not start")
        yield Target(name, smtp, imap, PASSWORD, submission, sink)
    finally:
        if process is not None:
            _stop(process)


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true", help="measure the peer too, which must be running")
    parser.add_argument("--peer-smtp", type=int, default=20025)
    parser.add_argument("--peer-imap", type=int, default=20143)
    parser.add_argument("--peer-submission", type=int, default=20587)
    parser.add_argument("--peer-dir", type=Path, help="where the peer's files stand; needed for `outgoing`")
    parser.add_argument("--data", type=Path, help="a folder to keep our accounts and their mail in for the next run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], default=[])
    args = parser.parse_args()
    with _folder(args.data) as folder, ours(folder, args.workers) as us:
        targets = [us]
        if args.peer:
            targets.append(Target("peer", args.peer_smtp, args.peer_imap, "pass", args.peer_submission, us.sink))
            if args.peer_dir:
                outgoing.relay_through(args.peer_dir, us.sink)
        for name in args.cases or CASES:
            run = CASES[name]
            if name == "outgoing" and args.peer and not args.peer_dir:
                print("outgoing      left out: it needs --peer-dir")
                continue
            seconds: dict[str, list[float]] = {target.name: [] for target in targets}
            if name in reading.CASES:
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
