"""Lessons of a target's server: what it refuses as spam is a word of its owner to our filter, and so reaches the site.

It is one voice, as any of that owner's: who forwards to a server of their own and refuses everything moves nothing for others.
What the owner has said of the message stands.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services.forwarding.health import ReplyKind, classify_reply
from mailcore.store.delivery import spam_signs
from mailcore.store.engine.db import Tx


def learn_from_reply(core: Core, tx: Tx, account: AccountId, blob: int, code: int, reply: str) -> None:
    """Record that a forwarded message was refused, if it was for being spam (5.7.x, RFC 3463 section 3.8)."""
    if core.config.filter.level == "off" or not 500 <= code < 600:
        return
    if classify_reply(code, reply) is ReplyKind.SPAM:
        spam_signs.add_vote(tx, account, blob, "spam", core.clock.seconds())


def learn_from_report(core: Core, tx: Tx, account: AccountId, content: bytes, reason: str) -> None:
    """Record the same for a message that came back later; `content` is the SHA-256 of its octets."""
    blob = core.blobs.find(tx, content)
    if blob is not None and reason[:1] != "4":
        learn_from_reply(core, tx, account, blob, 550, reason)
