"""Read requirements.txt as `make lock` writes it: each package with its version, its marker and the hashes of its files.

As a program it prints those that a Python elsewhere needs (`python -m tools.locked 3.13 [FILE ...]`), one on each line as pip
reads it: a package for Debian holds the same.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package: `name` is normalised, `hashes` (SHA-256) are those of all its files on PyPI."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def is_needed(self, python: str) -> bool:
        """Say if Linux with CPython of that version (`3.13`) needs it."""
        system = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
        return self.marker is None or self.marker.evaluate(system)

    def format_line(self) -> str:
        """Format it as one line of a requirements file."""
        return " ".join((f"{self.name}=={self.version}", *(f"--hash=sha256:{octets}" for octets in self.hashes)))


def list_locked(file: Path = ROOT / "requirements.txt") -> list[Locked]:
    """List what a requirements file pins itself, be it written by `make lock` or by people.

    Raises:
        ValueError: something in it is not pinned to one version.
    """
    lines = (
        line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith(("#", "-r "))
    )
    found = []
    for entry in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not entry.strip():
            continue
        asked = Requirement(entry.partition("--hash")[0])
        [pin] = asked.specifier
        if pin.operator != "==":
            raise ValueError(f"{entry!r} names no single version")
        hashes = tuple(_HASH.findall(entry))
        found.append(Locked(canonicalize_name(asked.name), pin.version, asked.marker, hashes))
    return found


if __name__ == "__main__":
    wanted, *files = sys.argv[1:]
    packages = [package for file in files or ["requirements.txt"] for package in list_locked(ROOT / file)]
    # what two files share is one line
    for line in dict.fromkeys(package.format_line() for package in packages if package.is_needed(wanted)):
        print(line)
