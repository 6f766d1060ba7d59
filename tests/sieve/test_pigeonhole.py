"""An independent oracle: Pigeonhole's `sieve-test` on our cases, wherever both know the extensions a case requires.

Compared is what becomes of the message (places it is stored in, addresses it is sent to), and whether a script compiles at all.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from sieve import FileInto, Keep, Redirect, ScriptError, ScriptRuntimeError, compile_script, run
from tests.machine import program
from tests.sieve.test_cases import CASES
from tests.sieve.view import View

pytestmark = [pytest.mark.slow, pytest.mark.interop]

# Where we differ on purpose, or know more; each with the reason.
OTHERWISE = {
    "extensions: the null path is empty in every part": "its command line takes no null sender",
    "rfc5435: RFC 5436 2: several recipients": "it takes a header without '=' and no list of addresses",
    "rfc5173: what is a multipart by its meaning alone is read by its parts": "it reads the whole as a text",
    "rfc5703: 7 extracttext": "each tag becomes a blank there",
    "words: quoteregex": "not there in 0.5.19",
    'words: an empty address in a field matches :all ""': "it takes <> for no address",
    "words: string compares in any case where nothing is said": "0.5.19 compares by i;octet; later ones as we do",
    "rfc3894: 3 a later one without :copy cancels the keep": "it forgets the second fileinto with its effect on the keep",
    "rfc5228: 5.1 an empty field is an empty address in whole": "its :localpart and :domain match an address that is none",
    "rfc5229: 5 string compares in any case, as RFC 5228 2.7.3 has it": "0.5.19 compares by i;octet; later ones as we do",
    "rfc5703: 4.1 parameters are parsed before they are decoded": "it decodes first, against RFC 2047 section 6.2",
    "rfc6609: 3.4.2 the namespace without include": "it takes a namespace that nothing brings for an empty string",
    "rfc5229: 6 a variable of 4,000 octets is kept whole, the next is cut": "its limit is 4,096",
}
UNKNOWN = ["not to be compared"]  # an extension that is not there, or a failure, which means keep in both
NOT_ASKED = re.compile(r"duplicate|environment|include|currentdate|spamtest|metadata|special|vnd")


@pytest.fixture
def sieve_test():
    """Runs a script there: the lines of what it would do, or None if it does not compile."""
    tool = program("sieve-test")
    folder = tempfile.TemporaryDirectory()  # not pytest's: as root the tool runs as somebody else, who must get there
    tmp_path = Path(folder.name)
    tmp_path.chmod(0o777)
    who = "mail_uid = nobody\nmail_gid = nogroup\n" if os.getuid() == 0 else ""
    settings = tmp_path / "dovecot.conf"
    settings.write_text(f"mail_location = mbox:{tmp_path}/mail\nmail_home = {tmp_path}\nfirst_valid_uid = 1\n{who}")
    script, message = tmp_path / "s.sieve", tmp_path / "m.eml"

    def play(source: str, text: str, given: dict[str, str]) -> list[str] | None:
        script.write_text(source)
        message.write_text(text)
        for file in (settings, script, message):
            file.chmod(0o644)  # whatever the umask is
        words = ["-f", given.get("from", "a@b.example") or "<>", "-a", given.get("to", "me@example.org")]
        words = [tool, "-c", str(settings), *words, str(script), str(message)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        if "unknown Sieve capability" in done.stderr or "final result: failed" in done.stderr:
            return UNKNOWN
        if "Performed actions" in done.stdout:
            return _found(done.stdout)
        assert "failed to compile" in done.stderr, done.stderr
        return None

    yield play
    folder.cleanup()


def _found(said: str) -> list[str]:
    stored = re.findall(r"^ \* store message in folder: (.*)$", said, re.MULTILINE)
    sent = re.findall(r"^ \* redirect message to: <(.*)>$", said, re.MULTILINE)
    return sorted({f"store {name}" for name in stored} | {f"send {name}" for name in sent})


def _ours(case: dict[str, str]) -> list[str] | None:
    try:
        actions = run(compile_script(case["script"]), View(case.get("message", DEFAULT), case.get("given", ""))).actions
    except ScriptError:
        return None
    except ScriptRuntimeError:
        return UNKNOWN
    found = set()
    for action in actions:
        match action:
            case Keep():
                found.add("store INBOX")
            case FileInto(mailbox=name):
                found.add(f"store {name}")
            case Redirect(address=address):
                found.add(f"send {address}")
    return sorted(found)


DEFAULT = "Subject: hello\n\nbody\n"


def _asked(case: dict[str, str]) -> bool:
    given = [line.partition("=")[0] for line in case.get("given", "").splitlines()]
    return set(given) <= {"from", "to"} and not NOT_ASKED.search(case["script"])


@pytest.mark.parametrize("case", [case for case in CASES if _asked(case.values[0]) and case.id not in OTHERWISE])
def test_pigeonhole_does_the_same(case, sieve_test):
    given = dict(line.split("=", 1) for line in case.get("given", "").splitlines())
    ours = _ours(case)
    theirs = sieve_test(case["script"], case.get("message", DEFAULT), given)
    assert UNKNOWN in (theirs, ours) or theirs == ours


def test_most_cases_can_be_asked():
    assert sum(_asked(case.values[0]) for case in CASES) > 100
