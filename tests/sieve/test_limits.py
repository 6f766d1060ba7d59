"""Every limit of sieve/limits.py at its border: what stands there is allowed, one more is not."""

from bisect import bisect_left

import pytest

from sieve import Options, ScriptError, ScriptRuntimeError, check_script, compile_script, limits, run
from sieve.mailto import MAX_LENGTH
from sieve.message import MAX_ADDRESS
from tests.sieve.view import View, shown


def actions(
    source: str,
    message: str = "Subject: x\n\nbody\n",
    options: Options = Options(),  # noqa: B008
    library=None,
) -> list[str]:
    program = compile_script(source, library or (lambda place, name: None), options)
    return [shown(action) for action in run(program, View(message), options).actions]


def nested(depth: int) -> str:
    return "if true {" * depth + "keep;" + "}" * depth


def negated(depth: int) -> str:
    return "if " + "not " * (depth - 1) + "true { keep; }"


def fileinto(count: int) -> str:
    return 'require "fileinto";' + "".join(f'fileinto "m{n}";' for n in range(count))


def redirects(count: int) -> str:
    return "".join(f'redirect "a{n}@b.example";' for n in range(count))


def variables(count: int) -> str:
    return 'require "variables";' + "".join(f'set "v{n}" "x";' for n in range(count))


def edits(count: int) -> str:
    return 'require "editheader";' + "".join(f'addheader "X-{n}" "x";' for n in range(count))


def replacements(count: int) -> str:
    return 'require "replace";' + "".join(f'replace "x{n}";' for n in range(count))


def notifications(count: int) -> str:
    return 'require "enotify";' + "".join(f'notify "mailto:a{n}@b.example";' for n in range(count))


def loops(depth: int) -> str:
    return 'require "foreverypart";' + "foreverypart {" * depth + "break;" + "}" * depth


def name(length: int) -> str:
    return 'require "variables"; set "' + "n" * length + '" "x";'


def patterns(count: int) -> str:
    return 'require "regex"; if header :regex "subject" "c" {}' + 'if header :regex "to" ["a+"] {}' * (count - 1)


def field(octets: int) -> str:
    return 'require ["editheader"]; addheader "X" "' + "v" * octets + '";'


@pytest.mark.parametrize(("make", "limit"), [
    (nested, limits.MAX_DEPTH), (negated, limits.MAX_DEPTH), (fileinto, limits.MAX_ACTIONS), (redirects, limits.MAX_REDIRECTS),
    (variables, limits.MAX_VARIABLES), (edits, limits.MAX_EDITS), (replacements, limits.MAX_PART_EDITS),
    (notifications, limits.MAX_NOTIFICATIONS), (loops, limits.MAX_LOOPS), (name, limits.MAX_VARIABLE_NAME),
    (field, limits.MAX_FIELD_OCTETS), (patterns, limits.MAX_PATTERNS),
])  # fmt: skip
def test_the_border_is_allowed_and_one_more_is_not(make, limit):
    actions(make(limit))
    with pytest.raises((ScriptError, ScriptRuntimeError)):
        actions(make(limit + 1))


def test_octets_of_a_script():
    actions("keep;" + "#" * (limits.MAX_SCRIPT_OCTETS - 5))
    with pytest.raises(ScriptError, match="larger than 1048576 octets"):
        actions("keep;" + "#" * (limits.MAX_SCRIPT_OCTETS - 4))
    with pytest.raises(ScriptError, match="larger than"):  # octets, not characters
        actions("keep;#" + "æ" * (limits.MAX_SCRIPT_OCTETS // 2))


def test_words_of_a_script_and_of_all_that_it_includes():
    """A name, a string, a number, a sign and a reference to a variable are a word each."""
    actions('keep; if header "x" [' + '"a",' * (limits.MAX_WORDS // 2 - 5) + '"b"] {}')
    with pytest.raises(ScriptError, match="more than 50000 words"):
        actions('keep; if header "x" [' + '"a",' * (limits.MAX_WORDS // 2 - 4) + '"b"] {}')
    for count in (limits.MAX_WORDS - 7, limits.MAX_WORDS - 6):
        source = 'require "variables"; set "a" "' + "${b}" * count + '";'
        assert bool(check_script(source)) is (count > limits.MAX_WORDS - 7)
    first = 'require "include";' + 'include "s1";' * 3
    with pytest.raises(ScriptError, match="together have more than 50000 words"):
        compile_script(first, lambda place, name: "keep;" * (limits.MAX_WORDS // 6))


def test_addresses_have_a_length():
    actions('redirect "' + "x" * (MAX_ADDRESS - 14) + ' <a@b.example>";')
    with pytest.raises(ScriptError, match="is not an address"):
        compile_script('redirect "' + "x" * (MAX_ADDRESS - 13) + ' <a@b.example>";')
    notify = 'require "enotify"; notify "mailto:a@b.example?subject=%s";'
    compile_script(notify % ("x" * (MAX_LENGTH - 20)))
    with pytest.raises(ScriptError, match="cannot be notified"):
        compile_script(notify % ("x" * (MAX_LENGTH - 19)))


def test_numbers():
    actions(f"if size :over {limits.MAX_NUMBER} {{ keep; }}")
    with pytest.raises(ScriptError, match="numbers end with"):
        actions(f"if size :over {limits.MAX_NUMBER + 1} {{ keep; }}")
    actions("if size :over 8589934591G { keep; }")
    with pytest.raises(ScriptError, match="numbers end with"):
        actions("if size :over 8589934592G { keep; }")


def test_a_string_is_cut_at_the_limit_and_no_character_in_two():
    source = 'require ["variables", "fileinto"]; set "a" "%s"; set :length "n" "${a}"; fileinto "${n}";'
    for octets in (limits.MAX_VARIABLE_LENGTH, limits.MAX_VARIABLE_LENGTH + 1):
        assert actions(source % ("x" * octets)) == [f"fileinto mailbox={limits.MAX_VARIABLE_LENGTH}"]
    assert actions(source % ("x" + "æ" * limits.MAX_VARIABLE_LENGTH)) == ["fileinto mailbox=2000"]


def test_flags_beyond_the_limit_are_left_out():
    flags = " ".join(f"f{n}" for n in range(limits.MAX_FLAGS + 1))
    [keep] = run(compile_script(f'require "imap4flags"; keep :flags "{flags}";'), View("Subject: x\n\n")).actions
    assert len(keep.flags) == limits.MAX_FLAGS


def test_match_variables():
    stars = "?" * (limits.MAX_MATCH_VARIABLE + 2)
    text = "".join(chr(ord("0") + n) for n in range(limits.MAX_MATCH_VARIABLE + 2))
    last = limits.MAX_MATCH_VARIABLE
    source = f'require ["variables", "fileinto"]; if string :matches "{text}" "{stars}" {{ fileinto "<${{{last}}}>"; }}'
    assert actions(source) == [f"fileinto mailbox=<{text[last - 1]}>"]
    with pytest.raises(ScriptError, match="match variables end with"):
        compile_script(f'require "variables"; redirect "${{{last + 1}}}";')


def chain(length: int):
    """s1 includes s2 includes ... s<length>."""
    scripts = {f"s{n}": f'require "include"; include "s{n + 1}";' for n in range(1, length)} | {f"s{length}": "keep;"}
    return lambda place, name: scripts.get(name)


def test_depth_and_number_of_includes():
    first = 'require "include"; include "s1";'
    assert actions(first, library=chain(limits.MAX_INCLUDE_DEPTH)) == ["keep"]
    with pytest.raises(ScriptError, match="more than 10 deep"):
        actions(first, library=chain(limits.MAX_INCLUDE_DEPTH + 1))
    many = 'require "include";' + 'include "s1";' * limits.MAX_INCLUDES
    assert actions(many, library=chain(1)) == ["keep"]
    with pytest.raises(ScriptError, match="more than 255 scripts"):
        actions(many + 'include "s1";', library=chain(1))


def test_what_included_scripts_have_is_counted_together():
    """A script of 4 KiB that included one of a MiB 250 times took minutes to compile, in each process that met it."""
    first = 'require "include";' + 'include "s1";' * 3
    with pytest.raises(ScriptError, match="larger than 2097152 octets"):
        actions(first, library=lambda place, name: "keep;" + "#" * (limits.MAX_SCRIPT_OCTETS - 100))
    with pytest.raises(ScriptError, match="more than 500 regular expressions"):
        actions(first, library=lambda place, name: patterns(limits.MAX_PATTERNS // 2))


@pytest.mark.slow
def test_patterns_made_in_a_run_are_work():
    loop = 'require ["variables", "regex"]; set "p" "(a";' + 'if header :regex "subject" "x${p}" {}' * 1000
    with pytest.raises(ScriptRuntimeError, match="needs too many steps"):
        actions(loop)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["quotewildcard", "encodeurl", "lower"])
def test_changing_long_texts_is_work(change):
    """A thousand of them took 5 s with each message."""
    with pytest.raises(ScriptRuntimeError, match="needs too many steps"):
        actions(
            'require ["variables", "enotify"]; set "a" "' + "*" * 4000 + '";' + f'set :{change} "a" "${{a}}";' * 1000
        )


def test_errors_shown():
    assert len(check_script("nonsense;" * (limits.MAX_ERRORS - 1))) == limits.MAX_ERRORS - 1
    assert len(check_script("nonsense;" * 500)) == limits.MAX_ERRORS
    assert len(check_script("keep 1 2 );" * 500)) == limits.MAX_ERRORS


def test_intervals():
    [vacation, _] = run(compile_script('require "vacation"; vacation :days 366 "x";'), View("Subject: x\n\n")).actions
    assert vacation.days == limits.MAX_VACATION_DAYS
    seconds = limits.MAX_DUPLICATE_SECONDS + 1
    seen = run(
        compile_script(f'require "duplicate"; if duplicate :seconds {seconds} {{}}'), View("Message-ID: x\n\n")
    ).remembered
    assert [kept for _, kept in seen] == [limits.MAX_DUPLICATE_SECONDS]


def test_steps_end_a_script_at_the_same_command_every_time():
    source = "if true { }" * 500
    needed = bisect_left(range(100_000), True, key=lambda steps: _runs(source, steps))
    assert not _runs(source, needed - 1)
    with pytest.raises(ScriptRuntimeError, match="needs too many steps"):
        actions(source, options=Options(max_steps=needed - 1))


def _runs(source: str, steps: int) -> bool:
    try:
        run(compile_script(source), View("Subject: x\n\n"), Options(max_steps=steps))
    except ScriptRuntimeError:
        return False
    return True


BIG = "a" * 100_000
DOUBLING = 'require "variables"; set "a" "aaaaaaaaaa";' + 'set "a" "${a}${a}";' * 200
BODY = 'require "body"; if body :text :contains "z" { discard; }'
HARD = {
    "stars": ('if header :matches "subject" "*a*a*a*a*b" { discard; }', f"Subject: {BIG}\n\n"),
    "question marks": ('if header :matches "subject" "*a?a?a?a*b" { discard; }', f"Subject: {BIG}\n\n"),
    "many stars": ('if header :matches "subject" "' + "*a" * 200 + '*b" { discard; }', f"Subject: {BIG}\n\n"),
    "a body": ('require "body"; if body :raw :matches "*a*a*a*a*b" { discard; }', f"Subject: x\n\n{BIG}"),
    "doubling": (DOUBLING + 'if string :matches "${a}" "*a*a*a*a*b" { discard; }', "Subject: x\n\n"),
    "doubling between two": (
        'require "variables"; set "a" "x";' + 'set "b" "${a}${a}${a}${a}"; set "a" "${b}${b}${b}${b}";' * 100, "Subject: x\n\n",
    ),
    "a regular expression": ('require "regex"; if header :regex "subject" "(a*)*(a*)*b" { discard; }', f"Subject: {BIG}\n\n"),
    "unclosed markup": (BODY, "Content-Type: text/html\n\n" + "<a " * 30_000),
    "unclosed scripts": (BODY, "Content-Type: text/html\n\n" + "<script " * 12_000),
    "a list of addresses": ('if address "to" "z@z" { discard; }', "To: " + "a@b.example, " * 7_500 + "\n\n"),
    "brackets": ('if address "to" "z@z" { discard; }', "To: " + "(<" * 50_000 + "\n\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_hard_work_ends_soon(name):
    """In milliseconds, which bench/sieve.py measures."""
    source, message = HARD[name]
    try:
        found = actions(source, message)
    except ScriptRuntimeError as ended:
        found = [str(ended)]
    assert found == ["keep implicit"] or "needs too many steps" in found[0]
