"""SQLite with files beside PostgreSQL with S3: on loopback, and with round trips of 0.1 and 0.7 ms between us and both servers.

The delay is made by a proxy of ours, which costs processor time of the same machine; the servers are Debian's PostgreSQL with
fsync and SeaweedFS.  All services stand side by side, and each case is measured in turn.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import delivery
import psycopg
import reading
from load import Imap, Target, end_in_order, logged_in, message, timed
from run import ours

from tests import postgres_server, s3_server
from tests.tcp_proxy import TcpProxy

ROUND_TRIPS = {"pg+s3": 0.0, "0.1ms": 0.0001, "0.7ms": 0.0007}  # seconds
LARGE = 400 * 1024  # outside of the database
FETCHED = 50


def large_ones(target: Target) -> float:
    """Deliver 100 messages of 400 KiB from 10 sessions."""
    return delivery._deliver(target, messages=100, octets=LARGE, sessions=10, users=1)


def _holding(target: Target) -> Imap:
    client = logged_in(target, "user3")
    for number in range(client.count(), FETCHED):
        client.append("INBOX", message(LARGE, number))
    client.command("SELECT INBOX")
    return client


def warm(target: Target) -> float:
    """Fetch 50 messages of 400 KiB that this machine has."""
    client = _holding(target)
    seconds = timed(lambda: client.command(f"FETCH 1:{FETCHED} BODY.PEEK[]"))
    client.close()
    return seconds


def cold(target: Target) -> float:
    """Fetch them when its cache is empty; files are always here."""
    client = _holding(target)
    shutil.rmtree(FOLDERS[target.name] / "var/cache", ignore_errors=True)
    seconds = timed(lambda: client.command(f"FETCH 1:{FETCHED} BODY.PEEK[]"))
    client.close()
    return seconds


def _with_fifty(target: Target) -> Imap:
    client = logged_in(target, "user4")
    for number in range(client.count(), FETCHED):
        client.append("INBOX", message(2000, number))
    client.command("SELECT INBOX")
    return client


def stores(target: Target) -> float:
    """Change a flag 100 times, of one message and of 50 in turn."""
    client = _with_fifty(target)

    def work() -> None:
        for number in range(100):
            which = f"1:{FETCHED}" if number % 2 else "7"
            client.command(f"STORE {which} {'+-'[number // 2 % 2]}FLAGS (\\Flagged)")

    seconds = timed(work)
    client.close()
    return seconds


def copies(target: Target) -> float:
    """Copy 10 messages 50 times."""
    client = _with_fifty(target)
    seconds = timed(lambda: [client.command("COPY 1:5,11:15 Archive") for _ in range(50)])
    client.close()
    return seconds


CASES: dict[str, Callable[[Target], float]] = {
    **delivery.CASES,
    "large outside": large_ones,
    "fetch warm": warm,
    "fetch cold": cold,
    "logins": reading.logins,
    "append": reading.append,
    "store": stores,
    "copy": copies,
}
FOLDERS: dict[str, Path] = {}


@contextlib.contextmanager
def targets(root: Path, workers: int, accounts: int, inside: str) -> Iterator[list[Target]]:
    """Start all services."""
    end_in_order()
    with contextlib.ExitStack() as stack:

        def start(name: str, top: str = "", more: str = "") -> Target:
            FOLDERS[name] = root / name
            FOLDERS[name].mkdir()
            words = {"top": f'blobs_inside = "{inside}"\n{top}', "more": more, "name": name}
            return stack.enter_context(ours(FOLDERS[name], workers, accounts=accounts, **words))

        url = stack.enter_context(postgres_server.serving(settings=("fsync=on", "max_connections=300")))
        bucket = stack.enter_context(s3_server.serving())
        folder = url.partition("host=")[2]
        made = [start("sqlite")]
        for number, (name, round_trip) in enumerate(ROUND_TRIPS.items()):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE bench{number}".encode())
            database, endpoint = f"postgresql://postgres@/bench{number}?host={folder}", bucket.endpoint
            if round_trip:
                proxies = TcpProxy(f"{folder}/.s.PGSQL.5432"), TcpProxy(bucket.ports[0])
                for proxy in proxies:
                    proxy.delay = round_trip / 2
                    stack.callback(proxy.close)
                database = f"postgresql://postgres@127.0.0.1:{proxies[0].port}/bench{number}"
                endpoint = proxies[1].endpoint
            place = bucket.new_place()
            made.append(
                start(
                    name,
                    f'database = "{database}"\nblobs = "s3://{place.name}/{place.prefix}"\n',
                    f'[s3]\nendpoint = "{endpoint}"\naccess_key = "{s3_server.ACCESS}"\nsecret_key = "{s3_server.SECRET}"\n',
                )
            )
        yield made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--accounts", type=int, default=delivery.ACCOUNTS)
    parser.add_argument("--inside", default="128K", help="up to this size messages stand in the database")
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], default=[])
    args = parser.parse_args()
    delivery.ACCOUNTS = args.accounts
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        targets(Path(folder), args.workers, args.accounts, args.inside) as all_of_them,
    ):
        for name in args.cases or CASES:
            seconds: dict[str, list[float]] = {target.name: [] for target in all_of_them}
            for number in range(args.rounds + 1):
                for target in all_of_them:
                    took = CASES[name](target)
                    if number:  # the first warms what is cached
                        seconds[target.name].append(took)
                    time.sleep(0.2)
            medians = {target: statistics.median(found) for target, found in seconds.items()}
            first = medians["sqlite"]
            print(
                f"{name:14}  sqlite {first * 1000:7.0f} ms"
                + "".join(f"  {t} {m * 1000:7.0f} ms ({first / m:.2f})" for t, m in medians.items() if t != "sqlite"),
                flush=True,
            )


if __name__ == "__main__":
    main()
