"""Find the services and the people that an owner's mail tells of, on this machine alone (N31).

A scan reads the fields that are saved beside each message for lists, and only where a page is looked for the message itself.
It goes mailbox by mailbox in pieces, each saved with how far it came, so a scan that breaks off goes on, and the next one reads
what is new.  Junk says who is not a service; Sent says who people are.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox, MailboxId, RegistrationKind
from mailcore.errors import Busy, MailboxNotFound
from mailcore.mail.asking import summary
from mailcore.mail.judging import registrations
from mailcore.mail.judging.known_services import KNOWN_HOSTS
from mailcore.mail.judging.registrations import Evidence, Writer
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.organisation import organisational
from mailcore.services.transfer.settings_page import find_settings_page
from mailcore.store.engine.db import Row, Tx
from mailcore.store.people import moving_day as store
from mailcore.store.people.addresses import list_addresses
from mailcore.store.people.moving_day import Meeting, Tally

FIELDS = (
    "from", "reply-to", "to", "cc", "subject", "in-reply-to", "content-type", "list-id", "list-post", "list-unsubscribe",
    "auto-submitted", "precedence",
)  # fmt: skip
PIECE = 1000  # messages in one transaction
LEASE_SECONDS = 60
MAX_ROWS = 50_000  # senders and people of one account; strangers may make up any number
MAX_NAME, MAX_KEY = 120, 250
NEVER = 2**40  # seconds since 1970, later than any message
MOST_LIKELY = 2  # points of a message that counts as one of two
LINKS_AT_ONCE = 20
AT_ONCE, TURN_SECONDS = 20, 10.0  # accounts, and the time of one turn of the job
_KINDS = tuple(kind for kind in RegistrationKind if kind is not RegistrationKind.LIST)


@dataclass(slots=True)
class _Sum:
    """Senders and people gathered from one piece of a mailbox."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)


@lru_cache(4096)
def _organisation(host: str) -> str:
    """Return the name under which a host's mail is listed: the known service's, else the organisation's."""
    above = host
    while "." in above:
        if (known := KNOWN_HOSTS.get(above)) is not None:
            return known.host
        above = above.partition(".")[2]
    return organisational(host)


def start_scan(core: Core, account: AccountId) -> None:
    """Let the mail be looked through, from where it was left."""

    def write(tx: Tx) -> None:
        cursors = store.read_cursors(tx, account)
        boxes = core.mail.mailboxes(tx, account)
        total = sum(box.messages for box in boxes if cursors.get(int(box.id), 0) + 1 < box.uidnext)
        store.start_scan(tx, account, total)

    core.db.write(write)


def continue_scans(core: Core) -> None:
    """Go on with the scans that were begun; a job."""
    stop = time.monotonic() + TURN_SECONDS
    for account in core.db.read(lambda tx: store.list_scans(tx, core.clock.seconds(), AT_ONCE)):
        if time.monotonic() < stop:
            scan(core, account, stop - time.monotonic())


def scan(core: Core, account: AccountId, seconds: float = float("inf")) -> bool:
    """Go on with a scan for about so long; True when it is done, or another process is at it."""
    stop = time.monotonic() + seconds
    if not core.db.write(lambda tx: store.claim_scan(tx, account, core.clock.seconds(), LEASE_SECONDS)):
        return True
    own = set(core.db.read(lambda tx: list_addresses(tx, account)))
    for box in core.db.read(lambda tx: core.mail.mailboxes(tx, account)):
        if box.special_use == "\\Drafts":
            continue
        while (saved := _scan_piece(core, account, box, own)) is not None:
            if not saved:
                return True
            if time.monotonic() >= stop:
                core.db.write(lambda tx: store.release_scan(tx, account))
                return False
    while _find_links(core, account):
        if time.monotonic() >= stop:
            core.db.write(lambda tx: store.release_scan(tx, account))
            return False
    core.db.write(lambda tx: store.end_scan(tx, account, core.clock.seconds()))
    return True


def _scan_piece(core: Core, account: AccountId, box: Mailbox, own: set[str]) -> bool | None:
    """Read the next messages of a mailbox; None when there are none, False when another process was faster."""

    def read(tx: Tx) -> tuple[int, list[Row], bool]:
        after = store.read_cursors(tx, account).get(int(box.id), 0)
        return after, store.list_headers(tx, box.id, after, PIECE), store.count_rows(tx, account) < MAX_ROWS

    after, rows, has_room = core.db.read(read)
    if not rows:
        return None
    chosen = summary.choose(FIELDS)
    assert chosen is not None  # noqa: S101 - all of FIELDS are usual ones
    gathered = _Sum()
    for uid, at, usual, header in rows:
        fields = Header(chosen.pick_fields(usual, header))
        if box.special_use == "\\Sent":
            _add_recipients(gathered, fields, at, own)
        else:
            _add_sender(core, gathered, registrations.read_evidence(fields), at, box, uid, own)
    lease = core.clock.seconds() + LEASE_SECONDS

    def write(tx: Tx) -> bool:
        return store.save_progress(
            tx,
            account,
            box.id,
            after,
            rows[-1][0],
            len(rows),
            gathered.tallies.values() if has_room else (),
            gathered.meetings.values() if has_room else (),
            lease,
        )

    return core.db.write(write)


def _add_recipients(gathered: _Sum, fields: Header, at: int, own: set[str]) -> None:
    for one in (*fields.addresses("to"), *fields.addresses("cc")):
        if one.localpart and one.host and one.spec.lower() not in own:
            _meet(gathered, one.spec.lower(), one.name, at, received=0, written=1)


def _add_sender(core: Core, gathered: _Sum, evidence: Evidence, at: int, box: Mailbox, uid: int, own: set[str]) -> None:
    host = evidence.host
    if evidence.writer is Writer.NOBODY or core.config.is_ours(host):
        return
    is_junk = box.special_use == "\\Junk"
    if evidence.writer is Writer.PERSON:
        if not is_junk and evidence.address not in own:
            _meet(gathered, evidence.address, evidence.name, at, received=1, written=0)
        return
    organisation = _organisation(host)
    key = (f"list:{evidence.list_id}" if evidence.writer is Writer.LIST else organisation)[:MAX_KEY]
    before = gathered.tallies.get(key)
    known = KNOWN_HOSTS.get(organisation)
    name = evidence.list_id if evidence.writer is Writer.LIST else known.name if known else evidence.name
    kinds = Counter({evidence.kind: 1 if not is_junk else 0})
    points = 0 if is_junk else evidence.points
    now = Tally(
        key,
        organisation[:MAX_KEY],
        name[:MAX_NAME],
        evidence.address[:MAX_KEY],
        points,
        int(points >= MOST_LIKELY),
        int(is_junk),
        1,
        (kinds[_KINDS[0]], kinds[_KINDS[1]], kinds[_KINDS[2]], kinds[_KINDS[3]], kinds[_KINDS[4]]),
        NEVER if is_junk else at,
        0 if is_junk else at,  # so that no message in Junk is shown as the service's newest one
        int(box.id),
        uid,
    )
    gathered.tallies[key] = _join(before, now) if before else now


def _join(before: Tally, now: Tally) -> Tally:
    latest = now if now.last_at >= before.last_at else before
    first, second, third, fourth, fifth = (a + b for a, b in zip(before.kinds, now.kinds, strict=True))
    return Tally(
        before.key,
        before.host,
        latest.name or before.name,
        latest.address,
        max(before.best, now.best),
        before.likely + now.likely,
        before.junk + now.junk,
        before.messages + now.messages,
        (first, second, third, fourth, fifth),
        min(before.first_at, now.first_at),
        latest.last_at,
        latest.mailbox,
        latest.uid,
    )


def _meet(gathered: _Sum, address: str, name: str, at: int, *, received: int, written: int) -> None:
    address = address[:MAX_KEY]
    before = gathered.meetings.get(address, Meeting(address, "", 0, 0, at))
    gathered.meetings[address] = Meeting(
        address,
        name[:MAX_NAME] or before.name,
        before.received + received,
        before.written + written,
        max(before.last_at, at),
    )


def _find_links(core: Core, account: AccountId) -> bool:
    """Look for the pages of some services, where one changes one's address; False when all were looked for."""
    services = core.db.read(lambda tx: store.list_unlinked(tx, account, LINKS_AT_ONCE))
    found = [(key, _find_link(core, host, MailboxId(mailbox), uid)) for key, host, mailbox, uid in services]

    def write(tx: Tx) -> None:
        for key, link in found:
            store.save_link(tx, account, key, link)

    if found:
        core.db.write(write)
    return bool(found)


def _find_link(core: Core, host: str, mailbox: MailboxId, uid: int) -> str:
    """Return the page of a known service, one that its newest message names, or its front page."""
    known = KNOWN_HOSTS.get(host)
    if known is not None and known.page:
        return known.page
    try:
        octets = core.db.read(lambda tx: core.mail.octets(tx, mailbox, uid))
    except (MailboxNotFound, Busy):  # it was moved or deleted meanwhile
        return f"https://{host}/"

    def is_theirs(url: str) -> bool:
        return _organisation((urlsplit(url).hostname or "").lower()) == host

    return find_settings_page(Message(octets), is_theirs) or f"https://{host}/"
