"""Mail for tests of the spam filter, and what it says of it."""

from mailcore.domain import Envelope, Verdict
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts
from mailcore.services.filtering import judging

ENVELOPE = Envelope("kari@b.example", ("kari@alumni.example",), "192.0.2.7", "b.example")
HEAD = "From: Kari Holm <kari@b.example>\r\nTo: kari@alumni.example\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
SPAM = (
    "From: Deals <offer@b.example>\r\nSubject: Earn $5,000 weekly from home, guaranteed free credit!!!\r\n\r\n"
    "Click here to receive your free mortgage quote. No obligation! To be removed from our mailing list, reply with remove\r\n"
    "in the subject line. Lowest rates, guaranteed. Earn money from home. Order now, limited time offer, 100% free.\r\n"
    "You are receiving this because you opted in. Credit cards accepted: million dollars, investment, viagra.\r\n"
)
NEWS = (
    HEAD
    + "Subject: Choir rehearsal in the old canteen\r\n\r\nDear singers, the rehearsal begins at seven, bring the notes.\r\n"
)
UNSURE = NEWS.replace("Choir", "Free")
GTUBE = NEWS + judging.GTUBE.decode() + "\r\n"


def probability(core, message: str, name: str) -> float:
    account = accounts.find_account(core, name).id
    [(_, scan)] = core.db.read(
        lambda tx: judging.judge_for(core, tx, ENVELOPE, Message(message.encode()), Verdict(outside=True), [account])
    )
    return scan.percent


def uids(core, name: str, mailbox: str) -> list[int]:
    account = accounts.find_account(core, name).id
    return core.db.read(lambda tx: core.mail.uids(tx, core.mail.mailbox(tx, account, mailbox).id))
