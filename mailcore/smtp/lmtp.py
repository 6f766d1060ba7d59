"""LMTP (RFC 2033): a mail server of ours stands before us and wants a word on each recipient."""

import asyncio
from dataclasses import replace

from mailcore.domain import Disposition, Envelope, Outcome, Recipient, Verdict
from mailcore.errors import MailError
from mailcore.mail.reading.message import Message
from mailcore.services.delivery import delivery
from mailcore.services.mailauth import authentication
from mailcore.smtp.inbound import Inbound
from mailcore.smtp.reply import rejected, reply_to
from mailcore.smtp.session import Session
from mailcore.smtp.state import Transaction
from mailcore.store.mail.blobs import Prepared


class Lmtp(Inbound):
    """The front server tells by XFORWARD whose connection it had; where it does not, SPF cannot be judged."""

    lmtp = True

    async def _judge(self, session: Session, envelope: Envelope, message: Message) -> Verdict:
        if session.forwarded:
            return await authentication.judge(self._core, envelope, message)
        verdict = await authentication.judge(self._core, replace(envelope, peer=""), message)
        if verdict.dmarc != "fail":
            return verdict
        # What failed may have passed by SPF at the front: it is kept here and not passed on.
        return replace(verdict, dmarc="temperror", disposition=Disposition.ACCEPT)

    async def _deliver(
        self, transaction: Transaction, envelope: Envelope, message: Prepared, verdict: Verdict, field: bytes, ok: str
    ) -> list[str]:
        """A word on each: they share one commit all the same."""
        named = {item.address.lower(): item for item in transaction.found}

        async def one(recipient: Recipient) -> str:
            try:
                [done] = await delivery.accept(
                    self._core, envelope, [recipient], message, verdict.field + field, verdict
                )
            except MailError as problem:
                return reply_to(problem)
            return rejected(done.reason, done.refusal) if done.outcome is Outcome.REJECTED else ok

        answers = dict(zip(named, await asyncio.gather(*map(one, named.values())), strict=True))
        return [answers[item.address.lower()] for item in transaction.found]  # one for each that was accepted, in order
