"""The cost of an owner's script is bounded by its words when it is compiled, and by its steps when it runs (CWE-400)."""

import pytest

from sieve import ScriptError, ScriptRuntimeError, advice, check_script, compile_script, limits, parser, run
from tests.sieve.view import View

PARTS = "".join(f"--b\nContent-Type: text/plain\n\nhello {n}\n" for n in range(200))
PAGE = "--b\nContent-Type: text/html\n\n" + "<p>hello <b>x</b></p>\n" * 5000
FIELDS = "X: y\n" * 1000 + "D: Mon, 1 Dec 2026 10:00:00 +0000\n" * 500
MESSAGE = (
    f"From: a@b.example\nSubject: hei\n{FIELDS}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    f"{PARTS}{PAGE}--b--\n"
)


def listed(count: int, item: str = '"x%d"') -> str:
    return "[" + ",".join(item % n if "%" in item else item for n in range(count)) + "]"


LOOPS = {
    "references": ("", f'set "a" "{"${b}" * 20_000}";'),
    "a long constant": ("", f'set "a" "{"b" * 900_000}";'),
    "names of fields": ("", f'if header {listed(20_000)} "x" {{}}'),
    "fields that are not there": ("", f'if exists [{"".join(chr(34) + "subject" + chr(34) + ",") * 20_000}"subject"] {{}}'),
    "keys of fields that are not there": ("", f'if header :matches "none" {listed(20_000, chr(34) + "*%d?a*" + chr(34))} {{}}'),
    "patterns that are compiled": ("", f'if header :matches "from" {listed(200, chr(34) + "*?a%d*a?b*b?c*" + chr(34))} {{}}'),
    "values that are counted": ("relational", 'if header :count "gt" "x" "9999" {}' * 10),
    "dates": ("date", 'if date "d" "year" "x" {}' * 10),
    "a body that is counted": ("body relational", 'if body :count "gt" "9999" {}' * 10),
    "kinds of a body": ("body", f'if body :content {listed(9000)} "x" {{}}'),
    "parts of a body": ("body", 'if body :content "none" "x" {}' * 20),
    "extracted text": ("extracttext", 'extracttext :quotewildcard :length "x";' * 300),
    "parts of parts": ("mime", 'if header :mime :anychild "x-a" "x" {}' * 300),
    "loops that break off": ("", "foreverypart { break; }" * 1000),
    "flags of a list": ("imap4flags", f'if hasflag {listed(9000, chr(34) + "v" + chr(34))} "x" {{}}'),
    "flags of a text": ("imap4flags", f'set "v" "{"a b " * 999}";' + 'if hasflag "v" "x" {}' * 100),
    "notifications": ("enotify", f'notify "mailto:{"a@b.example," * 600}a@b.example";'),
    "addresses of notifications": ("enotify", f'if valid_notify_method "mailto:{"a@b.example," * 600}a@b.example" {{}}' * 9),
    "mailboxes": ("mailbox", 'if not mailboxexists "a" {}' * 20),
    "special uses": ("special-use", 'if specialuse_exists "\\\\Sent" {}' * 20),
    "annotations": ("mboxmetadata", 'if metadata "INBOX" "/private/comment" "x" {}' * 20),
    "lists": ("extlists", 'if header :list "subject" ":addrbook:default" {}' * 20),
    "edited headers": ("editheader", 'deleteheader "x" "none"; ' + 'if header "none" "z" {}' * 100),
}  # fmt: skip


@pytest.mark.parametrize(("requires", "body"), LOOPS.values(), ids=LOOPS)
def test_what_takes_long_takes_steps(requires, body):
    """Each took seconds to hours for a step a command, in a loop over the parts of a message."""
    names = ["foreverypart", "variables", *requires.split()]
    required = ",".join(f'"{name}"' for name in names)
    source = f"require [{required}]; foreverypart {{ {body} }}"
    program = compile_script(source)
    with pytest.raises(ScriptRuntimeError, match="too many steps"):
        run(program, View(MESSAGE))


@pytest.mark.parametrize(
    "unit", ["keep;", "if true {}", '"a",', "${a}", "}", "keeq;", 'require "filf";', "if trux {}", "keep "]
)
def test_a_script_of_a_megabyte_is_read_to_its_limit_only(unit, monkeypatch):
    """A script of 900 kB took up to 15 s to compile, and PUTSCRIPT compiled it twice and read it eight times."""
    source = 'require "variables";' + (
        'set "a" "' + unit * 200_000 + '";' if "$" in unit else unit * (900_000 // len(unit))
    )
    made = 0

    class Counted(ScriptError):
        def __init__(self, line: int, problem: str, column: int = 0) -> None:
            nonlocal made
            made += 1
            super().__init__(line, problem, column)

    for module in (parser, advice):
        monkeypatch.setattr(module, "ScriptError", Counted)
    assert parser.read(source).words <= limits.MAX_WORDS + max(1, source.count("${"))
    assert check_script(source)
    assert made <= 3 * limits.MAX_ERRORS
