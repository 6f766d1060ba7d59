"""Costs of a service on PostgreSQL as it grows: the same work with a thousand accounts and with many, in turn.

Both databases stand on one server; their accounts and mail are made by the server itself (tests/many_accounts.py).  At the end
every job runs once where there are many, with what it read of each table.
"""

import argparse
import contextlib
import functools
import itertools
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from load import Imap, Smtp, Target, end_in_order, logged_in, message, timed
from run import ours

from mailcore import core as cores
from mailcore.config_file import load_config
from mailcore.services.accounts import accounts
from mailcore.services.operations import jobs
from tests import many_accounts, postgres_server
from tests.job_reads import count_reads

FEW = 1000
USERS = 40  # in one round, others each time
LARGE_TABLE = 10_000  # rows


def _users(target: Target, size: int, seed: int) -> list[str]:
    return [f"user{number}" for number in random.Random(f"{target.name}{seed}").sample(range(2, size + 1), USERS)]


def measure(target: Target, size: int, seed: int) -> dict[str, float]:
    """Return milliseconds for each thing that a mail program does, by the mean of a round's users."""
    users = _users(target, size, seed)
    took: dict[str, float] = {}

    def each(name: str, work: Callable[[Imap], object]) -> None:
        took[name] = timed(lambda: [work(client) for client in clients]) / USERS * 1000

    clients: list[Imap] = []
    took["log-in, the first"] = timed(lambda: clients.extend(logged_in(target, user) for user in users)) / USERS * 1000
    for client in clients:
        client.close()
    clients.clear()
    took["log-in"] = timed(lambda: clients.extend(logged_in(target, user) for user in users)) / USERS * 1000
    each("SELECT", lambda client: client.command("SELECT INBOX"))
    each("FETCH of 50 envelopes", lambda client: client.command("FETCH 51:100 (UID FLAGS ENVELOPE)"))
    each("FETCH of 10 bodies", lambda client: client.command("FETCH 1:10 BODY.PEEK[]"))
    each("STORE of one", lambda client: client.command(r"STORE 7 +FLAGS.SILENT (\Flagged)"))
    each("APPEND", lambda client: client.append("INBOX", message(1000, seed)))
    for client in clients:
        client.close()
    smtp = Smtp(target.smtp)

    def deliver() -> None:
        for number, user in enumerate(users):
            smtp.send([f"{user}@alumni.example"], message(1000, number))

    took["delivery"] = timed(deliver) / USERS * 1000
    smtp.close()
    return took


@contextlib.contextmanager
def filled(folder: Path, url: str, name: str, size: int) -> Iterator[Target]:
    """Start a service with so many accounts."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    database = url.replace("@/postgres?", f"@/{name}?")
    (folder / name).mkdir()
    serve = functools.partial(ours, folder / name, 1, top=f'database = "{database}"\n', accounts=1, name=name)
    with serve():
        pass  # makes user1
    core = cores.build(load_config(str(folder / name / "bench.toml")))
    try:
        first = accounts.find_account(core, "user1").id
        many_accounts.save_templates(core, first, [message(1000, number) for number in range(many_accounts.TEMPLATES)])
    finally:
        cores.close(core)
    with psycopg.connect(database, autocommit=True) as connection:
        seconds = timed(lambda: many_accounts.fill(connection, size))
        connection.execute("CHECKPOINT")
        octets = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    print(f"{name}: {size:,} accounts in {seconds:.0f} s, {octets[0] / 2**20 if octets else 0:,.0f} MiB", flush=True)
    with serve() as target:
        yield target


def read_by_jobs(folder: Path, name: str) -> None:
    """Say which job reads more than a tenth of a large table."""
    config = load_config(str(folder / name / "bench.toml"))
    core = cores.build(config)
    all_jobs = [job for job in jobs.list_jobs(core) if not job.waits]
    cores.close(core)
    nothing = count_reads(config, lambda core: None)
    for job in all_jobs:
        for table, (rows, read) in count_reads(config, job.run).items():
            read -= nothing[table][1]
            if rows >= LARGE_TABLE and read > rows / 10:
                print(f"the job {job.name!r} reads {read:,} rows of {table}, which has {rows:,}", flush=True)


def main(args: argparse.Namespace) -> None:
    end_in_order()
    sizes = {"few": FEW, "many": args.cluster}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        url = stack.enter_context(postgres_server.serving(settings=("fsync=on", "max_connections=200")))
        with contextlib.ExitStack() as services:
            targets = [services.enter_context(filled(folder, url, *one)) for one in sizes.items()]
            found: dict[str, dict[str, list[float]]] = {}
            for seed, target in itertools.product(range(args.rounds + 1), targets):
                for case, took in measure(target, sizes[target.name], seed).items():
                    if seed:  # the first round warms what is cached
                        found.setdefault(case, {}).setdefault(target.name, []).append(took)
        print(f"| milliseconds | {FEW:,} accounts | {args.cluster:,} | ratio |\n|---|---:|---:|---:|")
        for case, by_name in found.items():
            few, many = (statistics.median(by_name[name]) for name in sizes)
            print(f"| {case} | {few:.1f} | {many:.1f} | {many / few:.2f} |")
        sys.stdout.flush()
        read_by_jobs(folder, "many")
