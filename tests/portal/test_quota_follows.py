"""S19: whatever changed the mailbox, the next page and the next GETQUOTA say the same, and it is what the messages weigh."""

import asyncio
import contextlib
import html
import io
import re
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from mailcore import core as cores
from mailcore.config import Config
from mailcore.domain import Envelope
from mailcore.errors import OverQuota
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.operations import health
from mailcore.services.quota import quota
from mailcore.services.transfer import mail_import, takeout, takeout_import
from portal import create_app
from tests.imap_server import imap_server
from tests.portal.conftest import PASSWORD, Browser

pytestmark = pytest.mark.slow
KIB = 1024
BOXES = ("INBOX", "Archive", "Trash", "Junk")
SIZES = st.integers(100, 700 * KIB)


class House:
    """Ola's mailbox with every door that changes it."""

    def __init__(self, core, mail, browser):
        self.core, self.mail, self.browser, self.count = core, mail, browser, 0
        self.ola = accounts.find_account(core, "ola").id

    def letter(self, size):
        self.count += 1
        head = f"From: Kari <kari@outside.example>\r\nList-Id: <l{self.count % 3}.example>\r\nSubject: {self.count}\r\n\r\n"
        return head.encode().ljust(max(len(head), size), b"x")

    def uids(self, box):
        return self.core.db.read(lambda tx: core_uids(self.core, tx, self.ola, box))

    def some(self, box, number):
        return self.uids(box)[: 1 + number % 3]

    # What people, programs and strangers do

    def deliver(self, number, size, box):
        address = "ola@alumni.example"
        with contextlib.suppress(OverQuota):
            found = self.core.db.read(lambda tx: recipients.check_recipient(self.core, tx, address, None))
            asyncio.run(
                delivery.accept(
                    self.core, Envelope("kari@outside.example", (address,)), [found], self.letter(size), b""
                )
            )

    def append(self, number, size, box):
        self.mail.append(box, self.letter(size))

    def copy(self, number, size, box):
        self.mail.select_folder("INBOX")
        self.mail.copy(self.some("INBOX", number), box)

    def move(self, number, size, box):
        self.mail.select_folder(box)
        self.mail.move(self.some(box, number), BOXES[number % 4])

    def expunge(self, number, size, box):
        self.mail.select_folder(box)
        self.mail.delete_messages(self.some(box, number))
        self.mail.expunge()

    def bring_mbox(self, number, size, box):
        self.count += 1
        file = b"From a@b Tue Nov 24 10:00:05 2020\nSubject: %d\n\n" % self.count + b"x" * size + b"\n"
        mail_import.import_mbox(self.core, self.ola, io.BytesIO(file), box)

    def take_out_and_in(self, number, size, box):
        file = io.BytesIO(b"".join(takeout.write_zip(self.core, self.ola, takeout.make_plan(self.core, self.ola))))
        self.expunge(number, size, box)
        takeout_import.import_takeout(self.core, self.ola, file)

    def clean_up(self, number, size, box):
        names = re.findall(r'name="message" value="([\d.]+)"', self.browser.get("/quota?show=largest").text)
        if names:  # else nothing is left to remove
            self.browser.send("/quota", to="/quota/remove", message=names[number % len(names)])

    def clean_up_sender(self, number, size, box):
        self.browser.send("/quota", to="/quota/remove", sender=f"l{number % 3}.example")

    def empty(self, number, size, box):
        self.browser.send("/quota", to="/quota/remove", heap="\\Trash" if number % 2 else "\\Junk")

    def webmail(self, number, size, box):
        uids = [str(uid) for uid in self.some(box, number)]
        self.browser.send(f"/mail/{box}/", action=("delete", "junk", "archive", "read")[number % 4], uid=uids)

    def draft(self, number, size, box):
        self.browser.send("/mail/compose", action="save", to="x@outside.example", subject="x", body="y" * (size % 5000))

    def mailbox(self, number, size, box):
        self.browser.send("/mail/boxes", action="create", new="Ny")
        self.mail.append("Ny", self.letter(size))
        self.mail.delete_folder("Ny")

    def room(self, number, size, box):
        quota.change_quota(self.core, self.ola, (2 + number % 9) * 1024 * KIB)

    # What is said of it

    def check(self):
        owner = accounts.load_account(self.core, self.ola)
        [told] = self.mail.get_quota()
        page = self.browser.get("/mail/Archive/").text.replace("\xa0", " ")
        found = re.search(r'<div id="quota"[^>]*aria-valuenow="(\d+)"[^>]*>.*?<span>(.*?)</span>', page, re.DOTALL)
        assert (told.usage, told.limit) == (owner.used // KIB, owner.quota // KIB)
        assert int(found[1]) == min(100, owner.percent)
        assert html.unescape(found[2]).endswith(f"brukt ({owner.percent} %)")
        assert health.check_installation(self.core, repair=False) == []  # what the messages weigh


def core_uids(core, tx, account, box):
    return list(core.mail.uids(tx, core.mail.mailbox(tx, account, box).id))


DOORS = ("deliver", "append", "copy", "move", "expunge", "bring_mbox", "take_out_and_in", "clean_up", "clean_up_sender", "empty",
         "webmail", "draft", "mailbox", "room")  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    core = cores.build(Config(data=str(tmp_path_factory.mktemp("quota"))))
    accounts.add_account(
        core, "ola", password=PASSWORD, contact="ola@elsewhere.example", language="nb", quota=8 * 1024 * KIB
    )
    with imap_server(core) as (port, ca):
        mail = IMAPClient("localhost", port, ssl_context=ssl.create_default_context(cafile=ca))
        mail.login("ola", PASSWORD)
        browser = Browser(create_app(core).test_client())
        browser.log_in()
        yield House(core, mail, browser)
        mail.logout()
    cores.close(core)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(DOORS), st.integers(0, 100), SIZES, st.sampled_from(BOXES)), min_size=4, max_size=12
    )
)
def test_s19_the_meter_and_getquota_say_the_same_after_every_change(house, steps):
    for door, number, size, box in steps:
        with contextlib.suppress(IMAPClientError, OverQuota):  # over quota, or there is nothing to move
            getattr(house, door)(number, size, box)
        house.check()


@pytest.mark.parametrize("door", DOORS)
def test_s19_each_door_changes_the_meter_or_leaves_it(house, door):
    quota.change_quota(house.core, house.ola, 50 * 1024 * KIB)
    house.deliver(0, 300_000, "INBOX")
    house.append(0, 200_000, "Trash")
    getattr(house, door)(1, 100_000, "INBOX")
    house.check()
