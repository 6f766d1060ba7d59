"""Rights that each process of `serve` keeps: one that an attacker takes over does not have what it never needed.

None can execute a program, trace or end others, or listen on a port that is not in the settings.  Mail and portal write to
the database, messages, search indexes and uploads, and to nothing else.  The portal can read neither the private keys of DKIM and
TLS nor that of ACME: where it signs, it asks the supervisor (process/key_agent.py).  docs/security.md has the table.
`serve --one` is one process that needs all of it, and keeps it.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mailcore.clock import Clock
from mailcore.config import Config, host_and_port
from mailcore.errors import ConfigError
from mailcore.log import log_for
from mailcore.process import landlock, secrecy
from mailcore.process.key_agent import Agent
from mailcore.services.limits import keys
from mailcore.services.operations import key_questions
from mailcore.services.operations.site_texts import TextKind
from mailcore.store.migrations.opening import opened

log = log_for(__name__)
# Of the data folder: what comes later must be there when rights are given up, as nothing new can be made beside it.
FOLDERS = ("blobs", "cache", "dkim", "incoming", "search", "sieve", "spool", "tls", *TextKind)
BESIDE_DATABASE = ("", "-wal", "-shm", "-changes", "-waits")
WAKES = "-wakes"  # a folder beside it
READ_ONLY = {"dkim", "keys", "sieve", "tls"}  # of them, for mail and portal
OF_ADMINISTRATORS = set(TextKind)  # whose pages are the portal's


def is_wanted(config: Config) -> bool:
    return config.limits.confinement == "auto"


def prepare_places(config: Config) -> None:
    """Make what processes may not make themselves; call it in the supervisor, when the database is there.

    Raises:
        OSError, Busy: it cannot be made.
    """
    for name in FOLDERS:
        (config.data_path / name).mkdir(mode=0o700, exist_ok=True)
    for name in BESIDE_DATABASE if not config.is_on_postgresql else BESIDE_DATABASE[-2:]:
        config.database_key.with_name(config.database_key.name + name).touch(0o600)
    config.database_key.with_name(config.database_key.name + WAKES).mkdir(mode=0o700, exist_ok=True)
    keys.ensure_keys(config)
    if config.data_path.resolve().is_relative_to(Path(tempfile.gettempdir()).resolve()):
        own = config.data_path.resolve() / "tmp"  # else whoever may write temporary files may write all of it
        own.mkdir(mode=0o700, exist_ok=True)
        os.environ["TMPDIR"] = str(own)
        tempfile.tempdir = None
    if landlock.find_version() < landlock.LEAST_VERSION:
        log.warning("this kernel has no Landlock: processes keep rights that they do not need (docs/security.md)")


@contextlib.contextmanager
def supervising(config: Config) -> Iterator[str]:
    """Prepare what confined processes need, and use keys for them; yields the address of the keys, "" = nobody is confined.

    Raises:
        ConfigError: what they need cannot be made.
    """
    if not is_wanted(config):
        yield ""
        return
    with contextlib.ExitStack() as stack:
        if not config.is_on_postgresql:
            # the last that closes SQLite's files removes two of them, and confined processes could not make them anew
            stack.enter_context(opened(config, Clock()))
        try:
            prepare_places(config)
        except OSError as problem:
            raise ConfigError(f"data: {problem.filename} cannot be made: {problem.strerror}") from None
        agent = Agent(key_questions.list_handlers(config))
        stack.callback(agent.close)
        yield agent.address


def list_rights(config: Config, kind: str) -> landlock.Rights:
    """List what a process of a kind (mail, queue, portal) keeps."""
    data = config.data_path.resolve()
    ports = {host_and_port(address)[1] for address in _list_listeners(config)}
    acme = config.acme_account_path  # made before, in `prepare`
    if kind == "queue":  # its jobs rotate, renew and back up
        hidden = () if config.is_in_cluster else tuple(data / "keys" / name for name in ("second-factor", "recovery"))
        ports |= {0} if config.outbound.bind else set()
        return landlock.Rights(hidden, ports=tuple(ports))
    writable = [
        entry
        for entry in sorted(data.iterdir())
        if entry.name not in READ_ONLY and (kind == "portal" or entry.name not in OF_ADMINISTRATORS)
    ]
    database = config.database_key.resolve()
    writable += [database.with_name(database.name + name) for name in (*BESIDE_DATABASE, WAKES)]
    writable += [config.blobs_path, Path(tempfile.gettempdir()), Path("/dev")]
    if kind == "portal":
        hidden = (data / "dkim", data / "tls" / "server.key", data / "tls" / "acme.pem", acme)
        # elsewhere all files beside it would be hidden, too, once they are replaced, such as /etc/resolv.conf
        if config.tls.key and (key := Path(config.tls.key).resolve()).is_relative_to(data):
            hidden += (key,)
        return landlock.Rights(hidden, writable=tuple(writable), ports=tuple(ports), speaks=True)
    hidden = (acme, *(data / "keys" / name for name in ("imports", "push", "second-factor", "webhook")))
    return landlock.Rights(hidden, writable=tuple(writable), ports=tuple(ports))


def _list_listeners(config: Config) -> list[str]:
    acme = [config.acme.listen] if config.acme.listen else []
    return [*config.listen.by_setting().values(), *acme]


def confine(config: Config, kind: str) -> None:
    """Give up for good what a process of that kind does not need; call it before it has a second thread."""
    secrecy.keep_memory_secret()
    if is_wanted(config):
        try:
            landlock.restrict(list_rights(config, kind))
        except OSError as problem:
            log.warning("%s keeps rights that it does not need: %s", kind, problem.strerror)
