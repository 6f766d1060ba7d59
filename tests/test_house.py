"""The house carries its size: no folder is too full to be looked through, and the root holds what a newcomer expects."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_MODULES = 40  # in one folder: the fullest of a loved Python project hold 26 to 40
EXPECTED = frozenset(
    """.gitattributes .gitignore .editorconfig .pre-commit-config.yaml CHANGES.md CONTRIBUTING.md LICENSE Makefile README.md
    SECURITY.md pyproject.toml requirements.txt requirements-dev.txt requirements-fuzz.txt wsgi.py Dockerfile compose.yaml
    .dockerignore""".split()  # noqa: SIM905
)
FOLDERS = [
    folder for name in ("mailcore", "portal", "sieve")
    for folder in (ROOT / name, *sorted((ROOT / name).rglob("*")))
    if folder.is_dir() and any(folder.glob("*.py"))
]  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(ROOT)) for folder in FOLDERS])
def test_no_folder_holds_too_many_modules(folder):
    assert len(list(folder.glob("*.py"))) <= MOST_MODULES


def test_the_root_holds_known_files_only():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    assert {name for name in listed.stdout.split() if "/" not in name} <= EXPECTED
