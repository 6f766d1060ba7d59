"""Folders that are removed while a process runs that is confined and so cannot make them anew: it says so, and loses nothing."""

import json
import shutil
import subprocess
import sys

import pytest

from mailcore.process import landlock
from mailcore.services.accounts import accounts
from mailcore.services.webmail import indexing
from tests.portal.mailing import letter, put

pytestmark = [
    pytest.mark.sqlite,
    pytest.mark.skipif(landlock.find_version() < landlock.LEAST_VERSION, reason="this kernel has no Landlock"),
]
# As a process of `serve`; what it says to each line that it reads is a line of JSON.
CONFINED = """
import json, sys

from mailcore import core as cores
from mailcore.cli import confinement
from mailcore.config import Config
from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.mail.asking.criteria import Text
from mailcore.mail.reading.text import fold
from mailcore.services.transfer import uploads
from mailcore.store.mail import query

config = Config(data=sys.argv[1])
confinement.prepare_places(config)
confinement.confine(config, sys.argv[2])
core = cores.build(config)

def search(account, box):
    plan = query.plan(Text(fold("kvernkall")))
    hits = core.search.hits(AccountId(account), plan.texts)
    try:
        return core.db.read(
            lambda tx: plan.confirm(tx, core.blobs, plan.possible(plan.narrow(tx, box), hits), hits)
        )
    finally:
        hits.close()

def spool():
    one = core.blobs.spool(0)
    one.add(b"x" * 1000)
    one.flush()
    one.discard()
    return "written"

def upload(account):
    uploads.reserve_space(core, AccountId(account), 1000).give_back()
    return "written"

acts = {"search": search, "spool": spool, "upload": upload}
print(json.dumps("confined"), flush=True)
for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        print(json.dumps(acts[name](*arguments)), flush=True)
    except Busy as problem:
        print(json.dumps(f"Busy: {problem}"), flush=True)
"""


class Confined:
    """A process of that kind, which is told what to do."""

    def __init__(self, data: str, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CONFINED, data, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "confined"

    def _read(self) -> object:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self.end()
        return json.loads(line)

    def tell(self, name: str, *arguments: object) -> object:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def end(self) -> list[str]:
        """End it, and return what stands in its log."""
        _, said = self._process.communicate(timeout=60)
        return said.splitlines()


@pytest.fixture
def ola(core):
    account = accounts.add_account(core, "ola", quota=0)
    put(core, account, letter(1, subject="kvernkall"))
    put(core, account, letter(2, subject="noe annet"))
    indexing.update_index(core, account.id)
    return account


@pytest.mark.parametrize("is_made_anew", [False, True])
@pytest.mark.parametrize("kind", ["mail", "portal"])
def test_without_the_folder_of_search_indexes_the_same_is_found(core, ola, kind, is_made_anew):
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX").id)
    confined = Confined(core.config.data, kind)
    found = confined.tell("search", ola.id, box)
    assert isinstance(found, list)
    assert len(found) == 1
    shutil.rmtree(core.config.data_path / "search")
    if is_made_anew:
        indexing.update_index(core, ola.id)  # as the queue's process does, which may
    assert confined.tell("search", ola.id, box) == found
    log = confined.end()
    assert [line for line in log if "search index" not in line] == []
    assert len(log) <= 1
    assert core.search.accounts() == ([ola.id] if is_made_anew else []), "another process's index is removed"


def test_the_folder_of_messages_that_come_in_is_made_anew(core):
    """It stands in that of messages, where all is theirs."""
    confined = Confined(core.config.data, "mail")
    assert confined.tell("spool") == "written"
    shutil.rmtree(core.config.blobs_path / "spool")
    assert confined.tell("spool") == "written"
    assert confined.end() == []


@pytest.mark.parametrize("kind", ["mail", "portal"])
@pytest.mark.parametrize(("folder", "act", "words"), [("blobs", "spool", "spool"), ("incoming", "upload", "uploads")])
def test_without_a_folder_to_write_to_it_is_temporary_and_one_line_says_why(core, ola, kind, folder, act, words):
    """The sender tries again, and the log names the folder; a service that is started anew creates it."""
    arguments = [ola.id] if act == "upload" else []
    confined = Confined(core.config.data, kind)
    assert confined.tell(act, *arguments) == "written"
    shutil.rmtree(core.config.data_path / folder)
    assert str(confined.tell(act, *arguments)).startswith("Busy: ")
    [line] = confined.end()
    assert words in line
    assert folder in line
    assert "Permission denied" in line
    again = Confined(core.config.data, kind)
    assert again.tell(act, *arguments) == "written"
    assert again.end() == []
