"""Mail that comes in, and whether what was acknowledged is there: in a mailbox, or at the server that it was passed on to."""

from collections.abc import Iterable

from mailcore.domain import AccountId, Envelope, Recipient
from mailcore.errors import MailError
from mailcore.services.delivery import delivery, recipients
from mailcore.store.engine.db import Tx
from tests.lifetime.life import Life
from tests.lifetime.outside import LEDGER
from tests.lifetime.tally import Invariant
from tests.lifetime.world import World

SENDER = "friend@outside.example"


def receive(world: World, number: int) -> None:
    """Let so many messages come to addresses old and new; what `accept` returns for stands in the ledger."""
    here, chance = world.people_here(), world.chance
    for _ in range(number):
        to = sorted(
            {chance.choice(sorted(one.addresses)) for one in world.pick(here, chance.randint(1, 5) / len(here))}
        )
        found = [recipient for one in to if (recipient := find_recipient(world, one))]
        if found:
            _accept(world, found)


def find_recipient(world: World, address: str) -> Recipient | None:
    core = world.core
    try:
        return core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None, sender=SENDER))
    except MailError:
        return None  # looked at by check_addresses


def _accept(world: World, found: list[Recipient]) -> None:
    ledger = world.state.ledger
    ledger.number += 1
    message = (
        f"From: {SENDER}\r\nTo: {found[0].address}\r\nSubject: Hello {ledger.number}\r\nX-Ledger: {ledger.number}\r\n"
        f"Message-ID: <{ledger.number}@outside.example>\r\n\r\nSee you, {ledger.number}.\r\n"
    ).encode()
    envelope = Envelope(SENDER, tuple(one.address for one in found), "192.0.2.9")
    try:
        world.loop.run(delivery.accept(world.core, envelope, found, message, b""))
    except MailError:
        return
    world.tally.count("messages acknowledged")
    for one in found:
        ledger.of.setdefault(one.account, set()).add(ledger.number)


def list_held(world: World, account: AccountId) -> set[int]:
    """List the messages of the ledger that an account has."""
    core = world.core

    def read(tx: Tx) -> set[int]:
        found = set()
        for box in core.mail.mailboxes(tx, account):
            for info in core.mail.infos(tx, box.id, [(1, 2**31)]):
                if match := LEDGER.search(core.mail.octets(tx, box.id, info.uid)[:4000]):
                    found.add(int(match[1]))
        return found

    return core.db.read(read)


def check_mail(world: World, lives: Iterable[Life]) -> None:
    """Look for every acknowledged message of these people."""
    ledger, outside = world.state.ledger, world.state.outside
    for life in lives:
        missing = ledger.of.get(life.account, set()) - list_held(world, life.account)
        missing -= {number for address in life.contacts for number in missing if (address, number) in outside.forwarded}
        missing -= {number for address, number in outside.forwarded if number in missing}
        if missing:
            world.tally.breach(Invariant.LOST, f"{len(missing)} messages of {life.user}, {min(missing)} the first")


def check_addresses(world: World, lives: Iterable[Life]) -> None:
    """Look whose mailbox every address leads to that ever was somebody's."""
    for life in lives:
        for address in sorted(life.addresses):
            found = find_recipient(world, address)
            if found is not None and found.account != life.account:
                world.tally.breach(Invariant.GIVEN_AWAY, f"{address} leads to another mailbox")
            if found is None and life.is_here:
                world.tally.breach(Invariant.LOST, f"mail to {address} is refused")
