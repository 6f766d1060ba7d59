"""Changes on their way to webhooks: signed, one at a time for each, and tried again for three days.

Each webhook that is due has a thread of its own and a lease, so one whose server hangs costs the others nothing.  An answer is
saved when it is there; what was sent before a power cut and not answered is sent again, under the same id.

A server that does not answer, or says that it cannot (429, 5xx), is left alone for ever longer.  One that refuses a single
change (any other answer that is not 2xx) hears the next one at once, and this one later.  410 ends it.
"""

import base64
import hashlib
import hmac
import http.client
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.domain import WebhookDelivery, WebhookDeliveryState
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.net import https
from mailcore.services.operations import webhooks
from mailcore.services.transfer.consents import find_address
from mailcore.store.engine.db import Tx
from mailcore.store.site import webhooks as store
from mailcore.store.site.webhooks import LeasedWebhook

log = log_for(__name__)
SECONDS = 15  # for one answer, however it drips
TURN_SECONDS, LEASE_SECONDS = 60, 180
WAITS = (5, 60, 300, 1800, 7200, 18_000, 36_000)  # seconds after so many tries of one change
RESTS = (5, 30, 120, 600, 1800)  # seconds for which a server is left alone, after so many failures in a row
GIVE_UP_SECONDS = 3 * 86_400
KEEP_SECONDS = 30 * 86_400
PORTS = (443, 8443)
_GONE, _TOO_MANY = 410, 429

# answers that are no status of HTTP, as they are saved
UNKNOWN_HOST, UNREACHABLE, UNTRUSTED, SILENT, NO_KEY = "no address", "unreachable", "untrusted", "silent", "no key"


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` of HTTP, 0 where there was none; `words` as they are saved."""

    status: int
    words: str

    @property
    def is_yes(self) -> bool:
        return 200 <= self.status < 300

    @property
    def server_fails(self) -> bool:
        """Say if any other change would fare no better now."""
        return self.status in (0, _TOO_MANY) or self.status >= 500


class _Workers:
    """Threads that tell, in this process: one for each webhook."""

    def __init__(self) -> None:
        self._threads: dict[int, threading.Thread] = {}

    def start(self, core: Core, id_: int) -> None:
        thread = self._threads.get(id_)
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=run_turn, args=(core, id_), daemon=True, name="webhook")
            self._threads[id_] = thread
            thread.start()


def work_on_webhooks(core: Core) -> None:
    """Give each webhook that is due a thread; a job, which waits for none of them."""
    due = core.db.read(lambda tx: store.list_due_webhooks(tx, core.clock.seconds()))
    if due:
        workers = core.resources.get("webhooks", _Workers)
        for id_ in due:
            workers.start(core, id_)


def delete_old_deliveries(core: Core) -> None:
    """Delete what was delivered or given up a month ago, and what has waited for a month; a job."""
    core.db.write(lambda tx: store.delete_old_deliveries(tx, core.clock.seconds() - KEEP_SECONDS), of=())


def run_turn(core: Core, id_: int) -> None:
    """Tell one webhook what is due, for a turn, unless another process does."""
    try:
        lease = core.db.write(lambda tx: store.claim_webhook(tx, id_, core.clock.seconds(), LEASE_SECONDS), of=())
        if lease:
            try:
                _tell_all(core, id_, lease)
            finally:
                core.db.write(lambda tx: store.release_webhook(tx, id_, lease), of=())
    except MailError as problem:
        log.warning("webhook %d waits: %s", id_, type(problem).__name__)
    except Exception:  # a thread of its own: nobody else would tell of it
        log.exception("webhook %d failed", id_)


def _tell_all(core: Core, id_: int, lease: int) -> None:
    stop = time.monotonic() + TURN_SECONDS
    while time.monotonic() < stop:
        work = core.db.read(lambda tx: _find_work(core, tx, id_, lease))
        if work is None:
            return
        webhook, delivery, signing = work
        reply = _post(core, webhook, delivery, signing) if signing else Reply(0, NO_KEY)
        core.db.write(partial(_save_reply, core, webhook=webhook, delivery=delivery, reply=reply), of=())
        if reply.server_fails or reply.status == _GONE:
            return


def _find_work(core: Core, tx: Tx, id_: int, lease: int) -> tuple[LeasedWebhook, WebhookDelivery, list[bytes]] | None:
    """Find the change that is due for the longest time, while the work is still this process's."""
    webhook = store.find_leased(tx, id_, lease)
    delivery = store.find_next_delivery(tx, id_, core.clock.seconds()) if webhook else None
    return (webhook, delivery, webhooks.open_keys(core, tx, id_)) if webhook and delivery else None


def _save_reply(core: Core, tx: Tx, webhook: LeasedWebhook, delivery: WebhookDelivery, reply: Reply) -> None:
    now = core.clock.seconds()
    state, next_at = WebhookDeliveryState.DELIVERED, now
    if not reply.is_yes:
        age = now - int(delivery.created_at.timestamp())
        state = WebhookDeliveryState.GIVEN_UP if age >= GIVE_UP_SECONDS else WebhookDeliveryState.WAITING
        next_at = now + WAITS[min(delivery.tries, len(WAITS) - 1)]
    store.save_answer(tx, delivery.id, state, reply.words, now, next_at)
    if reply.status == _GONE:
        store.end_webhook(tx, webhook.id)
    elif reply.server_fails:
        rest = RESTS[min(webhook.failures, len(RESTS) - 1)]
        store.save_rest(tx, webhook.id, webhook.failures + 1, now + rest)
    elif webhook.failures:
        store.save_rest(tx, webhook.id, 0, 0)


def _post(core: Core, webhook: LeasedWebhook, delivery: WebhookDelivery, signing: Sequence[bytes]) -> Reply:
    """Send one change, and return how the server answered.  Blocking; never raises for what the other side does."""
    parts = urlsplit(webhook.url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or PORTS[0]
    path = https.target_of(parts)
    settings, began = core.config.webhooks, time.monotonic()
    address = find_address(core, host, port, settings.networks, PORTS)
    if not address:
        return Reply(0, UNKNOWN_HOST)
    body = delivery.body.encode()
    fields = {
        "Content-Type": "application/json",
        "User-Agent": "Alumnimail",
        **sign(delivery.event, core.clock.seconds(), body, signing),
    }
    try:
        answer = https.ask(address, port, host, "POST", path, fields, body, seconds=SECONDS, ca=settings.ca)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        log.info("webhook %d did not answer: %s", webhook.id, type(problem).__name__)
        if isinstance(problem, ssl.SSLCertVerificationError):
            return Reply(0, UNTRUSTED)
        return Reply(0, SILENT if time.monotonic() - began >= SECONDS else UNREACHABLE)
    return Reply(answer.status, str(answer.status))


def sign(event: str, now: int, body: bytes, signing: Sequence[bytes]) -> dict[str, str]:
    """Sign a body: the headers of Standard Webhooks, with a signature by each key that counts."""
    signed = b"%s.%d.%s" % (event.encode(), now, body)
    macs = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in signing]
    return {
        "webhook-id": event,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{mac}" for mac in macs),
    }
