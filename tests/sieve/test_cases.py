"""Each .case file: scripts, messages and what must come of them.

A case is separated by a line of `=`, a title after it; within, `--- script`, `--- message`,
`--- given` (from, to, size, mailbox, env.ITEM = value) and `--- actions`, `--- error` (part of the
first ScriptError) or `--- failure` (part of the ScriptRuntimeError).
"""

import re
from pathlib import Path

import pytest

from sieve import ScriptError, ScriptRuntimeError, compile_script, run
from tests.sieve.view import View, shown

_HERE = Path(__file__).parent


def _cases():
    for path in sorted(_HERE.glob("*.case")):
        for text in re.split(r"(?m)^=+ ", path.read_text())[1:]:
            title, _, rest = text.partition("\n")
            sections = re.split(r"(?m)^--- (\w+)\n", rest)
            parts = dict(zip(sections[1::2], sections[2::2], strict=True))
            yield pytest.param(parts, id=f"{path.stem}: {title.strip()}")


@pytest.mark.parametrize("case", list(_cases()))
def test_a_script_does_what_its_case_says(case):
    view = View(case.get("message", "Subject: hello\n\nbody\n"), case.get("given", ""))
    if "error" in case:
        with pytest.raises(ScriptError) as caught:
            compile_script(case["script"])
        assert case["error"].strip() in str(caught.value)
        return
    program = compile_script(case["script"])
    if "failure" in case:
        with pytest.raises(ScriptRuntimeError) as broken:
            run(program, view)
        assert case["failure"].strip() in str(broken.value)
        return
    result = run(program, view)
    assert [shown(action) for action in result.actions] == case["actions"].rstrip("\n").splitlines()
    assert result.implicit_keep == any(getattr(a, "implicit", False) for a in result.actions)
