"""The documentation is tested: every setting, command and RFC is told of."""

import dataclasses
import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_type_hints

import click
import pytest
from werkzeug.exceptions import HTTPException

from mailcore import core as cores
from mailcore.cli import main
from mailcore.config import Config, Origin
from mailcore.config_file import parse_config
from mailcore.imap.capabilities import CAPABILITIES
from portal import create_app
from tools import site

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGES.md",
    *(ROOT / "docs").rglob("*.md"),
]
REQUIREMENTS = (ROOT / "docs/requirements.md").read_text()
INTERFACE = (ROOT / "docs/interface.md").read_text()
CODE = re.compile(r"(?<![\w-])(S\d\d[abc]?|N\d\d?)(?![\w-])|(?<=def test_)([sn]\d\d?[abc]?)(?=_)")


def settings(cls: type, prefix: str = "") -> list[str]:
    found = []
    for name, kind in get_type_hints(cls).items():
        if kind is Origin:  # where the others come from
            continue
        if dataclasses.is_dataclass(kind):
            found += settings(kind, f"{prefix}{name}.")  # type: ignore[arg-type]
        elif isinstance(getattr(cls, name, None), property) is False:
            found.append(prefix + name)
    return found


def commands(group: click.Group, prefix: str = "") -> list[str]:
    found, context = [], click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix}{name} ")
        else:
            found.append(prefix + name)
    return found


@pytest.mark.parametrize("setting", settings(Config))
def test_every_setting_is_explained(setting):
    explained = f"`{setting}`" in (ROOT / "docs/configuration.md").read_text()
    assert explained, f"{setting} wants a row in docs/configuration.md"


@pytest.mark.parametrize("command", commands(main))
def test_every_command_is_in_the_readme(command):
    named = f"`{command}" in (ROOT / "README.md").read_text()
    assert named, f"{command} wants a row in README.md"


def test_every_rfc_that_the_code_cites_is_listed():
    listed = set(re.findall(r"RFC \d{3,4}", (ROOT / "docs/standards.md").read_text()))
    cited = {
        rfc
        for folder in ("sieve", "mailcore", "portal")
        for file in (ROOT / folder).rglob("*.py")
        for rfc in re.findall(r"RFC \d{3,4}", file.read_text())
    }
    assert cited - listed == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_rfc_that_a_document_cites_is_listed(page):
    listed = set(re.findall(r"RFC \d{3,4}", (ROOT / "docs/standards.md").read_text()))
    assert set(re.findall(r"RFC \d{3,4}", page.read_text())) - listed == set()


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.name)
def test_every_imap_capability_stands_in_the_standards_with_its_rfc(capability):
    table = (ROOT / "docs/standards.md").read_text()
    rows = re.findall(rf"(?m)^\| (?:RFC \d+, )*RFC {capability.rfc}[ ,].*$", table)
    name = re.escape(capability.name.rstrip("="))
    assert any(re.search(rf"(?<![\w-]){name}(?![\w-])", row) for row in rows)


def test_every_dependency_is_named_with_its_reason():
    told = (ROOT / "docs/dependencies.md").read_text().lower()
    for name in ("requirements.in", "requirements/dev.in"):
        for line in (ROOT / name).read_text().splitlines():
            if found := re.match(r"([A-Za-z0-9_.-]+)==", line):
                assert found[1].lower() in told, f"{found[1]} is not explained in docs/dependencies.md"


def test_the_example_configuration_is_valid():
    parse_config((ROOT / "deploy/alumnimail.toml").read_text())


def test_the_site_of_the_documents_has_them_all_and_every_link_leads_somewhere(tmp_path):
    assert site.build(tmp_path) == []
    pages = {tmp_path / site.address_of(str(page.relative_to(ROOT))) for page in PAGES}
    assert pages == set(tmp_path.rglob("*.html"))
    reached, waiting = set(), [tmp_path / "index.html"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            links = re.findall(r'(?:href|src)="(?!https?:|mailto:|#)([^"#]+)', page.read_text())
            targets = {(page.parent / target).resolve() for target in links}
            assert [target for target in targets if not target.exists()] == []
            waiting += [target for target in targets if target.suffix == ".html"]
    assert reached == pages


def test_changes_begin_with_this_version_and_what_is_to_be_done_on_upgrade():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    versions = re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", (ROOT / "CHANGES.md").read_text())
    assert versions[0][0] == version
    for _version, text in versions:
        groups = re.findall(r"(?m)^### (.*)", text)
        assert groups[0] == "Upgrade"
        assert groups[1:] == [name for name in ("Added", "Changed", "Fixed") if name in groups]


def test_no_change_is_told_twice():
    """As a merge leaves it that keeps the lines of both sides."""
    lines = [line for line in (ROOT / "CHANGES.md").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line, times in Counter(lines).items() if times > 1] == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# One\n\n[a](docs/b.md#two) [b](docs/b.md#gone) [c](gone.md) [d](#one)\n")
    (tmp_path / "docs/b.md").write_text("# Two\n\n[up](../README.md)\n")
    assert site.build(tmp_path / "site", tmp_path) == [
        "README.md: docs/b.md has no heading #gone",
        "README.md: there is no gone.md",
    ]
    assert '<a href="../index.html">up</a>' in (tmp_path / "site/docs/b.html").read_text()


def codes_cited(*folders: str) -> dict[str, set[str]]:
    """Codes of promises in code, templates and tests, each with the names of the files."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for folder in folders:
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".html", ".txt", ".case") and file != Path(__file__) and "zoo" not in file.parts:
                for upper, lower in CODE.findall(file.read_text(errors="replace")):
                    found[upper or lower[0].upper() + lower[1:]].add(file.name)
    return found


def promises() -> dict[str, str]:
    """Codes in docs/requirements.md, each with its last column: the tests."""
    rows = re.findall(r"(?m)^\| ([SN]\d\d?[abc]?) \|.*\|([^|]*)\|$", REQUIREMENTS)
    assert len(rows) == len(dict(rows)), "a code stands twice"
    return dict(rows)


def test_every_promise_that_is_cited_by_its_code_is_written_down():
    cited = codes_cited("sieve", "mailcore", "portal", "templates", "tests")
    assert len(cited) > 50
    assert {code: files for code, files in cited.items() if code not in promises()} == {}


def test_every_promise_names_tests_that_are_there_or_says_that_it_is_not_built():
    there = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    for code, tests in promises().items():
        named = re.findall(r"`(\w+)`", tests)
        assert named or "not built" in tests, f"{code} names no test"
        assert set(named) <= there, f"{code} names {set(named) - there}, which is not there"


def test_what_is_said_not_to_be_built_has_no_tests_that_say_otherwise():
    cited = codes_cited("tests")
    absent = {code for code, tests in promises().items() if tests.strip().startswith("not built")}
    assert {code: cited[code] for code in absent & cited.keys()} == {}


def section(title: str) -> str:
    """One part of docs/interface.md."""
    found = re.search(rf"(?ms)^## {title}\n(.*?)(?=^## |\Z)", INTERFACE)
    assert found, title
    return found[1]


def test_every_make_target_that_others_rely_on_is_there():
    named = set(re.findall(r"`make ([a-z]+)`", section("make")))
    there = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert {"setup", "run", "test"} <= named
    assert named <= there


def test_every_command_that_others_rely_on_is_there():
    there = commands(main)
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| (.*) \|$", section("Command line").partition("###")[0]))
    assert set(rows) ^ {command.split()[0] for command in there} == set(), "a row of docs/interface.md for each"
    for name, words in rows.items():
        command = main.get_command(click.Context(main), name)
        flags = set(re.findall(r"--[a-z-]+", words)) - {"--json"}
        if isinstance(command, click.Group):
            inner = [
                command.get_command(click.Context(command), one)
                for one in command.list_commands(click.Context(command))
            ]
            parts = {one.name for one in inner if one}
            # the first word of each piece in code is a sub-command, a state or a column
            said = {piece.split()[0] for piece in re.findall(r"`([a-z][^`]*)`", words)}
            assert parts <= said, f"{name}: {parts - said} are not told of"
        else:
            inner = [command]
        options = {flag for one in inner if one for param in one.params for flag in param.opts}
        assert flags <= options, f"{name}: {flags - options}"


def test_every_setting_that_others_rely_on_is_there():
    listed, there = section("Settings"), set(settings(Config))
    named = {
        name
        for name in re.findall(r"`([a-z]+\.?[a-z_]*)`", listed)
        if "." in name or name in ("domain", "hostname", "data")
    }
    assert len(named) > 25
    assert named <= there


def test_every_web_address_that_others_rely_on_is_there(tmp_path):
    core = cores.build(Config(data=str(tmp_path)))
    try:
        routes = create_app(core).url_map.bind("localhost")
    finally:
        cores.close(core)
    rows = re.findall(r"(?m)^\| (`/.*?) \|", section("Web addresses"))
    paths = [path for row in rows for path in re.findall(r"`(/[^`]*)`", row)]
    assert len(paths) > 30
    for path in paths:
        try:
            routes.match(path.replace("<mailbox>", "INBOX"), method="POST" if path == "/logout" else "GET")
        except HTTPException as problem:
            pytest.fail(f"{path}: {problem!r}")


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# a folder's name ends in /, a file's is in a folder or a page
PATH = re.compile(r"[A-Za-z_.][\w.-]*/[\w./-]*|\w+\.(?:md|toml)")


def test_every_path_that_a_newcomer_is_sent_to_is_there():
    """Words in capitals stand for a name: something of that form is there."""
    prose = re.sub(r"(?ms)^```.*?^```", "", CONTRIBUTING)
    named = {word for word in re.findall(r"`([^`\n]+)`", prose) if PATH.fullmatch(word)}
    rooms = {f"{room}/" for floor in ("services", "store", "mail") for room in rooms_of(floor)}
    missing = {
        path
        for path in named - rooms
        if not (ROOT / path).exists() and not any(ROOT.glob(re.sub("[A-Z]{3,}", "*", path)))
    }
    assert len(named) > 50
    assert missing == set()


def test_every_test_that_a_newcomer_runs_is_there():
    runs = re.findall(r"(?m)^(?:\w+=1 )?\.venv/bin/pytest .*", CONTRIBUTING)
    named = {name for run in runs for name in re.findall(r"tests/[\w/]+(?:\.py)?", run)}
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_name_that_a_newcomer_looks_for_stands_in_its_file():
    named = re.findall(r"`([\w/]+\.py)` \(`(\w+)`\)", CONTRIBUTING)
    assert len(named) > 15
    assert [(file, name) for file, name in named if not re.search(rf"\b{name}\b", (ROOT / file).read_text())] == []


def rooms_of(floor: str) -> set[str]:
    return {folder.parent.name for folder in (ROOT / "mailcore" / floor).glob("*/__init__.py")}


@pytest.mark.parametrize("floor", ["services", "store", "mail"])
def test_every_room_is_explained_to_a_newcomer(floor):
    assert {room for room in rooms_of(floor) if f"`{room}/`" not in CONTRIBUTING} == set()


def floors_drawn() -> dict[str, list[frozenset[str]]]:
    """The picture in docs/architecture.md: the floors of the house by the name "", those within one by its name."""
    found = re.search(r"(?ms)^## Floors\n.*?^```\n(.*?)^```", (ROOT / "docs/architecture.md").read_text())
    assert found
    drawn: dict[str, list[frozenset[str]]] = {"": []}
    outer = ""
    for line in found[1].splitlines():
        names = re.split(r" [|:] ", re.split(r"\s{2,}", line.strip())[0])
        if line.startswith("    "):
            drawn.setdefault(outer, []).append(frozenset(names))
        elif line.startswith(" "):
            [outer] = names
        else:
            drawn[""].append(frozenset(names))
            outer = names[0]  # the floors drawn below it are within the first of a line
    return drawn


def floors_kept() -> dict[str, list[frozenset[str]]]:
    """The same by the import contracts."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {
        container.removeprefix("mailcore."): [
            frozenset(name.strip("() \n").removeprefix("mailcore.") for name in re.split(r"[|:]", layer))
            for layer in contract["layers"]
        ]
        for contract in contracts
        if contract["type"] == "layers"
        for container in contract.get("containers", [""])
    }


def test_the_picture_of_the_floors_is_what_the_import_contracts_keep():
    assert floors_drawn() == floors_kept(), "say the same in pyproject.toml (contracts) and in docs/architecture.md"


def test_every_module_at_the_top_stands_on_a_floor():
    mailcore = ROOT / "mailcore"
    there = {path.stem for path in mailcore.glob("*.py") if path.stem != "__init__"}
    there |= {path.name for path in mailcore.iterdir() if path.is_dir() and list(path.rglob("*.py"))}
    assert there == {name for floor in floors_kept()[""] for name in floor} - {"portal", "sieve"}


def test_pictures_of_pages_come_along_where_they_were_made_and_else_their_words_stand_there(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# One\n\n[tour](docs/tour.nb.md)\n")
    (tmp_path / "docs/tour.nb.md").write_text("# Tur\n\n![Lista](../build/pictures/list.png)\n")
    page = tmp_path / "site/docs/tour.nb.html"
    assert site.build(tmp_path / "site", tmp_path) == []
    assert '<html lang="nb">' in page.read_text()
    assert "[Lista]" in page.read_text()
    assert "<img" not in page.read_text()
    (tmp_path / "build/pictures").mkdir(parents=True)
    (tmp_path / "build/pictures/list.png").write_bytes(b"x")
    assert site.build(tmp_path / "site", tmp_path) == []
    assert '<img src="../build/pictures/list.png" alt="Lista"' in page.read_text()
    assert (tmp_path / "site/build/pictures/list.png").exists()
