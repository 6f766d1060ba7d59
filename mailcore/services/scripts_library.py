"""Where `include` finds scripts (RFC 6609), and programs made ready once.

Personal ones are the account's own, by the names that ManageSieve gives them.  Global ones are the site's: files
`sieve/NAME.sieve` in the data folder, which the operator writes and everybody may include.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import sieve
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.store.db import Tx

Library = Callable[[str, str], str | None]
MAX_SCRIPTS = 255  # that are looked at for one


def of(core: Core, tx: Tx, account: AccountId) -> Library:
    """Place and name to source."""

    def find(place: str, name: str) -> str | None:
        if place == "global":
            return _site(core.config.data_path / "sieve", name)
        found = core.people.script(tx, account, name)
        return found.source if found else None

    return find


def _site(folder: Path, name: str) -> str | None:
    """No name leads out of the folder."""
    if not name or name.startswith(".") or not {"/", "\\", "\0"}.isdisjoint(name):
        return None
    try:
        return (folder / f"{name}.sieve").read_text("utf-8", "replace")
    except OSError:
        return None


_includes = lru_cache(maxsize=4096)(sieve.includes)


@lru_cache(maxsize=4096)
def _program(source: str, others: tuple[tuple[str, str, str | None], ...]) -> sieve.Program:
    """Cached by the script's text, whose hash Python keeps, and by the texts of what it includes."""
    known = {(place, name): text for place, name, text in others}
    return sieve.compile_script(source, lambda place, name: known.get((place, name)))


def program(source: str, library: Library) -> sieve.Program:
    """The script, ready to run.  Raises ScriptError."""
    if "include" not in source.lower():
        return _program(source, ())
    known: dict[tuple[str, str], str | None] = {}
    todo = list(_includes(source))
    while todo and len(known) < MAX_SCRIPTS:
        place, name = todo.pop()
        if (place, name) not in known:
            known[(place, name)] = text = library(place, name)
            todo += _includes(text) if text else ()
    return _program(source, tuple((place, name, text) for (place, name), text in sorted(known.items())))
