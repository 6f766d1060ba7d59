"""Flags as the database keeps them: a sum of bits for the system flags, keywords as ` a b `."""

SYSTEM = {"\\Seen": 1, "\\Answered": 2, "\\Flagged": 4, "\\Deleted": 8, "\\Draft": 16}
BY_LOWER = {name.lower(): name for name in SYSTEM}
SEEN, DELETED = 1, 8

_known: dict[tuple[int, str], frozenset[str]] = {}


def split_flags(flags: frozenset[str]) -> tuple[int, str]:
    """Return the bits and the text of keywords of a set of flags."""
    bits, keywords = 0, []
    for flag in flags:
        if name := BY_LOWER.get(flag.lower()):
            bits |= SYSTEM[name]
        elif not flag.startswith("\\"):
            keywords.append(flag)
    return bits, f" {' '.join(sorted(keywords))} " if keywords else ""


def join_flags(bits: int, keywords: str) -> frozenset[str]:
    """Return the set of flags; the same combination is the same object, so 10,000 rows cost a dictionary look-up each."""
    found = _known.get((bits, keywords))
    if found is None:
        if len(_known) > 10_000:
            _known.clear()
        found = frozenset([name for name, bit in SYSTEM.items() if bits & bit] + keywords.split())
        _known[bits, keywords] = found
    return found


def change_keywords(old: str, how: str, words: list[str]) -> str | None:
    """Return a message's keywords after words were added or removed, None if they stay."""
    had = set(old.split())
    lower = {word.lower() for word in words}
    if how == "remove":
        new = {word for word in had if word.lower() not in lower}
    else:
        new = had | {word for word in words if word.lower() not in {other.lower() for other in had}}
    if new == had:
        return None
    return f" {' '.join(sorted(new))} " if new else ""
