"""`alumnimail serve`: the supervisor, its mail workers, the queue worker and the portal; `init` and `check`.

The processes meet only in the database and the blob store.  SIGTERM drains: no new connections, commands in
progress finish, the queue gives its leases back.  One process that ends takes the others with it, the supervisor too;
one whose event loop stands still is ended and started anew, beside the others (process/heartbeat.py).
"""

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

import click
import uvloop

from mailcore import core as cores
from mailcore.cli import confinement, connection_guard, web_server
from mailcore.cli.metrics_server import Metrics
from mailcore.config import Config, host_and_port
from mailcore.errors import ConfigError
from mailcore.imap import server as imap
from mailcore.log import log_for, start_logging
from mailcore.managesieve import server as managesieve
from mailcore.net.socket_activation import NONE_HANDED, HandedSockets, take_sockets
from mailcore.net.transport import Listener
from mailcore.process import heartbeat, key_agent, malloc, secrecy
from mailcore.process.connection_counts import ConnectionCounts, clear, count_cells
from mailcore.process.data_lock import lock_data
from mailcore.process.tracing import check_tracing, start_tracing
from mailcore.queue.worker import Worker
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import health, jobs, shared_files
from mailcore.services.operations.nodes import Membership
from mailcore.services.webmail import indexing
from mailcore.smtp import server as smtp

log = log_for(__name__)
DRAIN_SECONDS = 10
PR_SET_PDEATHSIG = 1  # prctl(2)
LISTENERS = {  # settings of `[listen]`, by the kind of process that listens there
    "mail": ("smtp", "submission", "submissions", "lmtp", "imap", "imaps", "managesieve"),
    "queue": ("metrics",),
    "portal": ("http",),
}


def prepare(config: Config) -> None:
    """Create database, blobs, keys and certificates; safe to repeat.

    Raises:
        ConfigError: the certificate or the bucket cannot be used, or an extra is missing.
    """
    check_tracing(config)
    core = cores.build(config)
    try:
        with shared_files.changing(core):
            certificates.ensure_certificate(config, core.clock)
            dkim_keys.ensure_keys(config)
            if config.acme.directory:
                certificates.ensure_account_key(config)
        health.claim_store(core)
        accounts.ensure_postmaster(core)
    finally:
        cores.close(core)
    certificates.tls_context(config)


@contextlib.contextmanager
def serving(config: Config, handed: HandedSockets = NONE_HANDED) -> Iterator[None]:
    """Everything is prepared, and nobody else has the data or the ports; those of `handed` are ours.

    The mail processes share their ports (`reuse_port`) with whoever does so too, be it another installation: it is looked
    before they begin, and told once instead of by each of them.

    Raises:
        ConfigError: data or ports are taken, or may not be had.
    """
    with lock_data(config):
        prepare(config)
        for setting, address in config.listen.by_setting().items():
            if not handed.find(setting):
                try:
                    _check_free(*host_and_port(address))
                except OSError as problem:
                    raise ConfigError(f"listen.{setting}: {address} cannot be had: {problem.strerror}") from None
        yield


def _check_free(host: str, port: int) -> None:
    """Listen for a moment.  Raises OSError: an address is taken, or may not be had."""
    for family, kind, protocol, _, place in socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(place)


async def _mail(
    config: Config,
    ready: Callable[[], None],
    *,
    queue: bool,
    mail: bool,
    portal: bool,
    counts: ConnectionCounts | None = None,
    supervisor: int = 0,
    beat: Callable[[], Coroutine[Any, Any, None]] | None = None,  # Any: nothing is sent to it, and nothing comes of it
    handed: HandedSockets = NONE_HANDED,
) -> None:
    """Everything that one process runs, until it is told to stop; `supervisor` is the process that started it and others."""
    malloc.configure()
    core = cores.build(config)
    start_tracing(config, "one" if mail and queue else "queue" if queue else "mail")
    # rows of ten thousand messages are no garbage: looking through them took half the time of THREAD
    gc.set_threshold(100_000, 50, 1000)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    certificate = certificates.Certificate(config)
    loop.add_signal_handler(signal.SIGHUP, certificate.refresh)
    core.start_feed()
    core.waits.share(config.database_key)
    smtp_listeners: list[smtp.SmtpListener] = []
    listeners: list[Listener] = []
    member = Membership(core) if queue else None
    worker = Worker(core, has_lapsed=member.has_lapsed) if member else None
    chores: list[asyncio.Task[None]] = [loop.create_task(core.waits.watch_loop())]
    tasks: list[asyncio.Task[None]] = []
    web = metrics = None
    try:
        if mail:
            counts = counts or ConnectionCounts()
            smtp_listeners += await smtp.start(core, certificate.context, counts, handed)
            for module in (imap, managesieve):
                listeners += await module.start(core, certificate.context, counts, handed)
            chores += [loop.create_task(connection_guard.watch(core, listeners)), loop.create_task(certificate.watch())]
        if worker and member:
            tasks.append(loop.create_task(worker.run()))
            chores += [
                loop.create_task(jobs.run_forever(core, lambda: member.is_fenced)),
                loop.create_task(indexing.run_forever(core)),
            ]
            if config.listen.metrics:
                metrics = Metrics(core, config.listen.metrics, supervisor, handed.find("metrics"))
        if portal and config.listen.http:
            import portal as pages  # the roof's other half; joined only where both are started

            app = pages.create_app(core)
            web = web_server.InProcess(
                config.listen.http, app, lambda: pages.end_streams(app), config, handed.find("http")
            )
        if beat:
            chores.append(loop.create_task(beat()))
        gc.freeze()  # what a process begins with stays: to look through it takes 60 ms, with everybody waiting
        ready()
        await stop.wait()
    finally:
        for smtp_listener in smtp_listeners:
            smtp_listener.close()
        for listener in listeners:
            listener.close()
        if web is not None:
            await asyncio.to_thread(web.stop)
        if metrics is not None:
            await asyncio.to_thread(metrics.stop)
        for chore in chores:
            chore.cancel()
        if worker:
            worker.stop()
        await smtp.finish(smtp_listeners, config.limits.stop_seconds)
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
            for task in left:
                task.cancel()
        if member:
            await asyncio.to_thread(member.close)
        await asyncio.sleep(0.2)  # what is being answered is answered
        cores.close(core)


def _say_ready() -> None:
    """To whoever reads, and to the service manager (sd_notify(3))."""
    click.echo("ready")
    sys.stdout.flush()
    if where := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, contextlib.suppress(OSError):
            manager.sendto(b"READY=1", where.replace("@", "\0", 1) if where.startswith("@") else where)


def run_one(config: Config, handed: HandedSockets = NONE_HANDED) -> None:
    """Everything in this process until SIGTERM; in `serving`.  Raises ConfigError: a port is taken."""
    with contextlib.suppress(KeyboardInterrupt):
        try:
            uvloop.run(_mail(config, _say_ready, queue=True, mail=True, portal=True, handed=handed))
        except OSError as problem:
            raise ConfigError(f"cannot listen: {problem}") from None


@dataclass(frozen=True, slots=True)
class _Shared:
    """Memory in which the mail processes count connections together (process/connection_counts.py), and all their heartbeats."""

    table: Any  # an array of multiprocessing
    processes: int
    seed: bytes
    beats: Any  # another one, with a number for each process
    keys: str = ""  # where the portal asks for what it has no keys for (process/key_agent.py); "" = it has them


# Any: a multiprocessing.Event
def _child(
    config: Config, ready: Any, kind: str, shared: "_Shared", number: int, handed: HandedSockets = NONE_HANDED
) -> None:
    start_logging(config.log.format, messages=config.log.messages)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # a supervisor that is killed leaves nobody behind
    for sock in handed:
        sock.set_inheritable(kind == "portal")  # which becomes another program
    if kind == "portal":
        os.environ["GUNICORN_CMD_ARGS"] = ""
        os.environ.pop("NOTIFY_SOCKET", None)  # it would say that all of us are ready
        if shared.keys:
            os.environ[key_agent.ADDRESS] = shared.keys
        ready.set()
        command = web_server.command(config.listen.http, handed.find("http"))
        os.execv(command[0], command)  # noqa: S606 - our own interpreter
    confinement.confine(config, kind)
    counts = ConnectionCounts(shared.table, number, shared.processes, shared.seed) if kind == "mail" else None
    parent = os.getppid()
    uvloop.run(
        _mail(
            config,
            ready.set,
            queue=kind == "queue",
            mail=kind == "mail",
            portal=False,
            counts=counts,
            supervisor=parent,
            beat=partial(heartbeat.beat, shared.beats, number),
            handed=handed,
        )
    )


def _supervise(config: Config, workers: int, path: str | None, keys: str, handed: HandedSockets) -> int:
    """Start the processes, say `ready`, end them on SIGTERM; one that dies takes all down (systemd starts anew)."""
    spawn = multiprocessing.get_context("spawn")
    if path:
        os.environ["ALUMNIMAIL_CONFIG"] = os.path.abspath(path)
    kinds = ["mail"] * workers + ["queue"] + (["portal"] if config.listen.http else [])
    table, beats = spawn.RawArray("I", count_cells(workers)), spawn.RawArray("I", len(kinds))
    shared = _Shared(table, workers, secrets.token_bytes(16), beats, keys)
    stopping = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stopping.set())
    children: list[Any] = []  # Any: processes of this context
    events = []

    def start(number: int) -> Any:
        event, kind = spawn.Event(), kinds[number]
        args = (config, event, kind, shared, number, handed.select(LISTENERS[kind]))
        child = spawn.Process(target=_child, args=args, name=f"alumnimail-{kind}")
        child.start()
        events.append(event)
        return child

    children += map(start, range(len(kinds)))  # mail processes come first
    watch = heartbeat.Watch(beats, config.limits.stuck_seconds)
    signal.signal(signal.SIGHUP, lambda *_: _reload(children))
    status = 0
    waiting = list(events)
    while not stopping.wait(0.1):
        if (
            waiting
            and all(event.is_set() for event in waiting)
            and _answers(config.listen.http, bool(handed.find("http")))
        ):
            waiting = []
            _say_ready()
        if ended := [child for child in children if not child.is_alive()]:
            for child in ended:
                log.error("%s (process %s) ended with %s; stopping", child.name, child.pid, child.exitcode)
            status = 1
            break
        for number in watch.find_stuck():
            child = children[number]
            log.error(
                "%s (process %s) has stood still for %s seconds in one call, which follows; it is started anew",
                child.name, child.pid, config.limits.stuck_seconds,
            )  # fmt: skip
            heartbeat.end(child)
            watch.forget(number)
            if kinds[number] == "mail":
                clear(table, number)
            children[number] = start(number)
    _end(children, config.limits.stop_seconds + smtp.ANSWER_SECONDS + DRAIN_SECONDS + 5)
    return status


def _end(children: Sequence[BaseProcess], seconds: float) -> None:
    """End the processes, all within so many seconds, before systemd loses patience (TimeoutStopSec)."""
    for child in children:
        child.terminate()
    until = time.monotonic() + seconds
    for child in children:
        child.join(max(0.0, until - time.monotonic()))
    for child in children:
        if child.is_alive():
            log.error("%s (process %s) did not end within %s seconds; it is killed", child.name, child.pid, seconds)
            child.kill()
            child.join()


def _answers(address: str, is_handed: bool) -> bool:
    """Say if the portal takes connections; it does not report itself when it is up.

    On a socket that was handed over anybody connects before it is: there it has to answer.
    """
    if not address:
        return True
    host, port = host_and_port(address)
    seconds = 5 if is_handed else 1
    try:
        with socket.create_connection((host.replace("0.0.0.0", "127.0.0.1"), port), seconds) as connection:  # noqa: S104
            if is_handed:
                connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                return bool(connection.recv(1))
    except OSError:
        return False
    return True


def _reload(children: list[Any]) -> None:  # Any: processes of a multiprocessing context
    for child in children:
        if child.pid:
            os.kill(child.pid, signal.SIGHUP)


@click.command()
@click.option("--one", is_flag=True, help="Run everything in one process.")
@click.option("--workers", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="Number of mail processes.")
@click.pass_context
def serve(context: click.Context, one: bool, workers: int) -> None:
    """Run the service in the foreground until SIGTERM."""
    secrecy.keep_memory_secret()
    config: Config = context.obj["config"]
    start_logging(config.log.format, messages=config.log.messages)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be heeded, and so it is for the processes
    handed = take_sockets(config)
    with serving(config, handed):
        if one:
            run_one(config, handed)
            return
        with confinement.supervising(config) as keys:
            status = _supervise(config, workers, context.obj.get("path"), keys, handed)
        sys.exit(status)


@click.command()
@click.pass_context
def init(context: click.Context) -> None:
    """Create database, blobs, keys and certificates; safe to repeat."""
    prepare(context.obj["config"])
    click.echo(f"ready to serve {context.obj['config'].domain} from {context.obj['config'].data}")


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired.")
@click.pass_context
def check(context: click.Context, repair: bool) -> None:
    """Check database, blobs, quotas and modseqs; exit 1 if anything is wrong."""
    core = cores.build(context.obj["config"])
    try:
        problems = health.check_installation(core, repair=repair)
    finally:
        cores.close(core)
    for problem in problems:
        click.echo(problem)
    if problems and not repair:
        sys.exit(1)
    if not problems:
        click.echo("all is well")
