"""A message as it arrived: its envelope, what was found out about it, and what is read of it before anybody's rules are asked.

Nothing of it is parsed while something is written (docs/security.md), so what only some recipients need, the help desk's letter
and the report of a bounce, is read here too, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, Verdict
from mailcore.mail.passing import srs
from mailcore.mail.reading.feedback import Feedback, read_feedback
from mailcore.mail.reading.returned import Returned, read_returned
from mailcore.services.tickets import ticket_inbox
from mailcore.services.tickets.ticket_inbox import Letter
from mailcore.store.mail.blobs import Prepared

OWN = Verdict()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that has arrived.

    Attributes:
        trace: our trace fields (Received ...), the same for all recipients.
        letter: the message as the help desk reads it, if it is one of the recipients.
        feedback: the complaint that it reports, if the help desk is one of the recipients.
        report: the delivery report, if a recipient is an envelope sender that we made; None also where it is none.
    """

    envelope: Envelope
    prepared: Prepared
    verdict: Verdict = OWN
    trace: bytes = b""
    letter: Letter | None = None
    report: Returned | None = None
    feedback: Feedback | None = None


async def read(
    core: Core,
    envelope: Envelope,
    prepared: Prepared,
    addresses: Sequence[str],
    *,
    verdict: Verdict = OWN,
    trace: bytes = b"",
) -> Arrival:
    """Read what these recipients need of it; costs nothing where they are mailboxes."""
    letter = report = feedback = None
    if any(ticket_inbox.is_desk_address(core, address) for address in addresses):
        letter = await core.threads.run(ticket_inbox.read_letter, core, prepared.message, envelope.sender, trace)
        feedback = await core.threads.run(read_feedback, prepared.message.octets, prepared.message.root)
    if any(address.lower().startswith(srs.PREFIX) for address in addresses):
        report = await core.threads.run(read_returned, prepared.octets)
    return Arrival(envelope, prepared, verdict, trace, letter, report, feedback)


def of_recipient(arrival: Arrival, account: AccountId) -> Arrival:
    """Return the arrival as it is for one owner, whose filter may judge it otherwise than that of others."""
    scan = next((scan for owner, scan in arrival.verdict.judged if owner == account), None)
    if scan is None:
        return arrival
    return replace(arrival, verdict=replace(arrival.verdict, scan=scan), trace=scan.fields + arrival.trace)
