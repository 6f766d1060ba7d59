"""Health of the installation: what is wrong, what repair would do, and the daily sweep of orphans."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from mailcore.core import Core
from mailcore.services.webmail import indexing
from mailcore.store.engine.db import Tx
from mailcore.store.mail import blob_sweep as sweep
from mailcore.store.mail import condstore, integrity
from mailcore.store.site.secrets import get_secret

SWEEP_AGE_SECONDS = 86_400
STRAY_SECONDS = 2 * 86_400  # a message is saved in minutes; what is older was given up
REMOVAL_SECONDS = 120  # longer than a store takes to remove BATCH objects, or to say that it does not
BATCH = 100  # rows or octets in one transaction that writes
ASKED_AT_ONCE = 16
LOOK = 2000  # rows in one that reads


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
        return problems

    problems = core.db.write(look) if repair else core.db.read(look)
    lost, outside = core.db.read(lambda tx: (integrity.list_lost_rows(tx), integrity.list_outside(tx)))
    lost += _find_missing(core, outside)
    problems += [f"blob {blob}: its octets are missing; restore a backup" for blob in lost]
    for account in core.search.accounts():
        if not core.search.is_whole(account):
            problems.append(f"search index of account {account}: broken, which costs time only; repair builds it anew")
            if repair:
                core.search.forget(account)
                indexing.request_index(core, account)
    return problems


def _find_missing(core: Core, outside: list[tuple[int, bytes, int]]) -> list[int]:
    """Return the blobs whose octets are not there, or are not all there; a far store is asked for many at once."""
    objects = core.blobs.objects
    with ThreadPoolExecutor(ASKED_AT_ONCE if objects.is_far else 1) as pool:
        sizes = pool.map(objects.size, [name for _, name, _ in outside])
        return [blob for (blob, _, size), there in zip(outside, sizes, strict=True) if there != size]


def claim_store(core: Core) -> None:
    """Check that the bucket of large messages can be used, and mark it as ours.

    Raises:
        ConfigError: it cannot, or it belongs to another installation; the text is one line.
        Busy: it does not answer.
    """
    if core.blobs.objects.is_far:
        core.blobs.objects.claim(core.db.write(lambda tx: get_secret(tx, "installation")).hex())


def sweep_orphans(core: Core) -> int:
    """Remove blobs that nothing names, in the steps of store/mail/blob_sweep.py; return how many rows went.

    An hourly turn looks at all rows of a small installation, and at a part of a large one.
    """
    now = core.clock.seconds()
    _mark_dead(core, now)
    deleted = _delete_dead(core, now)
    _find_strays(core, now)
    core.db.write(lambda tx: sweep.doom_orphans(tx, now))
    while doomed := core.db.read(lambda tx: sweep.list_doomed(tx, BATCH)):
        remove = partial(sweep.remove_doomed, objects=core.blobs.objects, names=doomed, now=now)
        core.db.run_apart(remove, pause_seconds=REMOVAL_SECONDS)  # another server is asked: nobody's turn waits for it
    core.db.write(lambda tx: sweep.forget_removed(tx, now))
    core.blobs.objects.tidy(now - SWEEP_AGE_SECONDS)
    core.blobs.sweep_spool(SWEEP_AGE_SECONDS)
    return deleted


def _mark_dead(core: Core, now: int) -> None:
    """Look at a part of all rows; where the next turn begins is remembered."""
    after, left = core.db.read(sweep.read_cursor)
    while left > 0:
        unnamed, after = core.db.read(lambda tx, after=after: sweep.list_unnamed(tx, after, LOOK, now))  # type: ignore[misc]  # a default binds it
        for at in range(0, len(unnamed), BATCH):
            core.db.write(partial(sweep.mark_dead, blobs=unnamed[at : at + BATCH], now=now))
        left -= LOOK
        if not after:
            break
    core.db.write(lambda tx: sweep.save_cursor(tx, after))


def _delete_dead(core: Core, now: int) -> int:
    deleted, looked = 0, BATCH
    while looked == BATCH:
        some, looked = core.db.write(lambda tx: sweep.delete_dead(tx, now, BATCH))
        deleted += some
    return deleted


def _find_strays(core: Core, now: int) -> None:
    """Make orphans of octets that are days old and have no row."""
    old = (one.name for one in core.blobs.objects.list(now // 3600) if one.at < now - STRAY_SECONDS)
    while names := list(islice(old, LOOK)):
        strays = core.db.read(partial(sweep.list_strays, names=names))
        for at in range(0, len(strays), BATCH):
            core.db.write(partial(sweep.add_orphans, names=strays[at : at + BATCH], now=now))


def cut_change_logs(core: Core) -> int:
    """Shorten the change logs of busy mailboxes; what clients may still ask for stays (store/mail/condstore.py)."""
    return len(core.db.write(condstore.cut_logs))
