"""The daily digest: messages saved here and not forwarded, listed in a mail of our own to the target (N3).

Mail that could not pass there is named, so that its owner looks here for it; junk is only counted, as its words would
make junk of the list.
"""

from datetime import datetime
from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId, ForwardingState
from mailcore.mail.reading import address
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import one_line
from mailcore.services.forwarding import consent
from mailcore.services.mailauth.forward_policy import Passage
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.held_back import HeldBack, list_with_held_back, take_held_back
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people.accounts import get_account

MOST_LISTED = 100
BATCH = 2000  # accounts in one turn of the job


def read_held_back(header: Header, passage: Passage, at: int) -> HeldBack:
    """Read what the digest lists of a message that is not forwarded."""
    authors = [spec for value in header.raw_values("from")[:1] for spec in address.addr_specs(value)]
    subject = header.text("subject")
    author = one_line(authors[0]) if authors else ""
    return HeldBack(at, author, subject, "junk" if passage is Passage.JUNK else "keep")


def send_digests(core: Core) -> int:
    """Queue a digest for each forwarding that has asked for it; a job.  Returns how many were queued."""
    accounts = core.db.read(lambda tx: list_with_held_back(tx, BATCH))
    return sum(core.db.write(partial(_send_digest, core, account=account)) for account in accounts)


def _send_digest(core: Core, tx: Tx, account: AccountId) -> bool:
    held_back = take_held_back(tx, account)
    forwarding = get_forwarding(tx, account)
    named = [message for message in held_back if message.reason == "keep"]
    if not forwarding.digest or forwarding.state not in (ForwardingState.HEALTHY, ForwardingState.FAILING) or not named:
        return False
    owner = get_account(tx, account)
    zone = core.config.zone
    lines = [
        f"  {datetime.fromtimestamp(message.at, zone):%Y-%m-%d %H:%M}  {message.author}\n    {message.subject}"
        for message in named
    ]
    letter = notices.prepare(
        core,
        "forwarding_digest",
        owner.language,
        forwarding.target,
        count=str(len(named)),
        listing="\n".join(lines[:MOST_LISTED]),
        junk=str(len(held_back) - len(named)),
        **consent.notice_values(core, owner, forwarding.target),
    )
    notices.queue(core, tx, letter, forwarding.target, account)
    return True
