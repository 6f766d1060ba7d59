"""Every pattern of the program, where it stands and how it is used: read from the source, valued in the module it stands in.

`re.compile` and the functions of `re` that take a pattern count, and WTForms' Regexp.  What cannot be valued without running a
function (a pattern made of a script's words) is given as `made`, for a table of its own to judge.
"""

import ast
import importlib
import pkgutil
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import mailcore
import portal
import sieve

PACKAGES = (mailcore, sieve, portal)
TAKE_A_PATTERN = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
ANCHORED = {"match", "fullmatch", "Regexp"}  # these begin at one place; all others try each
# only a file with one of these has a pattern, or uses one
MENTIONS = re.compile(rf"\.(?:{'|'.join(sorted(TAKE_A_PATTERN))})\b|\bRegexp\b")


@dataclass(slots=True)
class Found:
    """One pattern.  `uses` are the methods it is used with, in the whole program."""

    where: str  # module:name or module:line
    pattern: "re.Pattern[Any]"
    uses: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Made:
    """A pattern that is made while the program runs."""

    where: str  # module:function
    line: int


def modules() -> Iterator[ModuleType]:
    """All of them, imported."""
    for package in PACKAGES:
        yield package
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def collect() -> tuple[list[Found], list[Made]]:
    found: dict[str, Found] = {}
    made: list[Made] = []
    trees: list[tuple[ModuleType, ast.Module]] = []
    for module in modules():
        text = Path(str(module.__file__)).read_text()
        if MENTIONS.search(text):
            tree = ast.parse(text)
            trees.append((module, tree))
            _Visitor(module, found, made).visit(tree)
        known = {other.pattern for other in found.values()}
        for name, value in vars(module).items():
            for one in _within(value):
                if one not in known:
                    known.add(one)
                    where = f"{module.__name__}:{name}"
                    found[where if where not in found else f"{where} {one.pattern[:40]!r}"] = Found(where, one)
    _add_uses(found, trees)
    return sorted(found.values(), key=lambda one: (one.where, str(one.pattern))), made


def _within(value: object, deep: int = 3) -> "Iterator[re.Pattern[Any]]":
    """Patterns in a module's tables and classes."""
    if isinstance(value, re.Pattern):
        yield value
    elif deep and isinstance(value, dict):
        for inner in (*value, *value.values()):
            yield from _within(inner, deep - 1)
    elif deep and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _within(inner, deep - 1)
    elif deep and isinstance(value, type) and value.__module__.partition(".")[0] in ("mailcore", "sieve", "portal"):
        for inner in vars(value).values():
            yield from _within(inner, deep - 1)


class _Visitor(ast.NodeVisitor):
    def __init__(self, module: ModuleType, found: dict[str, Found], made: list[Made]) -> None:
        self._module, self._found, self._made = module, found, made
        self._inside: list[str] = []
        self._name = ""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815 - as ast names them

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if not self._inside and isinstance(target, ast.Name):
            self._name = target.id
        self.generic_visit(node)
        self._name = ""

    def visit_Call(self, node: ast.Call) -> None:
        function = _function_of(node)
        if function and node.args:
            self._take(node, function)
        self.generic_visit(node)

    def _take(self, node: ast.Call, function: str) -> None:
        where = f"{self._module.__name__}:{self._name or '.'.join(self._inside)}"
        flags = next((word.value for word in node.keywords if word.arg == "flags"), None)
        if flags is None and function in ("compile", "Regexp", "search", "match", "fullmatch", "findall", "finditer"):
            at = 1 if function in ("compile", "Regexp") else 2
            flags = node.args[at] if len(node.args) > at else None
        try:
            pattern = _value(node.args[0], self._module)
            compiled = re.compile(pattern, _value(flags, self._module) if flags is not None else 0)
        except NameError:
            self._made.append(Made(where, node.lineno))
            return
        if self._name == "" or function != "compile":
            where += f" {pattern[:60]!r}"
        one = self._found.setdefault(where, Found(where, compiled))
        if function != "compile":
            one.uses.add(function)


def _function_of(node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(value=ast.Name(id="re"), attr=name) if name in TAKE_A_PATTERN:
            return name
        case ast.Name(id="Regexp") | ast.Attribute(attr="Regexp"):
            return "Regexp"
    return ""


def _value(node: ast.expr, module: ModuleType) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(vars(module)))


def _add_uses(found: dict[str, Found], trees: list[tuple[ModuleType, ast.Module]]) -> None:
    """`_NAME.sub(...)` here, and `module.NAME.sub(...)` or an imported NAME elsewhere.

    Patterns are compared by what they are: `re` forgets those it has compiled, and makes another that is equal.
    """
    named: dict[str, list[Found]] = {}
    for one in found.values():
        module, _, name = one.where.partition(":")
        named.setdefault(name.partition(" ")[0], []).append(one)
    for module_, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _add_given(named, node, module_)
            if not (isinstance(node, ast.Attribute) and node.attr in TAKE_A_PATTERN):
                continue
            base = node.value
            if isinstance(base, ast.Name) and base.id in named:
                for one in named[base.id]:
                    home = one.where.partition(":")[0]
                    if home == module_.__name__ or vars(module_).get(base.id) == one.pattern:
                        one.uses.add(node.attr)
            elif isinstance(base, ast.Attribute) and base.attr in named:
                for one in named[base.attr]:
                    one.uses.add(node.attr)


def _add_given(named: dict[str, list[Found]], node: ast.Call, module: ModuleType) -> None:
    """`reader.match(_NAME)`: the cursor matches where it stands."""
    if not (isinstance(node.func, ast.Attribute) and node.func.attr in ANCHORED):
        return
    for argument in node.args:
        if isinstance(argument, ast.Name):
            for one in named.get(argument.id, ()):
                if vars(module).get(argument.id) == one.pattern:
                    one.uses.add("match")
