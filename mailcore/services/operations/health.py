"""Health of the installation: what is wrong, what repair would do, and the daily sweep of orphans."""

from functools import partial

from mailcore.core import Core
from mailcore.services.webmail import indexing
from mailcore.store.engine.db import Tx
from mailcore.store.mail import condstore, integrity

SWEEP_AGE_SECONDS = 86_400
BATCH = 100  # files in one transaction


def check_installation(core: Core, *, repair: bool) -> list[str]:
    """Check database and blobs; returns a line for each problem, which `repair` repairs where possible."""

    def look(tx: Tx) -> list[str]:
        problems = [f"database: {line}" for line in integrity.check_database(tx)]
        for account, name, counted, real in integrity.list_wrong_quotas(tx):
            problems.append(
                f"account {name}: quota counts {counted} octets, its messages have {real}; repair sets {real}"
            )
            if repair:
                integrity.mend_quota(tx, account, real)
        for mailbox, name in integrity.list_wrong_mailboxes(tx):
            problems.append(f"mailbox {mailbox} ({name}): counters differ from its messages; repair counts anew")
            if repair:
                integrity.mend_mailbox(tx, mailbox)
        problems += [
            f"blob {blob}: its octets are missing; restore a backup"
            for blob in integrity.list_missing_blobs(tx, core.blobs)
        ]
        return problems

    problems = core.db.write(look) if repair else core.db.read(look)
    for account in core.search.accounts():
        if not core.search.is_whole(account):
            problems.append(f"search index of account {account}: broken, which costs time only; repair builds it anew")
            if repair:
                core.search.forget(account)
                indexing.request_index(core, account)
    return problems


def sweep_orphans(core: Core) -> int:
    """Remove blobs that nothing names for a day: rows first, their files a day after the commit (order 1).

    Files that never came to have a row, as their message was refused or we were killed, go in the same way: an hourly turn
    looks at a part of the folders.
    """
    now = core.clock.seconds()
    names = core.db.write(lambda tx: core.blobs.sweep(tx, now, SWEEP_AGE_SECONDS))
    core.blobs.touch(names)
    old = core.blobs.old_files(now // 3600, SWEEP_AGE_SECONDS)
    orphans = core.db.read(lambda tx: core.blobs.orphans(tx, old))
    for at in range(0, len(orphans), BATCH):
        core.db.write(partial(core.blobs.remove_orphans, paths=orphans[at : at + BATCH], age_seconds=SWEEP_AGE_SECONDS))
    core.blobs.sweep_spool(SWEEP_AGE_SECONDS)
    return len(names)


def cut_change_logs(core: Core) -> int:
    """Shorten the change logs of busy mailboxes; what clients may still ask for stays (store/mail/condstore.py)."""
    return len(core.db.write(condstore.cut_logs))
