"""MTA-STS (RFC 8461): a domain's policy on the hosts that take its mail by verified TLS, fetched by HTTPS and saved.

A policy is saved in the database for as long as it says, so who forges DNS for a moment cannot remove it.
"""

import contextlib
import http.client
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.log import log_for
from mailcore.mail.reading.lines import lines_of
from mailcore.net import https
from mailcore.queue.dane import is_covered
from mailcore.queue.lookup import Lookup, NoSuchName, RouteUnknown
from mailcore.store.queue import destinations as store
from mailcore.store.queue.destinations import StsPolicy

log = log_for(__name__)
PORT = 443
MOST_AGE = 31_557_600
AGAIN_SECONDS = 300  # after a policy that could not be fetched
RENEW_SECONDS = 86_400  # then the same policy is fetched anew, whatever DNS says (RFC 8461 section 10.2)
REMEMBERED = 10_000
_AGE = re.compile(r"[0-9]{1,10}")  # RFC 8461 section 3.2


@dataclass(frozen=True, slots=True)
class StsTrouble(Exception):
    """The policy is announced and cannot be fetched; `kind` is a result type of RFC 8460 section 4.3."""

    kind: str


def parse_policy(text: str, policy_id: str, now: int) -> StsPolicy:
    """Parse a policy file (RFC 8461 section 3.2).  Raises StsTrouble."""
    pairs = [line.partition(":") for line in lines_of(text) if ":" in line]
    values = {name.strip(): value.strip() for name, _, value in pairs}
    hosts = tuple(value.strip().lower().rstrip(".") for name, _, value in pairs if name.strip() == "mx")
    age = values.get("max_age", "")
    mode = values.get("mode", "")
    if values.get("version") != "STSv1" or mode not in ("enforce", "testing", "none") or not _AGE.fullmatch(age):
        raise StsTrouble("sts-policy-invalid")
    if mode != "none" and not hosts:
        raise StsTrouble("sts-policy-invalid")
    return StsPolicy(policy_id, mode, hosts, now + min(int(age), MOST_AGE))


def is_allowed(policy: StsPolicy, host: str) -> bool:
    return any(is_covered(pattern, host.lower().rstrip(".")) for pattern in policy.hosts)


class StsPolicies:
    """Policies that were fetched, saved and are fetched again; one object a worker."""

    def __init__(self, core: Core, lookup: Lookup, port: int = PORT) -> None:
        self._core, self._lookup, self._port = core, lookup, port
        self._retry_at: dict[str, tuple[int, str]] = {}  # when a policy is asked for, and what went wrong the last time

    async def find_policy(self, domain: str) -> tuple[StsPolicy | None, str]:
        """Return the policy that holds now, and the result type if it could not be fetched ("" = no failure)."""
        core, now = self._core, self._core.clock.seconds()
        known = await core.db.aread(lambda tx: store.find_sts_policy(tx, domain))
        if known is not None and known.expires_at <= now:
            known = None
        announced = await self._announced(domain)
        if announced is None and known is None:
            return None, ""
        is_current = known is not None and announced in (known.id, None)
        retry_at, kind = self._retry_at.get(domain, (0, ""))
        if retry_at > now and (is_current or kind):
            return known, kind
        try:
            fetched = await self._fetch(domain, announced or (known.id if known else ""), now)
        except StsTrouble as trouble:
            log.info("the MTA-STS policy of %s: %s", domain, trouble.kind)
            kind = "" if is_current else trouble.kind
            self._remember(domain, now + (RENEW_SECONDS if is_current else AGAIN_SECONDS), kind)
            return known, kind
        self._remember(domain, now + RENEW_SECONDS, "")
        await core.db.awrite(lambda tx: store.save_sts_policy(tx, domain, fetched))
        return fetched, ""

    def _remember(self, domain: str, retry_at: int, kind: str) -> None:
        if len(self._retry_at) >= REMEMBERED:
            self._retry_at.clear()
        self._retry_at[domain] = retry_at, kind

    async def _announced(self, domain: str) -> str | None:
        """Return the policy id that DNS announces; None if there is no record, or no answer."""
        try:
            policy_ids = await self._lookup.ask(f"_mta-sts.{domain}", "TXT")
        except (NoSuchName, RouteUnknown):
            return None
        texts = [b"".join(record.strings).decode("latin-1") for record in policy_ids.records]
        texts = [text for text in texts if text.replace(" ", "").startswith("v=STSv1;")]
        if len(texts) != 1:
            return None
        tags = dict(part.strip().split("=", 1) for part in texts[0].split(";") if "=" in part)
        return tags.get("id", "").strip() or None

    async def _fetch(self, domain: str, policy_id: str, now: int) -> StsPolicy:
        host = f"mta-sts.{domain}"
        addresses: list[str] = []
        for kind in ("A", "AAAA"):
            with contextlib.suppress(NoSuchName, RouteUnknown):
                addresses += [record.address for record in (await self._lookup.ask(host, kind)).records]
        text = await self._core.threads.run_waiting(_get, host, addresses, self._port)
        return parse_policy(text, policy_id, now)


def _get(host: str, addresses: Sequence[str], port: int) -> str:
    """Fetch the policy file; blocking.  Redirections are not followed (RFC 8461 section 3.3).  Raises StsTrouble."""
    kind = "sts-policy-fetch-error"
    for address in addresses:
        try:
            answer = https.ask(address, port, host, "GET", "/.well-known/mta-sts.txt", {"Accept": "text/plain"})
        except ssl.SSLError:
            kind = "sts-webpki-invalid"
        except (OSError, http.client.HTTPException):
            continue
        else:
            if (answer.status, answer.kind) == (200, "text/plain"):
                return answer.octets.decode("utf-8", "replace")
    raise StsTrouble(kind)
