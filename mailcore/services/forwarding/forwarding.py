"""The owner's wish that mail goes on to an outside address.

The target is asked first (unless the site says otherwise): a typing error must not give one's mail to a stranger.
Five permanent refusals in a row pause it; mail is then saved here.
"""

import dataclasses
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Forwarding, ForwardingState
from mailcore.errors import ForwardingRefused, LinkExpired, NotAllowed, Saying, TooMany
from mailcore.net.dns import DnsTrouble
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.forwarding import forwarding_target
from mailcore.services.limits import mail_limits, tries
from mailcore.services.limits.mail_limits import NOBODY, Cause
from mailcore.services.notices import account_notices, notices
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery import deliveries
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import forwardings
from mailcore.store.forwarding.settings import (
    find_account_by_question,
    get_forwarding,
    get_question_hash,
    save_forwarding,
)
from mailcore.store.mail.blobs import Prepared
from mailcore.store.people.accounts import get_account
from mailcore.store.people.audit import list_audit_entries
from sieve.addrspec import normal_address

MAX_REFUSALS = 5
QUESTIONS_A_DAY, CODES_A_DAY = 3, 10
# One addr-spec of RFC 5321 without quoting; what people really have.
_ADDRESS = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)


def get(core: Core, account: AccountId) -> Forwarding:
    return core.db.read(lambda tx: get_forwarding(tx, account))


def check_target(core: Core, target: str) -> str:
    """The one address, its domain in lower case.  Raises ForwardingRefused."""
    target = normal_address(target.strip())
    if core.config.forwarding.targets == "none":
        raise ForwardingRefused(Saying("Forwarding is not offered here."))
    if "," in target or ";" in target or len(target.split()) > 1:
        raise ForwardingRefused(Saying("Mail can be forwarded to one address only."))
    if not _ADDRESS.fullmatch(target):
        raise ForwardingRefused(Saying("'%(target)s' is no e-mail address. Look for a typing error.", target=target))
    localpart, _, domain = target.rpartition("@")
    domain = domain.lower()
    ours = (core.config.domain.lower(), core.config.srs_domain.lower(), core.config.host.lower())
    if domain in ours or domain.endswith("." + ours[0]):
        raise ForwardingRefused(
            Saying(
                "Mail cannot be forwarded to an address at %(domain)s: it must be outside Alumnimail.", domain=domain
            )
        )
    _check_site(core, domain)
    if _comes_back(core, domain):
        raise ForwardingRefused(
            Saying("Mail to %(domain)s would come back here. Choose an address elsewhere.", domain=domain)
        )
    return f"{localpart}@{domain}"


def _check_site(core: Core, domain: str) -> None:
    """The site's lists of domains, each with its sub-domains.  Raises ForwardingRefused."""

    def listed(domains: Sequence[str]) -> bool:
        return any(domain == one.lower() or domain.endswith("." + one.lower()) for one in domains)

    settings = core.config.forwarding
    if listed(settings.denied_domains) or (settings.allowed_domains and not listed(settings.allowed_domains)):
        raise ForwardingRefused(Saying("This service does not forward to %(domain)s.", domain=domain))


def _comes_back(core: Core, domain: str) -> bool:
    """Say if our own host is the one that takes its mail.  DNS that does not answer is no reason to refuse."""
    try:
        found = core.dns.lookup(domain, "MX")
    except DnsTrouble:
        return False
    return any(str(mx.exchange).rstrip(".").lower() == core.config.host.lower() for mx in found)


def wish(
    core: Core,
    account: AccountId,
    target: str,
    *,
    copy: bool,
    confirmed: bool = False,
    actor: str = "",
    unsafe: str | None = None,
    digest: bool | None = None,
    rolling_days: int | None = None,
    cause: Cause = NOBODY,
) -> Forwarding:
    """Set where mail goes; until the target agrees, mail is only saved here.

    Args:
        copy: keep a copy here.
        confirmed: staff's word that the target agreed.
        unsafe, digest, rolling_days: as in domain.Forwarding; None = as before.
        cause: who asks, for the mail that it causes.

    Raises:
        ForwardingRefused: not one outside address.
        TooMany: too many questions, to that address or by that person.
    """
    target = check_target(core, target)
    owner = core.db.read(lambda tx: get_account(tx, account))
    before = get(core, account)
    known = before.target == target and before.confirmed_at is not None
    agreed = confirmed or known or core.config.forwarding.targets == "any"
    token = "" if agreed else secrets.token_urlsafe(24)
    if not agreed:
        core.db.write(lambda tx: _may_ask(core, tx, account, target, cause))
    question = None if agreed else _question(core, owner, target, token)
    state = ForwardingState.HEALTHY if agreed else ForwardingState.UNCONFIRMED
    at = (before.confirmed_at if known else core.clock.now()) if agreed else None

    wished = Forwarding(
        target,
        state,
        copy,
        confirmed_at=at,
        unsafe=before.unsafe if unsafe is None else unsafe,
        digest=before.digest if digest is None else digest,
        rolling_days=before.rolling_days if rolling_days is None else rolling_days,
    )

    def store(tx: Tx) -> Forwarding:
        save_forwarding(tx, account, wished, _hashed(token))
        filters.regenerate(core, tx, account)
        if question is not None:
            notices.queue(core, tx, question, target, account)
        if not known:  # whoever steals an account likes to add a forwarding
            address = f"{owner.name}@{core.config.domain}"
            account_notices.send_to_contacts(
                core,
                tx,
                owner,
                "forwarding_set",
                display_name=owner.display_name or owner.name,
                address=address,
                target=target,
            )
        audit.note(core, tx, account, Event.FORWARDING_SET, actor=actor, detail=target)
        return get_forwarding(tx, account)

    return core.db.write(store)


def ask_again(core: Core, account: AccountId, *, cause: Cause = NOBODY) -> Forwarding:
    """Another question to a target that has not answered; the older link is void.  Raises ForwardingRefused, TooMany."""
    owner, now = core.db.read(lambda tx: (get_account(tx, account), get_forwarding(tx, account)))
    if now.state is not ForwardingState.UNCONFIRMED:
        raise ForwardingRefused(Saying("Nobody needs to be asked: the address has answered, or nothing is forwarded."))
    token = secrets.token_urlsafe(24)
    question = _question(core, owner, now.target, token)

    def store(tx: Tx) -> Forwarding:
        since = core.clock.now() - timedelta(days=1)
        lately = [entry.event for entry in list_audit_entries(tx, account, 100) if entry.at > since]
        if lately.count(Event.FORWARDING_ASKED_AGAIN) >= QUESTIONS_A_DAY:
            raise TooMany(Saying("The question was sent several times today. Try again tomorrow."))
        mail_limits.count_mail(core, tx, cause, now.target)
        save_forwarding(tx, account, now, _hashed(token))
        notices.queue(core, tx, question, now.target, account)
        audit.note(core, tx, account, Event.FORWARDING_ASKED_AGAIN, actor=owner.name, detail=now.target)
        return now

    return core.db.write(store)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest() if token else ""


def _may_ask(core: Core, tx: Tx, account: AccountId, target: str, cause: Cause) -> None:
    """Nobody's mailbox is filled with our questions.  Raises TooMany, ForwardingRefused."""
    now, nobody = core.clock.seconds(), AccountId(0)
    if deliveries.was_answered(tx, account, Event.FORWARDING_STOPPED_BY_TARGET, target.lower(), now - 30 * 86_400):
        raise ForwardingRefused(
            Saying(
                "Whoever reads there has recently stopped the forwarding. Choose another address, or try again in a month."
            )
        )
    for number in range(QUESTIONS_A_DAY):
        if not deliveries.was_answered(tx, nobody, f"forwarding question {number}", target.lower(), now - 86_400):
            mail_limits.count_mail(core, tx, cause, target)
            deliveries.remember_answer(tx, nobody, f"forwarding question {number}", target.lower(), now)
            return
    raise TooMany(Saying("The question was sent several times today. Try again tomorrow."))


def _question(core: Core, owner: Account, target: str, token: str) -> Prepared:
    stop_link, code = core.db.write(
        lambda tx: (forwarding_target.stop_link(core, tx, owner.id, target), _code(tx, _hashed(token)))
    )
    return notices.prepare(
        core,
        "forwarding_confirm",
        owner.language,
        target,
        address=f"{owner.name}@{core.config.domain}",
        target=target,
        link=f"{core.config.url}/forwarding/confirm/{token}",
        stop=stop_link,
        code=f"{code[:4]} {code[4:]}",
    )


def _code(tx: Tx, hashed: str) -> str:
    """Eight digits that say the same as the link, for who reads at the target and is logged in here."""
    mac = hmac.digest(deliveries.secret(tx, "forwarding code"), hashed.encode(), "sha256")
    return f"{int.from_bytes(mac[:8], 'big') % 10**8:08}"


def asked_by(core: Core, token: str) -> tuple[Account, Forwarding]:
    """Return the asking account and its forwarding, without answering (previewers fetch links).  Raises LinkExpired."""
    return core.db.read(lambda tx: _by_token(tx, token))


def _by_token(tx: Tx, token: str) -> tuple[Account, Forwarding]:
    account = find_account_by_question(tx, _hashed(token)) if token else None
    if account is None and token:  # a question of later years
        asked = forwardings.asked(tx, _hashed(token))
        if asked is not None and get_forwarding(tx, asked[0]).target == asked[1]:
            account = asked[0]
    if account is None:
        raise LinkExpired("the link is used, too old or unknown")
    return get_account(tx, account), get_forwarding(tx, account)


def confirm(core: Core, token: str) -> Forwarding:
    """The target agrees.  Raises LinkExpired."""

    def store(tx: Tx) -> Forwarding:
        return _agreed(core, tx, _by_token(tx, token)[0].id)

    return core.db.write(store)


def _agreed(core: Core, tx: Tx, account: AccountId) -> Forwarding:
    now = get_forwarding(tx, account)
    agreed = dataclasses.replace(now, state=ForwardingState.HEALTHY, confirmed_at=core.clock.now())
    save_forwarding(tx, account, agreed)
    forwardings.forget_question(tx, account)
    filters.regenerate(core, tx, account)
    audit.note(core, tx, account, Event.FORWARDING_CONFIRMED, detail=now.target)
    return get_forwarding(tx, account)


def confirm_by_code(core: Core, account: AccountId, code: str) -> Forwarding:
    """The owner has read the question at the target.  Raises LinkExpired, TooMany: ten codes a day."""
    digits = "".join(c for c in code if c.isascii() and c.isdigit())

    def store(tx: Tx) -> Forwarding | None:
        hashed, now = get_question_hash(tx, account), get_forwarding(tx, account)
        if tries.is_over_limit(core, tx, "forwarding code", str(account), limit=CODES_A_DAY, seconds=tries.DAY):
            raise TooMany(Saying("Too many codes were tried today. Use the link in the message."))
        if not hashed or now.state is not ForwardingState.UNCONFIRMED:
            raise LinkExpired(Saying("Nobody needs to be asked: the address has answered, or nothing is forwarded."))
        return _agreed(core, tx, account) if hmac.compare_digest(digits, _code(tx, hashed)) else None

    found = core.db.write(store)  # a wrong code is counted, so that it is told after the commit
    if found is None:
        raise NotAllowed(Saying("That is not the code of our message. Look at the latest message."))
    return found


def stop(core: Core, account: AccountId, *, actor: str = "") -> Forwarding:
    """Mail is kept from the next message on; the target would be asked again."""

    def store(tx: Tx) -> Forwarding:
        save_forwarding(tx, account, Forwarding())
        filters.regenerate(core, tx, account)
        audit.note(core, tx, account, Event.FORWARDING_STOPPED, actor=actor)
        return Forwarding()

    return core.db.write(store)


def result(core: Core, tx: Tx, account: AccountId, *, target: str, ok: bool, permanent: bool, reply: str) -> Forwarding:
    """Record the reply to one forwarded message, by the target's server or in a report that came back.

    Args:
        target: where it went; what a personal script sends elsewhere says nothing of the forwarding.
    """

    now = get_forwarding(tx, account)
    if now.state not in (ForwardingState.HEALTHY, ForwardingState.FAILING) or target.lower() != now.target.lower():
        return now
    if ok and now.state is ForwardingState.HEALTHY and not now.failures:
        return now
    if ok:
        new = dataclasses.replace(now, state=ForwardingState.HEALTHY, failures=0, last_reply="")
    elif not permanent:
        new = dataclasses.replace(now, last_reply=reply[:500])
    else:
        failures = now.failures + 1
        state = ForwardingState.PAUSED if failures >= MAX_REFUSALS else ForwardingState.FAILING
        new = dataclasses.replace(now, state=state, failures=failures, last_reply=reply[:500])
    save_forwarding(tx, account, new)
    if new.state is ForwardingState.PAUSED:
        filters.regenerate(core, tx, account)
        audit.note(core, tx, account, Event.FORWARDING_PAUSED, detail=reply[:200])
        owner = get_account(tx, account)
        forwarding_target.tell_owner(core, tx, owner, "forwarding_paused", now.target, reply=reply[:300])
    return new


def question_failed(core: Core, tx: Tx, account: AccountId, target: str, reply: str) -> bool:
    """Notify the owner that the question to the target could not be delivered: the address may be mistyped.

    False where it was no such question.
    """
    now = get_forwarding(tx, account)
    if now.state is not ForwardingState.UNCONFIRMED or now.target.lower() != target.lower():
        return False
    save_forwarding(tx, account, dataclasses.replace(now, last_reply=reply[:500]))
    audit.note(core, tx, account, Event.FORWARDING_UNREACHABLE, detail=reply[:200])
    owner = get_account(tx, account)
    forwarding_target.tell_owner(core, tx, owner, "forwarding_unreachable", now.target, reply=reply[:300])
    return True
