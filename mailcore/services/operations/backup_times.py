"""When this installation was last backed up, and when a restore was last tried, saved in the database for its metrics.

A command must not bring the database of a running service up to date, so SQLite's is written beside it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import Busy
from mailcore.log import log_for
from mailcore.store.engine import snapshot
from mailcore.store.engine.tx import Tx
from mailcore.store.engine.values import get_value, save_value
from mailcore.store.migrations.opening import opened

log = log_for(__name__)
_BACKUP, _DRILL = "backup", "restore_drill"  # keys of `setting`


@dataclass(frozen=True, slots=True)
class LastRun:
    """When a command ended well, in seconds since 1970, and how long it took; 0 where it never did."""

    at: int = 0
    seconds: float = 0


def record_backup(config: Config, clock: Clock, seconds: float) -> None:
    """Record that a backup was finished now."""
    _record(config, clock, _BACKUP, seconds)


def record_drill(config: Config, clock: Clock, seconds: float) -> None:
    """Record that a backup was restored for trial now, and found whole; nothing where there is no installation."""
    if config.is_on_postgresql or config.database_path.exists():
        _record(config, clock, _DRILL, seconds)


def read_backup(tx: Tx) -> LastRun:
    """Read when the last backup was finished."""
    return _read(tx, _BACKUP)


def read_drill(tx: Tx) -> LastRun:
    """Read when a restore was last tried with success."""
    return _read(tx, _DRILL)


def _read(tx: Tx, key: str) -> LastRun:
    written = get_value(tx, key)
    return LastRun(**json.loads(written)) if written else LastRun()


def _record(config: Config, clock: Clock, key: str, seconds: float) -> None:
    """Save it; who has backed up has a backup, also where this cannot be written."""
    value = json.dumps(asdict(LastRun(clock.seconds(), round(seconds, 3))))
    save: Callable[[], None] = partial(_save_on_postgresql, config, clock, key, value)
    if not config.is_on_postgresql:
        save = partial(snapshot.save_value, config.database_path, key, value)
    try:
        save()
    except Busy as problem:
        log.warning("the time of this %s could not be recorded: %s", key.replace("_", " "), problem)


def _save_on_postgresql(config: Config, clock: Clock, key: str, value: str) -> None:
    with opened(config, clock) as db:
        db.write(lambda tx: save_value(tx, key, value))
