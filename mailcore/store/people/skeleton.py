"""Skeletons of user names: names that a person confuses have one skeleton."""

_SAME = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), (".", ""), ("-", ""), ("_", ""))


def skeleton(name: str) -> str:
    """Return what names that look alike have in common: `0la`, `o.la` and `ola`, and so `rn` and `m`."""
    name = name.lower()
    for seen, as_ in _SAME:
        name = name.replace(seen, as_)
    return name
