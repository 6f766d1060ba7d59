"""The rest of the world: mail servers that take or refuse what the queue has, and who reads there.

An address elsewhere is alive, dead (its server refuses it) or, half a year after its death at the earliest, somebody else's.
What the queue hears is saved by the queue's own functions; only the line between is left out.
"""

import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from enum import StrEnum

from mailcore.core import Core
from mailcore.domain import QueueItem
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import claim_items, read_octets

BATCH, LEASE_SECONDS = 200, 600
LEDGER = re.compile(rb"X-Ledger: (\d+)")
_LINK = re.compile(r"https?://\S+?/([\w/]+)/([\w-]{16,})")
TAKEN = Answer("mx.outside.example", 250, "2.0.0 taken")
UNKNOWN = Answer("mx.outside.example", 550, "5.1.1 there is no such user here")


class Reader(StrEnum):
    """Somebody who reads at an address elsewhere."""

    OWNER = "owner"
    NOBODY = "nobody"
    THIEF = "thief"


@dataclass(slots=True)
class Outside:
    """Addresses elsewhere: who reads there, since when nobody does, and the last link of each kind that came.

    Letters are read where somebody waits for one (`awaited`), and by thieves always.
    """

    readers: dict[str, Reader] = field(default_factory=dict)
    died_at: dict[str, int] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    forwarded: set[tuple[str, int]] = field(default_factory=set)
    letters: int = 0
    made: int = 0

    def make_address(self, name: str) -> str:
        self.made += 1
        address = f"{name}{self.made}@elsewhere.example"
        self.readers[address] = Reader.OWNER
        return address

    def kill(self, address: str, now: int) -> None:
        if self.readers.get(address) is Reader.OWNER:
            self.readers[address], self.died_at[address] = Reader.NOBODY, now

    def list_recyclable(self, before: int) -> list[str]:
        """List addresses that have been dead for so long that their server gives them to somebody else."""
        return [one for one, at in self.died_at.items() if at <= before and self.readers.get(one) is Reader.NOBODY]

    def take_link(self, address: str, kind: str) -> str:
        """Return the token of the last link of this kind that came to an address, once; ""."""
        self.awaited.discard(address)
        return self.links.get(address, {}).pop(kind, "")

    def carry(self, core: Core) -> None:
        """Take or refuse all that the queue has for the world, until nothing is due."""
        while items := core.db.write(lambda tx: claim_items(tx, core.clock.seconds(), BATCH, LEASE_SECONDS)):
            now = core.clock.now()
            done: list[tuple[QueueItem, Answer, outcome.Sequel]] = []
            for item in items:
                answer = self._answer(core, item)
                sequel = outcome.NO_SEQUEL
                if outcome.has_sequel(item, answer, now):
                    sequel = core.db.read(lambda tx: outcome.write_sequel(core, tx, item, answer, now))  # noqa: B023 - runs at once
                done.append((item, answer, sequel))

            def write(tx: Tx) -> None:
                for item, answer, sequel in done:  # noqa: B023 - runs at once
                    outcome.record_outcome(core, tx, item, answer, now, sequel)  # noqa: B023

            core.db.write(write)

    def _answer(self, core: Core, item: QueueItem) -> Answer:
        self.letters += 1
        reader = self.readers.get(item.recipient, Reader.OWNER)
        if reader is Reader.NOBODY:
            return UNKNOWN
        if item.origin != "forward" and item.recipient not in self.awaited and reader is not Reader.THIEF:
            return TAKEN
        octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
        if item.origin == "forward":
            if found := LEDGER.search(octets):
                self.forwarded.add((item.recipient, int(found[1])))
        else:
            body = message_from_bytes(octets, policy=default).get_body(("plain",))
            text = str(body.get_content()) if body else ""
            self.links.setdefault(item.recipient, {}).update(dict(_LINK.findall(text)))
        return TAKEN
