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
from mailcore.services.forwarding import forwarding_target
from mailcore.services.mailauth.forward_policy import Passage
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import forwardings as store
from mailcore.store.forwarding.forwardings import HeldBack
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people.accounts import get_account

MOST_LISTED = 100
BATCH = 2000  # accounts in one turn of the job


def remember(tx: Tx, account: AccountId, fields: Header, passage: Passage, now: int) -> None:
    """A message with this header was not forwarded."""
    authors = [spec for value in fields.raw_values("from")[:1] for spec in address.addr_specs(value)]
    subject = " ".join(" ".join(fields.values("subject")[:1]).split())
    author = one_line(authors[0]) if authors else ""
    store.hold_back(tx, account, HeldBack(now, author, subject, "junk" if passage is Passage.JUNK else "keep"))


def send(core: Core) -> int:
    """The job; how many digests were queued."""
    accounts = core.db.read(lambda tx: store.with_held_back(tx, BATCH))
    return sum(core.db.write(partial(_send, core, account=account)) for account in accounts)


def _send(core: Core, tx: Tx, account: AccountId) -> bool:
    held = store.take_held_back(tx, account)
    wish = get_forwarding(tx, account)
    kept = [one for one in held if one.reason == "keep"]
    if not wish.digest or wish.state not in (ForwardingState.HEALTHY, ForwardingState.FAILING) or not kept:
        return False
    owner = get_account(tx, account)
    zone = core.config.zone
    lines = [
        f"  {datetime.fromtimestamp(one.at, zone):%Y-%m-%d %H:%M}  {one.author}\n    {one.subject}" for one in kept
    ]
    letter = notices.prepare(
        core,
        "forwarding_digest",
        owner.language,
        wish.target,
        count=str(len(kept)),
        listing="\n".join(lines[:MOST_LISTED]),
        junk=str(len(held) - len(kept)),
        **forwarding_target.words_of(core, owner, wish.target),
    )
    notices.queue(core, tx, letter, wish.target, account)
    return True
