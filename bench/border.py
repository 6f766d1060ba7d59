"""Size from which blobs belong in files, not the database: messages a second, ten at a time, each on disk."""

import os
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from mailcore import core as cores
from mailcore.config import Config
from mailcore.domain import AccountId, MailboxId
from mailcore.services.accounts import accounts
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared

SESSIONS, SECONDS = 10, 2.0


def put(core: cores.Core, account: AccountId, box: MailboxId, prepared: Prepared, tx: Tx) -> None:
    core.mail.append(tx, account, box, prepared, frozenset(), core.clock.now())


def rate(size: int, inside: int) -> float:
    with tempfile.TemporaryDirectory(prefix="border", dir=Path.cwd()) as folder:
        core = cores.build(Config(data=folder, blobs_inside=str(inside)))
        try:
            ola = accounts.add_account(core, "ola", quota=0)
            box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX")).id
            done = [0] * SESSIONS
            end = time.monotonic() + SECONDS

            def session(me: int) -> None:
                while time.monotonic() < end:
                    octets = b"Subject: x\r\n\r\n" + os.urandom(size // 2).hex().encode()
                    core.db.write(partial(put, core, ola.id, box, core.blobs.prepare(octets)))
                    done[me] += 1

            threads = [threading.Thread(target=session, args=(me,)) for me in range(SESSIONS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return sum(done) / SECONDS
        finally:
            cores.close(core)


if __name__ == "__main__":
    print("octets     in the database   as files   (messages a second)")
    for size in (4, 16, 32, 64, 128, 256, 512):
        inside = [rate(size * 1024, 2**40) for _ in range(3)]
        files = [rate(size * 1024, 0) for _ in range(3)]
        print(f"{size:4} KiB {sorted(inside)[1]:17.0f} {sorted(files)[1]:10.0f}", flush=True)
