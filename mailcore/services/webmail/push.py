"""Tell an owner's browsers that mail has come, by their makers' push services (RFC 8030), with nothing in it.

An empty message needs no encryption (RFC 8291 is for contents) and tells the push service only that something came; the words
stand in the service worker that the browser has.  Sent for unread messages in INBOX, at most once a minute to each browser.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import InvalidName, MailError, TooMany
from mailcore.log import log_for
from mailcore.services.webmail import public_post, vapid
from mailcore.store.engine.db import Tx
from mailcore.store.people import push_subscriptions as store
from mailcore.store.people.push_subscriptions import DueSubscription, PushSubscription

log = log_for(__name__)
MAX_BROWSERS, MAX_ENDPOINT, MAX_AGENT = 10, 1000, 200  # of an account; characters
AT_ONCE, SIDE_BY_SIDE = 200, 8  # of a turn of the job
SECONDS = 5  # for one request
PAUSE_SECONDS, MAX_FAILURES = 60, 8  # after the eighth failure, some four hours, a browser is forgotten
LIFE_SECONDS = 86_400  # a telephone that was off for longer is not told
GONE = (404, 410)
_FIELDS = {"TTL": str(LIFE_SECONDS), "Urgency": "normal", "Topic": "mail"}  # RFC 8030 sections 5.2 to 5.4
__all__ = ["PushSubscription"]


def list_browsers(core: Core, account: AccountId) -> list[PushSubscription]:
    return core.db.read(lambda tx: store.list_subscriptions(tx, account))


def add_browser(core: Core, account: AccountId, endpoint: str, agent: str) -> None:
    """Add a browser, which is told of new mail from now on.

    Args:
        endpoint: the address that its push service gave it.
        agent: what the browser says of itself.

    Raises:
        InvalidName: that is no address of a push service.
        TooMany
    """
    if not _is_endpoint(endpoint):
        raise InvalidName("not the address of a push service")

    def write(tx: Tx) -> None:
        others = [one for one in store.list_subscriptions(tx, account) if one.endpoint != endpoint]
        if len(others) >= MAX_BROWSERS:
            raise TooMany(f"at most {MAX_BROWSERS} browsers are told")
        store.save_subscription(tx, account, endpoint, agent[:MAX_AGENT], core.clock.seconds())

    core.db.write(write)


def _is_endpoint(endpoint: str) -> bool:
    if len(endpoint) > MAX_ENDPOINT or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return False
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not parts.username


def remove_browser(core: Core, account: AccountId, number: int) -> None:
    core.db.write(lambda tx: store.delete_subscription(tx, account, number))


def send_due(core: Core) -> int:
    """Tell all browsers whose owners' INBOX got unread mail; return how many were told."""
    now = core.clock.seconds()
    due = core.db.read(lambda tx: store.list_due(tx, now, AT_ONCE))
    if not due:
        return 0
    claimed = core.db.write(lambda tx: [one for one in due if store.claim_due(tx, one, now + PAUSE_SECONDS)])
    if not claimed:
        return 0
    with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(claimed)), thread_name_prefix="push") as pool:
        answers = list(pool.map(partial(_send, core), (one.endpoint for one in claimed)))
    core.db.write(lambda tx: _save_answers(tx, zip(claimed, answers, strict=True), now), of=())
    return sum(200 <= answer < 300 for answer in answers)


def _send(core: Core, endpoint: str) -> int:
    """Return the status of the answer, 0 where there was none."""
    try:
        fields = {**_FIELDS, "Authorization": vapid.sign_request(core, endpoint)}
        return public_post.post(core, endpoint, fields, b"", seconds=SECONDS)
    except MailError as problem:
        log.info("a push service was not reached: %s", problem)
        return 0


def _save_answers(tx: Tx, answers: Iterable[tuple[DueSubscription, int]], now: int) -> None:
    gone, well = [], []
    for due, status in answers:
        if 200 <= status < 300:
            well.append(due.id)
        elif status in GONE or due.failures + 1 >= MAX_FAILURES:
            gone.append(due.id)
        else:
            store.save_failure(tx, due, now + PAUSE_SECONDS * 2**due.failures)
    store.save_success(tx, well)
    store.delete_gone(tx, gone)
