"""Files of the data folder that all nodes of a cluster have: keys, DKIM generations, TLS certificates that we made.

The database has them, sealed under the cluster's key; those of a node are copies.  What a node has and the database has not is
added, the first node's stands; what another node changed is written anew here.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from mailcore.core import Core
from mailcore.errors import Busy, ConfigError
from mailcore.process.cluster_key import load_cluster_key
from mailcore.process.durable import write_file
from mailcore.process.sealing import seal, unseal
from mailcore.store.engine.db import Tx
from mailcore.store.site import nodes as store

FOLDERS = ("keys", "dkim", "tls")
CHANGING = ("dkim/", "tls/acme.pem")  # which others replace and remove


@contextlib.contextmanager
def _alone(core: Core) -> Iterator[None]:
    """Keep other processes of this node away."""
    (core.config.data_path / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(core.config.data_path / "keys", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _list_here(core: Core) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for folder in FOLDERS:
        for path in sorted((core.config.data_path / folder).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                found[str(path.relative_to(core.config.data_path))] = path.read_bytes()
    return found


def _list_shared(core: Core) -> dict[str, bytes]:
    """Raises ConfigError: something there was sealed by another key."""
    key = load_cluster_key(core.config.cluster.key)
    found: dict[str, bytes] = {}
    for name, sealed in core.db.read(store.list_shared_files).items():
        octets = unseal(key, sealed, name)
        if octets is None:
            raise ConfigError(f"cluster.key: {core.config.cluster.key} does not open what the nodes share ({name})")
        if name.partition("/")[0] in FOLDERS:
            found[name] = octets
    return found


def fetch_files(core: Core) -> None:
    """Write what nodes share into the data folder.

    Raises:
        ConfigError: this node has another key of that name, which might be the only one; or the cluster's key is wrong.
        Busy: it cannot be written.
    """
    with _alone(core):
        _fetch(core)


@contextlib.contextmanager
def changing(core: Core, *, replace: bool = False) -> Iterator[None]:
    """Fetch what nodes share, and share what is made or changed within.

    Args:
        replace: DKIM files that are changed or removed within are so for all.
    """
    if not core.config.is_in_cluster:
        yield
        return
    with _alone(core):
        _fetch(core)
        yield
        _share(core, replace=replace)
        _fetch(core)  # of two nodes that made the same file at once the first one's stands


def _fetch(core: Core) -> None:
    here, shared = _list_here(core), _list_shared(core)
    for name, octets in shared.items():
        if here.get(name) == octets:
            continue
        if name.startswith("keys/") and name in here:
            raise ConfigError(
                f"cluster: {core.config.data_path / name} differs from the one that the nodes share; move it away"
            )
        _write(core.config.data_path / name, octets)
    if any(name.startswith(CHANGING) for name in shared):
        for name in set(here) - set(shared):
            if name.startswith(CHANGING):  # it retired
                (core.config.data_path / name).unlink(missing_ok=True)


def _share(core: Core, *, replace: bool) -> None:
    key = load_cluster_key(core.config.cluster.key)
    here, shared = _list_here(core), _list_shared(core)
    changed = {name: seal(key, octets, name) for name, octets in here.items() if shared.get(name) != octets}
    removed = [name for name in set(shared) - set(here) if name.startswith(CHANGING)] if replace else []

    def write(tx: Tx) -> None:
        for name, sealed in changed.items():
            save = store.save_shared_file if replace and name.startswith(CHANGING) else store.add_shared_file
            save(tx, name, sealed)
        for name in removed:
            store.delete_shared_file(tx, name)

    if changed or removed:
        core.db.write(write)


def _write(path: Path, octets: bytes) -> None:
    try:
        write_file(path, octets)
    except OSError as problem:
        raise Busy(f"{path} cannot be written: {problem.strerror}") from problem
