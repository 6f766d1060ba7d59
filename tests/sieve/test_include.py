"""include, return and global (RFC 6609)."""

import pytest

from sieve import Options, ScriptError, check_script, compile_script, run
from tests.sieve.view import View, shown

SCRIPTS = {
    ("personal", "file"): 'require "fileinto"; fileinto "from file";',
    ("personal", "leave"): 'require "include"; return; discard;',
    ("personal", "halt"): "stop;",
    ("personal", "loop"): 'require "include"; include "loop";',
    ("personal", "broken"): "fileinto;",
    ("global", "file"): 'require "fileinto"; fileinto "from global";',
    ("personal", "set"): 'require ["include", "variables"]; global "a"; set "a" "shared"; set "b" "mine";',
    ("personal", "deep"): 'require "include"; include "deep2";',
    ("personal", "deep2"): 'require "include"; include "file";',
}


def actions(script: str, options: Options = Options()) -> list[str]:  # noqa: B008 - a frozen value
    program = compile_script(script, lambda place, name: SCRIPTS.get((place, name)), options)
    return [shown(action) for action in run(program, View("Subject: x\n\n"), options).actions]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('include "file";', ["fileinto mailbox=from file"]),
        (
            'include :global "file"; include :personal "file";',
            ["fileinto mailbox=from global", "fileinto mailbox=from file"],
        ),
        ('include "leave"; keep;', ["keep"]),
        ('include "halt"; discard;', ["keep implicit"]),
        ("return; discard;", ["keep implicit"]),
        ('include :optional "nobody";', ["keep implicit"]),
        ('include :once "file"; include :once "file";', ["fileinto mailbox=from file"]),
    ],
)
def test_scripts_include_others(script, expected):
    assert actions('require "include"; ' + script) == expected


def test_only_global_variables_are_shared():
    script = 'require ["include", "variables", "fileinto"]; global "a"; set "b" "own"; include "set"; '
    assert actions(script + 'fileinto "${a}-${b}-${global.a}";') == ["fileinto mailbox=shared-own-shared"]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('include "nobody";', "there is no personal script 'nobody'"),
        ('include "loop";', "includes itself"),
        ('include "broken";', "the personal script 'broken' is not valid: line 1"),
        ('include "a\x1fb";', "not the name of a script"),
    ],
)
def test_what_cannot_be_included(script, problem):
    [error] = check_script('require "include"; ' + script, lambda place, name: SCRIPTS.get((place, name)))
    assert problem in error.problem


def test_depth_and_number_of_includes_end_somewhere():
    script = 'require "include"; include "deep";'
    assert actions(script, Options(max_include_depth=3)) == ["fileinto mailbox=from file"]
    with pytest.raises(ScriptError, match="more than 2 deep"):
        actions(script, Options(max_include_depth=2))
    with pytest.raises(ScriptError, match="more than 2 scripts"):
        actions(script, Options(max_includes=2))
