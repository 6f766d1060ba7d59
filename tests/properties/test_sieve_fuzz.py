"""Whatever is written and whatever comes in: a documented error or acceptance, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sieve import (
    Options,
    ScriptError,
    ScriptRuntimeError,
    capabilities,
    check_script,
    compile_script,
    examine,
    run,
    warnings,
)
from sieve.limits import MAX_ERRORS
from sieve.printer import print_script
from sieve.signature import MANY, Kind
from sieve.tree import Command, SieveTest, Tag
from sieve.validator import _TABLES as TABLES
from tests.sieve.view import View

WORDS = [
    "", "a", "subject", "from", "to", "content-type", "INBOX", "Junk", "a@b.example", "mailto:a@b.example", "*", "?*", "${1}",
    "${a}", "${global.a}", "${hex: 41}", "${unicode:20ac}", "gt", "eq", "i;octet", "i;ascii-numeric", "i;unicode-casemap",
    "\\Seen", "\\Sent", "year", "iso8601", "+0100", "1", "12", ":addrbook:default", "(a|b)*", "[", "text/html", "filename",
    "æ", "\r\n", "x" * 300, "global.a", "fileinto", "variables", "NEVER", "FULL", "domain", "imap.cause",
]  # fmt: skip
words = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=6)


def value(kind: Kind) -> st.SearchStrategy:
    right = {
        Kind.STRING: words,
        Kind.NUMBER: st.integers(0, 100),
        Kind.STRINGS: st.lists(words, min_size=1, max_size=3).map(tuple),
    }[kind]
    return st.one_of(right, right, right, right, right, words | st.integers(0, 2**40) | st.just(Tag("is")))


def arguments(draw, name: str, signature) -> tuple:
    tags = TABLES.known[name]
    found = []
    for tag in draw(st.lists(st.sampled_from([*tags, "nonsense"]), max_size=3)) if tags else ():
        found.append(Tag(tag))
        if tag in tags and (kind := tags[tag].value):
            found.append(draw(value(kind)))
    found += [draw(value(kind)) for _, kind in signature.positional]
    return tuple(found)


@st.composite
def a_test(draw, depth: int = 0) -> SieveTest:
    name = draw(st.sampled_from(sorted(TABLES.tests)))
    signature = TABLES.tests[name].signature
    wanted = 0 if depth > 2 else {MANY: draw(st.integers(0, 2))}.get(signature.tests, signature.tests)
    return SieveTest(name, arguments(draw, name, signature), tuple(draw(a_test(depth + 1)) for _ in range(wanted)))


@st.composite
def a_command(draw, depth: int = 0) -> Command:
    name = draw(st.sampled_from(sorted(TABLES.commands)))
    signature = TABLES.commands[name].signature
    block = None
    if signature.block and depth < 3:
        block = tuple(draw(st.lists(a_command(depth + 1), max_size=3)))
    tests = (draw(a_test()),) if signature.tests else ()
    return Command(name, arguments(draw, name, signature), tests, block)


scripts = st.lists(a_command(), min_size=1, max_size=6)
fields = st.sampled_from([
    "Subject: hello", "From: A <a@b.example>", "To: <<x,;:@", "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: text/html", "Date: Tue, 24 Nov 2026 10:00:00 +2500", "Message-ID: <x@y>", "Broken", " fold",
    "Content-Transfer-Encoding: base64", "X: =?utf-8?q?=zz?=", "Received: ;;; 1 Jan 1 00:00", "Content-Type: message/rfc822",
    "Content-Disposition: attachment; filename*0*=utf-8''%e6; filename*1=\"x",
])  # fmt: skip
bodies = st.lists(st.sampled_from(["--b", "--b--", "", "text", "<b>", "Subject: inner", "\x00", "æ"]), max_size=8).map(
    "\n".join
)
messages = st.builds(lambda head, body: "\n".join(head) + "\n\n" + body, st.lists(fields, max_size=6), bodies)
pytestmark = pytest.mark.slow
LIBRARY = {"a": 'require "include"; return;', "INBOX": "keep;", "": "", "x" * 300: "broken"}


def told_or_done(source: str, message: str) -> None:
    program, errors = examine(source, lambda place, name: LIBRARY.get(name), Options(max_steps=5_000))
    assert (program is None) == bool(errors)
    assert len(errors) <= MAX_ERRORS
    for error in errors:
        assert error.line >= 1
        assert error.problem
    if program is None:
        return
    warnings(source)
    try:
        result = run(program, View(message), Options(max_steps=5_000))
    except ScriptRuntimeError:
        return
    assert result.implicit_keep == any(getattr(action, "implicit", False) for action in result.actions)


@given(scripts, messages)
@settings(max_examples=150, deadline=None)
def test_any_tree_of_the_language(commands, message):
    """With everything required, so that most of them get as far as running."""
    names = tuple(name for name in capabilities() if name != "extracttext")
    head = Command("require", (names,))
    told_or_done(print_script([head, *commands]), message)
    sound = [
        each for each in commands if not check_script(print_script([head, each]), lambda place, name: LIBRARY.get(name))
    ]
    told_or_done(print_script([head, *sound]), message)


@given(scripts, messages)
@settings(max_examples=60, deadline=None)
def test_any_tree_with_nothing_required(commands, message):
    told_or_done(print_script(commands), message)


@given(st.text(st.sampled_from('require if"keep;{}()[],:#/*\\ \n\r\t0KMG.text:${1}æ\x00\x01'), max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text(source):
    told_or_done(source, "Subject: x\n\n")


@given(scripts.map(print_script), st.integers(0, 400), st.text('"\\;{}[]():,\n#*/', max_size=3))
@settings(max_examples=150, deadline=None)
def test_a_script_with_a_wound(source, at, wound):
    """Every problem has its place in the script, in the order of the lines."""
    broken = source[:at] + wound + source[at + 1 :]
    errors = check_script(broken)
    assert [error.line for error in errors] == sorted(error.line for error in errors)
    assert all(error.line <= broken.count("\n") + 1 for error in errors)
    if errors:
        with pytest.raises(ScriptError) as first:
            compile_script(broken)
        assert str(first.value) == str(errors[0])
