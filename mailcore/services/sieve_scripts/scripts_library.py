"""Scripts that `include` finds (RFC 6609), and programs prepared once.

Personal ones are the account's own, by the names that ManageSieve gives them.  Global ones are the site's: files
`sieve/NAME.sieve` in the data folder, which the operator writes and everybody may include.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import sieve
from mailcore.core import Core
from mailcore.domain import AccountId, Script
from mailcore.store.delivery.scripts import find_script
from mailcore.store.engine.db import Tx

Library = Callable[[str, str], str | None]
MAX_SCRIPTS = 255  # that are looked at for one


def make_library(core: Core, tx: Tx, account: AccountId) -> Library:
    """Return a function from place and name to source.  A script that is held is not there."""

    def find(place: str, name: str) -> str | None:
        if place == "global":
            return _read_site_script(core.config.data_path / "sieve", name)
        found = find_script(tx, account, name)
        return found.source if found and not found.held else None

    return find


def list_included(core: Core, tx: Tx, account: AccountId, source: str) -> tuple[dict[str, Script | None], bool]:
    """Return the account's own scripts that this one includes, also by others; and does any of them all send mail on?

    Held ones are among them, and None for a name that has none.
    """
    found: dict[str, Script | None] = {}
    seen: set[tuple[str, str]] = set()
    sends, todo = sieve.sends_on(source), list(_includes(source))
    while todo and len(seen) < MAX_SCRIPTS:
        place, name = todo.pop()
        if (place, name) in seen:
            continue
        seen.add((place, name))
        if place == "global":  # the site's own, which may send mail where the operator wants
            todo += _includes(_read_site_script(core.config.data_path / "sieve", name) or "")
            continue
        found[name] = script = find_script(tx, account, name)
        if script is not None:
            sends = sends or sieve.sends_on(script.source)
            todo += _includes(script.source)
    return found, sends


def _read_site_script(folder: Path, name: str) -> str | None:
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


def compile_program(source: str, library: Library) -> sieve.Program:
    """Compile a script with what it includes; cached.  Raises ScriptError."""
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
