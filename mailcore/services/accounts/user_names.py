"""User names: those that may be ordered, and proposals instead of one that is taken (S05, S06).

Reserved names, names that are or were somebody's, names in another order, and names that people would take for one of
those (`0la`, `o.la`) are all refused with the same words: a stranger does not learn which.  Staff's own `user add` is free.
"""

import re
import unicodedata

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.errors import AccountExists, InvalidName
from mailcore.services.accounts import accounts
from mailcore.store.engine.db import Tx
from mailcore.store.people import addresses
from mailcore.store.people import orders as store
from mailcore.store.people.skeleton import skeleton

_FOLD = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ð": "d", "þ": "th", "ß": "ss", "ł": "l"})
_RESERVED = frozenset(skeleton(name) for name in accounts.RESERVED)
PROPOSALS, ALLOWED = 3, 12
NOBODY = AccountId(0)
HELD_SECONDS = 3600  # so long an order holds its name before its contact address has answered


def check_name(
    core: Core, tx: Tx, name: str, *, person: str | None = None, order: int = 0, account: AccountId | None = None
) -> str:
    """Return the name as it is saved.

    Args:
        person: whose own tombstone it may be.
        order: the order that asks, whose own wish is no hindrance.
        account: whose own addresses and requests are none, where somebody asks for a further address.

    Raises:
        InvalidName: no user name.
        AccountExists: it cannot be had.
    """
    name = accounts.check_name(name)
    domain = core.config.domain.lower()
    spellings = {name, name.replace("1", "i")}  # a 1 is taken for an l or an i
    if (
        any(skeleton(spelling) in _RESERVED for spelling in spellings)
        or not accounts.is_free(core, tx, name, person)
        or store.is_wanted(tx, name, core.clock.seconds() - HELD_SECONDS, order)
        or addresses.is_requested(tx, name, domain, besides=account or NOBODY)
        or any(store.looks_like(tx, spelling, domain, besides=name, account=account) for spelling in spellings)
    ):
        raise AccountExists("that user name cannot be had")
    return name


def propose_names(core: Core, tx: Tx, login: str, display_name: str, person: str | None = None) -> list[str]:
    """Return up to three names that are free, the person's own first."""
    names: list[str] = []
    for name in _candidates(login, display_name):
        try:
            checked = check_name(core, tx, name, person=person)
        except (InvalidName, AccountExists):
            continue
        if checked not in names:
            names.append(checked)
        if len(names) == PROPOSALS:
            break
    return names


def list_allowed(core: Core, tx: Tx, owner: Account, name: str = "") -> list[str]:
    """Return the names that the owner's name, or another `name` of theirs, allows them to have as further addresses."""
    allowed: list[str] = []
    for candidate in list_spellings(name or owner.display_name):
        try:
            checked = check_name(core, tx, candidate, person=owner.person, account=owner.id)
        except (InvalidName, AccountExists):
            continue
        if checked not in allowed:
            allowed.append(checked)
    return allowed[:ALLOWED]


def list_spellings(display_name: str) -> list[str]:
    """Return how a person may be written before the @: `kari.nordmann`, `k.nordmann`, `kari.lie.nordmann` and so on.

    One word alone is a whole family's, so a name of one word allows nothing.
    """
    words = [word for word in (_to_ascii(word) for word in display_name.split()) if word]
    if len(words) < 2:
        return []
    first, last, all_words = words[0], words[-1], ".".join(words)
    joined = "".join(words)
    spellings = [
        f"{first}.{last}",
        all_words,
        f"{first[0]}.{last}",
        f"{last}.{first}",
        f"{first}-{last}",
        f"{first}{last}",
    ]
    spellings += [joined, f"{first[0]}{last}", f"{first}.{last[0]}", f"{first}{last[0]}"]
    spellings += [f"{first}.{middle[0]}.{last}" for middle in words[1:-1]]
    return list(
        dict.fromkeys([*spellings, *(one.replace("-", "") for one in spellings if one.count("-") and "." in one)])
    )


def _candidates(login: str, display_name: str) -> list[str]:
    words = [_to_ascii(word) for word in display_name.split()]
    words = [word for word in words if word]
    names = [login.strip().lower()] if login else []
    if words:
        first, last = words[0], words[-1]
        names += [f"{first}.{last}", f"{first[:1]}{last}", f"{first}{last[:1]}", ".".join(words)]
    stem = names[0] if names else "alumni"
    return names + [f"{stem}{number}" for number in range(2, 30)]


def _to_ascii(word: str) -> str:
    """Return the letters a to z that somebody would write for a name."""
    decomposed = unicodedata.normalize("NFKD", word.lower().translate(_FOLD))
    return re.sub(r"[^a-z0-9-]", "", decomposed).strip("-")
