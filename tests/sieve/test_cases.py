"""Each .case file: scripts, messages and what must come of them.

A case is separated by a line of `=`, a title after it; within, `--- script`, `--- personal NAME` and `--- global NAME`
(scripts it may include), `--- message`, `--- given` (from, to, size, mailbox, env.ITEM = value, see view.py), and what is
expected: `--- actions`, `--- kinds` (their names alone), `--- whole` (the message that is kept, as the script changed it),
`--- error` (part of the first ScriptError) or `--- failure` (part of the ScriptRuntimeError).  Files in `rfc/` hold the
examples of each RFC.
"""

import re
from pathlib import Path

import pytest

from sieve import ScriptError, ScriptRuntimeError, capabilities, compile_script, run
from sieve.advice import _nodes
from sieve.parser import read
from sieve.tree import Tag
from sieve.validator import _TABLES
from tests.sieve.view import View, shown

_HERE = Path(__file__).parent
_SECTION = re.compile(r"(?m)^--- (\w+(?: [^\n]+)?)\n")


def _cases():
    for path in sorted(_HERE.rglob("*.case")):
        for text in re.split(r"(?m)^=+ ", path.read_text())[1:]:
            title, _, rest = text.partition("\n")
            sections = _SECTION.split(rest)
            parts = dict(zip(sections[1::2], sections[2::2], strict=True))
            yield pytest.param(parts, id=f"{path.stem}: {title.strip()}")


CASES = list(_cases())


@pytest.mark.parametrize("case", CASES)
def test_a_script_does_what_its_case_says(case):
    def library(place: str, name: str) -> str | None:
        return case.get(f"{place} {name}")

    view = View(case.get("message", "Subject: hello\n\nbody\n"), case.get("given", ""))
    if "error" in case:
        with pytest.raises(ScriptError) as caught:
            compile_script(case["script"], library)
        assert case["error"].strip() in str(caught.value)
        return
    program = compile_script(case["script"], library)
    if "failure" in case:
        with pytest.raises(ScriptRuntimeError) as broken:
            run(program, view)
        assert case["failure"].strip() in str(broken.value)
        return
    result = run(program, view)
    if "whole" in case:
        [kept] = result.actions
        assert kept.octets.decode().replace("\r\n", "\n").rstrip("\n") == case["whole"].rstrip("\n")
        return
    lines = [shown(action) for action in result.actions]
    if "kinds" in case:
        lines, case = [line.partition(" ")[0] for line in lines], {"actions": case["kinds"]}
    assert lines == case["actions"].rstrip("\n").splitlines()
    assert result.implicit_keep == any(getattr(a, "implicit", False) for a in result.actions)


def _uses() -> dict[str, int]:
    """In how many cases each command, test and extension stands."""
    found: dict[str, int] = {}
    for case in CASES:
        words: set[str] = set()
        for name, source in case.values[0].items():
            if name.split()[0] not in ("script", "personal", "global"):
                continue
            for node in _nodes(read(source)[0]):
                texts = {
                    word
                    for argument in node.arguments
                    if not isinstance(argument, Tag)
                    for word in (argument if isinstance(argument, tuple) else (argument,))
                }
                words.add(node.name)
                words |= {f"require {text}" for text in texts} if node.name in ("require", "ihave") else set()
                words |= {f"require comparator-{text}" for text in texts}
        for word in words:
            found[word] = found.get(word, 0) + 1
    return found


@pytest.mark.parametrize(
    "word",
    [
        *_TABLES.commands,
        *_TABLES.tests,
        *(f"require {name}" for name in capabilities()),
    ],
)
def test_three_cases_at_least_for_every_command_test_and_extension(word):
    assert _uses().get(word, 0) >= 3, f"write three scripts that use `{word}` into a .case file of tests/sieve"
