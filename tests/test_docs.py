"""The documentation is tested: every setting, command and RFC is told of."""

import dataclasses
import re
from pathlib import Path
from typing import get_type_hints

import click
import pytest

from mailcore.cli import main
from mailcore.config import Config, parse_config
from mailcore.imap.commands.anytime import BASE

ROOT = Path(__file__).parents[1]


def settings(cls: type, prefix: str = "") -> list[str]:
    found = []
    for name, kind in get_type_hints(cls).items():
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
    assert f"`{setting}`" in (ROOT / "docs/configuration.md").read_text()


@pytest.mark.parametrize("command", commands(main))
def test_every_command_is_in_the_readme(command):
    assert f"`{command}" in (ROOT / "README.md").read_text()


def test_every_rfc_that_the_code_cites_is_listed():
    listed = set(re.findall(r"RFC \d{3,4}", (ROOT / "docs/standards.md").read_text()))
    cited = {
        rfc
        for folder in ("sieve", "mailcore", "portal")
        for file in (ROOT / folder).rglob("*.py")
        for rfc in re.findall(r"RFC \d{3,4}", file.read_text())
    }
    assert cited - listed == set()


@pytest.mark.parametrize("capability", BASE.decode().split())
def test_every_imap_capability_is_a_row_of_the_standards(capability):
    assert capability in (ROOT / "docs/standards.md").read_text()


def test_every_dependency_is_named_with_its_reason():
    told = (ROOT / "docs/dependencies.md").read_text().lower()
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if found := re.match(r"([A-Za-z0-9_.-]+)==", line):
                assert found[1].lower() in told, f"{found[1]} is not explained in docs/dependencies.md"


def test_the_example_configuration_is_valid():
    parse_config((ROOT / "deploy/alumnimail.toml").read_text())


def test_links_between_the_documents_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
