"""Matching in Sieve: a glob takes what a regular expression would, and no text breaks it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sieve import ScriptError, ScriptRuntimeError, check_script, compile_script, run
from sieve.match import Glob
from sieve.message import mailboxes, one_address, read_address
from tests.sieve.view import View

words = st.text("ab", max_size=12)
patterns = st.lists(st.sampled_from(["a", "b", "*", "?", "ab", "\\*"]), max_size=8).map("".join)


def as_regex(pattern: str) -> str:
    out = ""
    for token in re.findall(r"\\.|.", pattern):
        out += {"*": "(.*?)", "?": "(.)"}.get(token) or re.escape(token[-1])
    return out


@given(patterns, words)
def test_a_glob_takes_what_a_lazy_regex_takes(pattern, text):
    found = re.fullmatch(as_regex(pattern), text, re.DOTALL)
    assert Glob(pattern).match(text, text) == (found.groups() if found else None)


SCRIPT_WORDS = [
    "require", '["variables", "fileinto", "imap4flags"]', "if", "elsif", "else", "keep", "fileinto",
    "set", ":flags", ":matches", ":is", "header", "hasflag", "addflag", "not", "anyof", '"a"',
    '"${1}"', '"*"', '["x", "subject"]', "10K", "{", "}", "(", ")", ";", ";", ",", "discard",
    "stop", "redirect", '"a@b.example"', "string", "size", ":over", "text:\nx\n.\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(SCRIPT_WORDS), max_size=25).map(" ".join))
def test_a_script_runs_or_its_errors_are_told(source):
    errors = check_script(source)
    if errors:
        with pytest.raises(ScriptError) as caught:
            compile_script(source)
        assert str(caught.value) == str(errors[0])
        return
    program = compile_script(source)
    view = View("Subject: a\n\n")
    try:
        first = run(program, view)
    except ScriptRuntimeError:
        return
    assert first == run(program, view)


@given(st.text('<>@,;:()"\\[]ab. ', max_size=30))
def test_any_text_of_a_script_can_be_read_for_addresses(value):
    read = read_address(value)
    assert read is None or (read.local is None) == (read.domain is None)
    for written, bare in mailboxes(value) or ():
        assert one_address(written) == bare != ""
