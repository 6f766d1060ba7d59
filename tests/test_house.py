"""The house carries its size, its root holds what a newcomer expects, and its docstrings are no riddles."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_MODULES = 40  # in one folder: the fullest of a loved Python project hold 26 to 40
MOST_LINES = 500  # of a module: one that is longer tells more than one story
EXPECTED = frozenset(
    """.gitattributes .git-blame-ignore-revs .gitignore .editorconfig .pre-commit-config.yaml CHANGES.md
    CONTRIBUTING.md LICENSE Makefile README.md SECURITY.md pyproject.toml wsgi.py Dockerfile compose.yaml .dockerignore
    requirements.in requirements.txt""".split()  # noqa: SIM905
)
FOLDERS = [
    folder
    for name in ("mailcore", "portal", "sieve")
    for folder in (ROOT / name, *sorted((ROOT / name).rglob("*")))
    if folder.is_dir() and any(folder.glob("*.py"))
]
DESCRIBED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# a docstring names its subject or says what is done
RIDDLES = frozenset({"Of", "What", "Which", "Who", "Whoever", "Whom", "Whose", "Whether"})
# As the whole name of a function these say nothing: a name is verb and noun, or a predicate.
RIDDLE_NAMES = frozenset(
    """alike asked away found give given gone hear heard inside keep keeps kept know known knows listing look looks made make
    mine of one ones reach said say seen silent stands strangers take takes tell tells told void wait wish""".split()  # noqa: SIM905
)
# A decorator, read with what it decorates: `@takes(Large.MESSAGE)`.
RIDDLES_THAT_STAY = frozenset({"portal/access.takes"})


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(ROOT)) for folder in FOLDERS])
def test_no_folder_holds_too_many_modules(folder):
    """Migrations do not count: each is read once, when it is written, and stays for ever."""
    modules = [path for path in folder.glob("*.py") if not path.name[0].isdigit()]
    assert len(modules) <= MOST_MODULES, "make a package of those that belong together"


def test_no_module_is_too_long():
    modules = [path for folder in FOLDERS for path in folder.glob("*.py")]
    assert [path.name for path in modules if len(path.read_bytes().split(b"\n")) > MOST_LINES + 1] == []


def test_the_root_holds_known_files_only():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    assert {name for name in listed.stdout.split() if "/" not in name} <= EXPECTED


# Octets, a file of our own or of the kernel's, the words of another program
MAY_SPLIT = {"process/memory.py", "credentials/breached.py", "webmail/views.py"}


def test_words_of_strangers_become_lines_by_one_function():
    """`str.splitlines` knows eight ends more than mail and HTML have (mailcore/mail/reading/lines.py)."""
    found = {
        f"{path.parent.name}/{path.name}"
        for name in ("mailcore", "portal", "sieve")
        for path in (ROOT / name).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "splitlines"
    }
    assert found <= MAY_SPLIT


def is_command(node: ast.AST) -> bool:
    """Is this a click command or group?  Its docstring is the text of `--help`."""
    called = [one.func if isinstance(one, ast.Call) else one for one in getattr(node, "decorator_list", ())]
    return any(isinstance(one, ast.Attribute) and one.attr in ("command", "group") for one in called)


def riddles(source: str) -> Iterator[str]:
    """Yield the docstrings that begin with a word of RIDDLES, behind the names of what they describe."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DESCRIBED) and not is_command(node):
            first, _, rest = (ast.get_docstring(node) or "").partition(" ")
            if first in RIDDLES:
                yield f"{getattr(node, 'name', 'module')}: {first} {rest.partition(chr(10))[0]}"


@pytest.mark.parametrize("folder", ["mailcore", "sieve", "portal", "bench", "tools", "tests"])
def test_docstrings_begin_with_a_verb_or_with_their_subject(folder):
    found = [
        f"{path.relative_to(ROOT)} {riddle}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for riddle in riddles(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def split_docstrings(source: str) -> tuple[list[str], str]:
    """Return the docstrings of a module and all within, and its source without them."""
    bodies = [
        node.body for node in ast.walk(ast.parse(source)) if isinstance(node, DESCRIBED) and ast.get_docstring(node)
    ]
    lines, described = source.split("\n"), []
    for first, *_ in bodies:
        assert isinstance(first, ast.Expr)
        assert first.end_lineno
        described.append("\n".join(lines[first.lineno - 1 : first.end_lineno]))
        lines[first.lineno - 1 : first.end_lineno] = [""] * (first.end_lineno - first.lineno + 1)
    return described, "\n".join(lines)


def test_what_a_docstring_names_is_there():
    """A name of two words between backticks is of something in the code, not of what it was called before."""
    parts = [
        split_docstrings(path.read_text(encoding="utf-8"))
        for name in ("mailcore", "sieve", "portal", "bench", "tools")
        for path in sorted((ROOT / name).rglob("*.py"))
    ]
    known = set(re.findall(r"\w+", " ".join(code for _, code in parts)))
    named = {
        name for docstrings, _ in parts for text in docstrings for name in re.findall(r"`_?([a-z]+_[a-z_]+)`", text)
    }
    modules = {path.stem for folder in FOLDERS for path in folder.glob("*.py")}
    assert len(named) > 50
    assert {name for name in named if name not in known and f"_{name}" not in known} - modules == set()


def test_a_docstring_that_is_a_riddle_is_found():
    source = '''"""What it is."""\n@click.command()\ndef show():\n    """What it is."""\nclass A:\n    """Of it."""\n'''
    assert list(riddles(source)) == ["module: What it is.", "A: Of it."]


SQL = re.compile(
    r"\s*(?:SELECT\s.*\bFROM\b|INSERT\s.*\bINTO\b|DELETE FROM\b|UPDATE\s.*\bSET\b|CREATE (?:TABLE|INDEX)\b|PRAGMA\b)",
    re.DOTALL,
)
RUNS_SQL = frozenset({"row", "rows", "run", "insert", "many"})  # methods of Tx


def sql_in(source: str) -> Iterator[str]:
    """Yield texts that are SQL, and calls of what runs it: `tx.row(...)` and the like."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield node.value
        elif isinstance(node, ast.Attribute) and node.attr in RUNS_SQL and ast.unparse(node.value) == "tx":
            yield f"tx.{node.attr}"


def test_sql_stands_in_the_store_alone():
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for folder in ("mailcore", "portal", "sieve")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.is_relative_to(ROOT / "mailcore/store")
        for text in sql_in(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_sql_is_found():
    source = 'a = tx.row("SELECT 1")\nb = "INSERT OR IGNORE INTO t (a) VALUES (?)"\nc = f"DELETE FROM {t}"\nd = "SELECT a box"\n'
    assert list(sql_in(source)) == ["INSERT OR IGNORE INTO t (a) VALUES (?)", "tx.row", "DELETE FROM "]


def riddle_names(source: str) -> Iterator[str]:
    """Yield the names of public functions and methods that are a word of RIDDLE_NAMES."""
    scopes: list[ast.Module | ast.ClassDef] = [ast.parse(source)]
    while scopes:
        for node in scopes.pop().body:
            if isinstance(node, ast.ClassDef):
                scopes.append(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in RIDDLE_NAMES:
                yield node.name


@pytest.mark.parametrize("folder", ["mailcore", "sieve", "portal", "bench", "tools"])
def test_public_functions_have_names_that_say_what_they_do(folder):
    bare = [
        f"{path.parent.name}/{path.stem}.{name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in riddle_names(path.read_text(encoding="utf-8"))
    ]
    assert not set(bare) - RIDDLES_THAT_STAY


def test_a_name_that_is_a_riddle_is_found():
    source = (
        "def look(): pass\ndef find(): pass\nclass A:\n  async def told(self): pass\ndef f():\n  def tell(): pass\n"
    )
    assert list(riddle_names(source)) == ["look", "told"]
