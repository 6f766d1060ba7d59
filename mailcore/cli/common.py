"""Helpers that commands share: core on demand, sizes, tables and JSON."""

import contextlib
import dataclasses
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import UNLIMITED, Config, quota_octets
from mailcore.core import Core
from mailcore.errors import ConfigError


def become_owner(folder: Path) -> None:
    """Change from root to the owner of the data: what root creates there, the service could not write to.

    Raises:
        OSError: this root may not.
    """
    if os.geteuid() == 0 and folder.is_dir() and (owner := folder.stat()).st_uid != 0:
        os.setgroups([])
        with contextlib.suppress(KeyError):  # who has no name has no other groups, and no home
            entry = pwd.getpwuid(owner.st_uid)
            os.initgroups(entry.pw_name, owner.st_gid)
            os.environ["HOME"] = entry.pw_dir  # whose .pgpass libpq reads, as in the unit
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


class Site:
    """Settings, clock and core of a command; nothing is opened before it is used, so `--help` needs no database."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = Clock()
        self._core: Core | None = None

    @property
    def core(self) -> Core:
        if self._core is None:
            self._core = cores.build(self.config)
        return self._core

    def close(self) -> None:
        if self._core is not None:
            cores.close(self._core)
            self._core = None


SITE = "alumnimail.site"
pass_site = click.decorators.pass_meta_key(SITE)
json_option: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class Quota(click.ParamType[int]):
    """`2G`, `500M`, plain octets, or `unlimited`, which is 0."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return quota_octets(value)
        except ConfigError as problem:
            self.fail(str(problem), param, ctx)


def plain(record: Any) -> Any:  # Any: whatever json.dumps can hold
    """Turn a record into values for JSON: times in ISO 8601, octets of messages left out."""
    found = dataclasses.asdict(record)
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in found.items()
        if not isinstance(value, bytes)
    }


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def harmless(text: str) -> str:
    """Replace control characters in strangers' text (subjects, replies), which could be commands to the terminal."""
    return "".join(one if one.isprintable() or one in "\t\n" else "\ufffd" for one in text)


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [list(head), *([harmless(str(cell)).replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def counted(done: Iterable[object], length: int, label: str) -> int:
    """Work through an iterator, with a progress bar on a terminal, and return how many items it had."""
    if not sys.stderr.isatty():
        return sum(1 for _ in done)
    with click.progressbar(done, length=length, label=label, file=sys.stderr) as bar:
        return sum(1 for _ in bar)


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 account`, `2 accounts`.

    Args:
        many: the noun where there is not one; without it `one` and an s.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def size(value: int) -> str:
    """Format octets for people: 1.5G."""
    for unit, octets_each in (("G", 2**30), ("M", 2**20), ("K", 2**10)):
        if value >= octets_each:
            return f"{value / octets_each:.4g}{unit}"
    return str(value)


def quota_size(value: int) -> str:
    """Format a quota for people, as commands take it."""
    return size(value) if value else UNLIMITED
