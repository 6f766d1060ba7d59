"""Write what the service is made of, with licences: `python -m tools.sbom FOLDER`, or `make sbom`.

FOLDER/alumnimail.cdx.json is a bill of materials (CycloneDX 1.6), FOLDER/licences.txt the same for people.  It has what
requirements.txt pins, as it is installed here, and what is checked in from others.  The same checkout gives the same octets.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, distribution, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.locked import ROOT, Locked, list_locked

# Read by people in the packages' own licence files, as their metadata has no name that is in SPDX's list.
READ = {
    "apsw": "Zlib",
    "dkimpy": "Zlib",
    "google-re2": "BSD-3-Clause",
    "imapclient": "BSD-3-Clause",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "flask-wtf": "BSD-3-Clause",
    "peewee": "MIT",
    "pyasn1-modules": "BSD-2-Clause",
    "segno": "BSD-3-Clause",
    "sqlite-web": "MIT",
    "tinycss2": "BSD-3-Clause",
    "webencodings": "BSD-3-Clause",
    "wtforms": "BSD-3-Clause",
}
# What packages write instead of an identifier of SPDX.
SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]+-[0-9.]+(?:-[A-Za-z]+)*|MIT|MIT-0|ISC|Zlib|0BSD|Unlicense")


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """Something of others that stands in this repository."""

    name: str
    version: str
    licence: str
    files: tuple[str, ...]
    url: str


CHECKED_IN = (
    CheckedIn("htmx.org", "2.0.11", "0BSD", ("portal/static/htmx.min.js",), "https://htmx.org/"),
    CheckedIn(
        "zxcvbn", "4.5.0", "MIT", ("mailcore/services/credentials/common_passwords.txt.gz",),
        "https://github.com/dropbox/zxcvbn",
    ),
)  # fmt: skip


def find_licence(package: Distribution) -> str:
    """Find the licence of an installed package, as an expression of SPDX.

    Raises:
        LookupError: its metadata does not say, and nobody has read it yet.
    """
    name = canonicalize_name(package.name)
    metadata = package.metadata
    classifiers = [
        one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or () if one.startswith("License")
    ]
    said = [
        READ.get(name),
        *(text for field in ("License-Expression", "License") for text in metadata.get_all(field) or ()),
    ]
    said += classifiers
    for text in filter(None, said):
        text = SPELLINGS.get(text, text)
        if all(_IDENTIFIER.fullmatch(part) for part in re.split(r" (?:OR|AND) ", text)):
            return text
    raise LookupError(f"the licence of {name} is unknown; read it and write it into READ of tools/sbom.py")


def describe(package: Locked) -> dict[str, Any]:  # Any: JSON
    """Describe one package of PyPI as a component."""
    installed = distribution(package.name)
    reference = f"pkg:pypi/{package.name}@{package.version}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "description": installed.metadata["Summary"],
        "licenses": [{"expression": find_licence(installed)}],
        "purl": reference,
        "externalReferences": [
            {
                "type": "distribution",
                "url": reference,
                "hashes": [{"alg": "SHA-256", "content": octets} for octets in package.hashes],
            }
        ],
    }


def describe_checked_in(thing: CheckedIn) -> dict[str, Any]:  # Any: JSON
    octets = b"".join((ROOT / file).read_bytes() for file in thing.files)
    return {
        "type": "library",
        "bom-ref": f"checked-in/{thing.name}",
        "name": thing.name,
        "version": thing.version,
        "description": ", ".join(thing.files),
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(octets).hexdigest()}],
        "licenses": [{"expression": thing.licence}],
        "externalReferences": [{"type": "website", "url": thing.url}],
    }


def find_needs(direct: Iterable[str], known: Collection[str]) -> dict[str, set[str]]:
    """Find what each package needs of those that are known, also by the extras with which others ask for it."""
    needs: dict[str, set[str]] = {name: set() for name in known}
    seen, waiting = set[tuple[str, str]](), [(name, "") for name in direct]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or name not in needs:
            continue
        seen.add((name, extra))
        for asked in map(Requirement, requires(name) or ()):
            if asked.marker is None or asked.marker.evaluate({"extra": extra}):
                other = canonicalize_name(asked.name)
                needs[name] |= {other} & needs.keys()
                waiting += [(other, one) for one in ("", *asked.extras)]
    return needs


def build_bill() -> dict[str, Any]:  # Any: JSON
    """Build the bill of materials of this checkout and its environment."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = f"pkg:pypi/alumnimail@{project['version']}"
    packages = [one for one in list_locked() if one.is_needed(f"{sys.version_info.major}.{sys.version_info.minor}")]
    references = {one.name: f"pkg:pypi/{one.name}@{one.version}" for one in packages}
    components = [*map(describe, packages), *map(describe_checked_in, CHECKED_IN)]
    direct = sorted(one.name for one in list_locked(ROOT / "requirements.in"))
    needs = find_needs(direct, references)
    git = ["git", "log", "-1", "--format=%ct"]
    said = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout  # noqa: S603
    bill: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(int(said or 0), UTC).isoformat(),
            "component": {
                "type": "application", "bom-ref": own, "name": "alumnimail", "version": project["version"], "purl": own,
                "description": project["description"], "licenses": [{"expression": "MIT"}],
            },
        },
        "components": components,
        "dependencies": [
            {
                "ref": own,
                "dependsOn": [*(references[name] for name in direct), *(f"checked-in/{one.name}" for one in CHECKED_IN)],
            },
            *(
                {"ref": references[one.name], "dependsOn": [references[name] for name in sorted(needs[one.name])]}
                for one in packages
            ),
        ],
    }  # fmt: skip
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))}"
    return bill


def main(folder: Path) -> None:
    bill = build_bill()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alumnimail.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    lines = (
        f"{one['name']} {one['version']}: {one['licenses'][0]['expression']} ({one['externalReferences'][0]['url']})\n"
        for one in bill["components"]
    )
    (folder / "licences.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
