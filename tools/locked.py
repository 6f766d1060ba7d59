"""Print what the requirements bring along, as NAME==VERSION of this environment: a package for elsewhere needs the same."""

import re
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement


def list_locked(roots: list[Requirement]) -> dict[str, str]:
    """Return name and version of everything that the requirements need, and what those need, with the extras asked for."""
    found: dict[str, str] = {}
    seen = set[tuple[str, str]]()
    waiting = list(roots)
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        for extra in ("", *sorted(wanted.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                found[name] = version(wanted.name)
            except PackageNotFoundError:
                break  # for another system
            needed = (Requirement(one) for one in requires(wanted.name) or ())
            waiting += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})]
    return found


if __name__ == "__main__":
    own = [Requirement(one) for one in requires("alumnimail") or () if "extra ==" not in one]
    print(" ".join(f"{name}=={number}" for name, number in sorted(list_locked(own).items())))
