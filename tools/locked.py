"""Print what the requirements bring along, as NAME==VERSION of this environment: a package for elsewhere needs the same."""

import re
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement


def list_locked(names: set[str]) -> dict[str, str]:
    """Return name and version of everything that `names` need, and what those need."""
    found: dict[str, str] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = version(name)
        except PackageNotFoundError:
            continue  # for another system
        needed = (Requirement(one) for one in requires(name) or ())
        waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


if __name__ == "__main__":
    roots = {Requirement(one).name for one in requires("alumnimail") or () if "extra ==" not in one}
    print(" ".join(f"{name}=={number}" for name, number in sorted(list_locked(roots).items())))
