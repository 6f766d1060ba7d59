"""The windows of a program and their buttons, by AT-SPI.  Runs by Debian's own Python, which has pyatspi.

Each line of standard input is a question in JSON, each line of standard output that begins with `=` its answer.
"""

import json
import sys
from typing import Any

import pyatspi  # type: ignore[import-not-found,unused-ignore]  # Debian's, for its own Python

MENUS = ("menu item", "check menu item")
DEPTH, WIDE = 30, 300


def _nodes(node: Any, depth: int = 0) -> Any:  # Any: accessible objects have no types
    try:
        shown = node.getState().contains(pyatspi.STATE_SHOWING)
        role, children = node.getRoleName(), min(node.childCount, WIDE)
    except Exception:  # it has gone meanwhile
        return
    if shown or role in MENUS or depth == 0:
        yield node, role
    for at in range(children if depth < DEPTH else 0):
        try:
            child = node.getChildAtIndex(at)
        except Exception:
            continue
        if child:
            yield from _nodes(child, depth + 1)


def _all() -> Any:
    for program in pyatspi.Registry.getDesktop(0):
        if program:
            yield from _nodes(program)


def _find(role: str, name: str, last: bool = False) -> Any:
    alike = [node for node, kind in _all() if kind == role and node.name.startswith(name)]
    found = [node for node in alike if node.name == name] or alike
    return found[-1 if last else 0] if found else None


def shown() -> list[str]:
    return [node.name for node, role in _all() if node.name and role not in MENUS]


def press(role: str, name: str) -> bool:
    """The last one found: of two windows the newer."""
    node = _find(role, name, last=True)
    return bool(node and node.queryAction().doAction(0))


def fill(role: str, name: str, text: str) -> bool:
    node = _find(role, name, last=True)
    return bool(node and node.queryEditableText().setTextContents(text))


def place(role: str, name: str, last: bool = False) -> list[int] | None:
    """The middle of it, on the screen."""
    node = _find(role, name, last)
    if node is None:
        return None
    at = node.queryComponent().getExtents(pyatspi.DESKTOP_COORDS)
    return [at.x + min(at.width // 2, 40), at.y + at.height // 2]


if __name__ == "__main__":
    for line in sys.stdin:
        question, *arguments = json.loads(line)
        try:
            answer = {"shown": shown, "press": press, "fill": fill, "place": place}[question](*arguments)
        except Exception as problem:
            answer = None
            print(problem, file=sys.stderr)
        print(f"= {json.dumps(answer)}", flush=True)
