"""Write mail from many threads for some seconds; a process of test_hammer.py, which prints what it was answered."""

import json
import random
import sys
import threading
import time

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.errors import MailError
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.site import rates

BOXES = ("INBOX", "Archive", "Junk")
KINDS = ["append"] * 5 + ["flags"] * 2 + ["expunge", "move", "copy", "rate", "create", "several"]


class Writer:
    """A process that writes, and what it was answered: UIDs by mailbox, refusals, counts granted, mailboxes made."""

    def __init__(self, core: Core, seed: int) -> None:
        self.core, self.seed = core, seed
        people = core.db.read(lambda tx: [row[0] for row in tx.rows("SELECT id FROM account ORDER BY id")])
        self.boxes: dict[AccountId, list[MailboxId]] = {account: self._boxes_of(account) for account in people}
        self.octets: list[Prepared] = [core.blobs.prepare(b"Subject: %d\r\n\r\nhello\r\n" % n) for n in range(20)]
        self.given: list[tuple[int, int]] = []
        self.failed: list[str] = []
        self.grants: list[bool] = []
        self.made: list[int] = []

    def _boxes_of(self, account: AccountId) -> list[MailboxId]:
        found = self.core.db.read(lambda tx: self.core.mail.mailboxes(tx, account))
        return [box.id for box in found if box.name in BOXES]

    def work(self, source: random.Random, end: float) -> None:
        while time.monotonic() < end:
            try:
                self._write(source, source.choice(KINDS))
            except MailError as problem:
                self.failed.append(str(problem))

    def _append(self, tx: Tx, account: AccountId, box: MailboxId, prepared: Prepared) -> int:
        return self.core.mail.append(tx, account, box, prepared, frozenset(), self.core.clock.now())

    def _write(self, source: random.Random, kind: str) -> None:
        db, mail = self.core.db, self.core.mail
        account = source.choice(list(self.boxes))
        box, other = source.sample(self.boxes[account], 2)
        first = source.randrange(1, 200)
        ranges = [(first, first + source.randrange(5))]
        if kind == "append":
            prepared = source.choice(self.octets)
            self.given.append((box, db.write(lambda tx: self._append(tx, account, box, prepared), of=[account])))
        elif kind == "several":
            firsts = [(whose, boxes[0]) for whose, boxes in self.boxes.items()]
            prepared = self.octets[0]
            uids = db.write(lambda tx: [self._append(tx, *one, prepared) for one in firsts], of=list(self.boxes))
            self.given += [(place, uid) for (_, place), uid in zip(firsts, uids, strict=True)]
        elif kind == "flags":
            how = source.choice(["add", "remove", "replace"])
            db.write(lambda tx: mail.set_flags(tx, box, ranges, how, frozenset({"\\Seen"})), of=[account])
        elif kind == "expunge":
            db.write(lambda tx: mail.expunge(tx, box, ranges, only_deleted=False), of=[account])
        elif kind == "move":
            self.given += [
                (other, uid) for uid in db.write(lambda tx: mail.move(tx, box, ranges, other), of=[account])[1]
            ]
        elif kind == "copy":
            _, uids = db.write(lambda tx: mail.copy(tx, account, box, ranges, other), of=[account])
            self.given += [(other, uid) for uid in uids]
        elif kind == "rate":
            # a list: `+=` on a number reads it before the write, and another thread's sum is lost
            self.grants.append(db.write(lambda tx: rates.count_if_allowed(tx, "all", 1, 60, 3600, 1000), of=()))
        else:
            name = f"N{self.seed}-{source.random()}"
            self.made.append(db.write(lambda tx: mail.create(tx, account, name), of=[account]).id)


def main() -> None:
    data, database = sys.argv[1:3]
    seed, threads, seconds = map(int, sys.argv[3:])
    core = cores.build(Config(data=data, database=database))
    writer = Writer(core, seed)
    end = time.monotonic() + seconds
    running = [
        threading.Thread(target=writer.work, args=(random.Random(seed * 100 + number), end))
        for number in range(threads)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    cores.close(core)
    print(json.dumps([writer.given, writer.failed, sum(writer.grants), writer.made]))


if __name__ == "__main__":
    main()
