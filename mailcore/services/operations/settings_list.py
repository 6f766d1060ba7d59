"""List the settings as they are in use, and where each comes from.  Secrets are never among the values."""

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailcore.config import Config, Origin

# parts of names behind which a secret stands; what only names a file is none
_SECRET = re.compile(r"password\Z|_key\Z|secret|token")
_IN_URL = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)")
_QUERY_SECRET = re.compile(r"(?i)([?&][^=&]*(?:secret|password|key)[^=&]*=)[^&]*")


class Source(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    HERE = "here"  # the settings file itself
    FILE = "file"  # a secret in a file that the settings file names
    ENVIRONMENT = "env"


@dataclass(frozen=True, slots=True)
class SettingLine:
    """`value` as the settings file would write it; None for a secret that is set."""

    name: str
    value: str | None
    source: Source


def list_settings(config: Config) -> list[SettingLine]:
    """List every setting, in the order of docs/configuration.md."""
    given = dict(config.origin.given)
    return [
        SettingLine(name, _show(name, value), Source(given[name]) if name in given else Source.DEFAULT)
        for name, value in _walk(config, "")
    ]


def _walk(section: object, prefix: str) -> Iterator[tuple[str, object]]:
    assert dataclasses.is_dataclass(section)  # noqa: S101 - only called so
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Origin):
            continue
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def _show(name: str, value: object) -> str | None:
    if _SECRET.search(name.rpartition(".")[2]) and value:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(_hide(str(one)) for one in value)
    return _hide(str(value))


def _hide(text: str) -> str:
    """Write an address without the user and password in it."""
    return _QUERY_SECRET.sub(r"\1***", _IN_URL.sub("***", text))
