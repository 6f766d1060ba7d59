"""Forwarding to an outside address: set, confirm, stop it, and record the target's replies.

The target is asked first (unless the site's settings say otherwise): a typing error must not send one's mail to a
stranger.  Five permanent refusals in a row pause the forwarding; mail is then saved here.
"""

import dataclasses
import hmac
import re
import secrets
from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Forwarding, ForwardingState
from mailcore.errors import ForwardingRefused, LinkExpired, NotAllowed, TooMany
from mailcore.net.dns import DnsTrouble
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.forwarding import consent
from mailcore.services.limits import mail_limits, tries
from mailcore.services.limits.links import hash_token
from mailcore.services.limits.mail_limits import NOBODY, Cause
from mailcore.services.notices import account_notices, notices
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery.vacation_memory import save_answer, was_answered
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.questions import delete_question, find_asked_target
from mailcore.store.forwarding.settings import (
    find_account_by_question,
    get_forwarding,
    get_question_hash,
    save_forwarding,
)
from mailcore.store.mail.blobs import Prepared
from mailcore.store.people.accounts import get_account
from mailcore.store.site.secrets import get_secret
from sieve.addrspec import normal_address

MAX_REFUSALS = 5
QUESTIONS_A_DAY, CODES_A_DAY = 3, 10
# One addr-spec of RFC 5321 without quoting; what people really have.
_ADDRESS = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)


def read_forwarding(core: Core, account: AccountId) -> Forwarding:
    """Return the account's forwarding; one that is off where nothing is set."""
    return core.db.read(lambda tx: get_forwarding(tx, account))


def check_target(core: Core, target: str) -> str:
    """Return the target with its domain in lower case.  Raises ForwardingRefused if it is not one outside address."""
    target = normal_address(target.strip())
    if core.config.forwarding.targets == "none":
        raise ForwardingRefused(Saying("Forwarding is not offered here."))
    if "," in target or ";" in target or len(target.split()) > 1:
        raise ForwardingRefused(Saying("Mail can be forwarded to one address only."))
    if not _ADDRESS.fullmatch(target):
        raise ForwardingRefused(
            Saying("'%(target)s' is not an e-mail address. Look for a typing error.", target=target)
        )
    localpart, _, domain = target.rpartition("@")
    domain = domain.lower()
    if core.config.is_ours(domain):
        raise ForwardingRefused(
            Saying(
                "Mail cannot be forwarded to an address at %(domain)s: it must be outside Alumnimail.", domain=domain
            )
        )
    _check_site_lists(core, domain)
    if _leads_to_us(core, domain):
        raise ForwardingRefused(
            Saying("Mail to %(domain)s would come back here. Choose an address elsewhere.", domain=domain)
        )
    return f"{localpart}@{domain}"


def _check_site_lists(core: Core, domain: str) -> None:
    """Check a target's domain against the site's lists, sub-domains included.  Raises ForwardingRefused."""

    def listed(domains: Sequence[str]) -> bool:
        return any(domain == one.lower() or domain.endswith("." + one.lower()) for one in domains)

    settings = core.config.forwarding
    if listed(settings.denied_domains) or (settings.allowed_domains and not listed(settings.allowed_domains)):
        raise ForwardingRefused(Saying("This service does not forward to %(domain)s.", domain=domain))


def _leads_to_us(core: Core, domain: str) -> bool:
    """Say if our own host is the one that takes its mail.  DNS that does not answer is no reason to refuse."""
    try:
        hosts = core.dns.lookup(domain, "MX")
    except DnsTrouble:
        return False
    return any(str(host.exchange).rstrip(".").lower() == core.config.host.lower() for host in hosts)


def set_forwarding(
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
    """Set the target that mail is forwarded to; until the target agrees, mail is only saved here.

    Args:
        copy: save a copy here.
        confirmed: staff vouches that the target agreed.
        unsafe, digest, rolling_days: as in domain.Forwarding; None = as before.
        cause: who asks, for the limits of the mail that it causes.

    Raises:
        ForwardingRefused: `target` is not one outside address, or the site does not forward to it.
        TooMany: too many questions were sent today, to that address or by that person.
    """
    target = check_target(core, target)
    owner = core.db.read(lambda tx: get_account(tx, account))
    previous = read_forwarding(core, account)
    is_unchanged = previous.target == target and previous.confirmed_at is not None
    needs_no_question = confirmed or is_unchanged or core.config.forwarding.targets == "any"
    token = "" if needs_no_question else secrets.token_urlsafe(24)
    if not needs_no_question:
        core.db.write(lambda tx: _limit_questions(core, tx, account, target, cause))
    question = None if needs_no_question else _prepare_question(core, owner, target, token)
    state = ForwardingState.HEALTHY if needs_no_question else ForwardingState.UNCONFIRMED
    confirmed_at = (previous.confirmed_at if is_unchanged else core.clock.now()) if needs_no_question else None

    forwarding = Forwarding(
        target,
        state,
        copy,
        confirmed_at=confirmed_at,
        unsafe=previous.unsafe if unsafe is None else unsafe,
        digest=previous.digest if digest is None else digest,
        rolling_days=previous.rolling_days if rolling_days is None else rolling_days,
    )

    def store(tx: Tx) -> Forwarding:
        save_forwarding(tx, account, forwarding, _hash_token(token))
        filters.regenerate(core, tx, account)
        if question is not None:
            notices.queue(core, tx, question, target, account)
        if not is_unchanged:  # who steals an account likes to add a forwarding, so the owner is always notified
            address = owner.address(core.config.domain)
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
    """Send another question to a target that has not answered; the older link expires.

    Raises:
        ForwardingRefused: no answer is awaited.
        TooMany: three questions were sent today.
    """
    owner, now = core.db.read(lambda tx: (get_account(tx, account), get_forwarding(tx, account)))
    if now.state is not ForwardingState.UNCONFIRMED:
        raise ForwardingRefused(Saying("Nobody needs to be asked: the address has answered, or nothing is forwarded."))
    token = secrets.token_urlsafe(24)
    question = _prepare_question(core, owner, now.target, token)

    def store(tx: Tx) -> Forwarding:
        if tries.is_over_limit(
            core, tx, "forwarding asked again", str(account), limit=QUESTIONS_A_DAY, seconds=tries.DAY
        ):
            raise TooMany(Saying("The question was sent several times today. Try again tomorrow."))
        mail_limits.count_mail(core, tx, cause, now.target)
        save_forwarding(tx, account, now, _hash_token(token))
        notices.queue(core, tx, question, now.target, account)
        audit.note(core, tx, account, Event.FORWARDING_ASKED_AGAIN, actor=owner.name, detail=now.target)
        return now

    return core.db.write(store)


def _hash_token(token: str) -> str:
    return hash_token(token) if token else ""


def _limit_questions(core: Core, tx: Tx, account: AccountId, target: str, cause: Cause) -> None:
    """Count a question to the target, so that nobody's mailbox is filled with them.  Raises TooMany, ForwardingRefused."""
    now, nobody = core.clock.seconds(), AccountId(0)
    if was_answered(tx, account, Event.FORWARDING_STOPPED_BY_TARGET, target.lower(), now - 30 * 86_400):
        raise ForwardingRefused(
            Saying(
                "Whoever reads there has recently stopped the forwarding. Choose another address, or try again in a month."
            )
        )
    for number in range(QUESTIONS_A_DAY):
        if not was_answered(tx, nobody, f"forwarding question {number}", target.lower(), now - 86_400):
            mail_limits.count_mail(core, tx, cause, target)
            save_answer(tx, nobody, f"forwarding question {number}", target.lower(), now)
            return
    raise TooMany(Saying("The question was sent several times today. Try again tomorrow."))


def _prepare_question(core: Core, owner: Account, target: str, token: str) -> Prepared:
    stop_link, code = core.db.write(
        lambda tx: (consent.make_stop_link(core, tx, owner.id, target), _make_code(tx, _hash_token(token)))
    )
    return notices.prepare(
        core,
        "forwarding_confirm",
        owner.language,
        target,
        address=owner.address(core.config.domain),
        target=target,
        link=f"{core.config.url}/forwarding/confirm/{token}",
        stop=stop_link,
        code=f"{code[:4]} {code[4:]}",
    )


def _make_code(tx: Tx, hashed: str) -> str:
    """Return eight digits that confirm as the link does, for who reads the target's mail and is logged in here."""
    mac = hmac.digest(get_secret(tx, "forwarding code"), hashed.encode(), "sha256")
    return f"{int.from_bytes(mac[:8], 'big') % 10**8:08}"


def find_question(core: Core, token: str) -> tuple[Account, Forwarding]:
    """Return the asking account and its forwarding, without answering (previewers fetch links).  Raises LinkExpired."""
    return core.db.read(lambda tx: _find_by_token(tx, token))


def _find_by_token(tx: Tx, token: str) -> tuple[Account, Forwarding]:
    account = find_account_by_question(tx, _hash_token(token)) if token else None
    if account is None and token:  # a question of later years
        question = find_asked_target(tx, _hash_token(token))
        if question is not None and get_forwarding(tx, question[0]).target == question[1]:
            account = question[0]
    if account is None:
        raise LinkExpired("the link is used, too old or unknown")
    return get_account(tx, account), get_forwarding(tx, account)


def confirm_by_link(core: Core, token: str) -> Forwarding:
    """Confirm the forwarding whose question holds this token.  Raises LinkExpired."""

    def store(tx: Tx) -> Forwarding:
        return _mark_confirmed(core, tx, _find_by_token(tx, token)[0].id)

    return core.db.write(store)


def _mark_confirmed(core: Core, tx: Tx, account: AccountId) -> Forwarding:
    now = get_forwarding(tx, account)
    confirmed = dataclasses.replace(now, state=ForwardingState.HEALTHY, confirmed_at=core.clock.now())
    save_forwarding(tx, account, confirmed)
    delete_question(tx, account)
    filters.regenerate(core, tx, account)
    audit.note(core, tx, account, Event.FORWARDING_CONFIRMED, detail=now.target)
    return get_forwarding(tx, account)


def confirm_by_code(core: Core, account: AccountId, code: str) -> Forwarding:
    """Confirm the account's forwarding by the code of the question.

    Raises:
        LinkExpired: no answer is awaited.
        NotAllowed: it is not the code.
        TooMany: ten codes were tried today.
    """
    digits = "".join(c for c in code if c.isascii() and c.isdigit())

    def store(tx: Tx) -> Forwarding | None:
        hashed, now = get_question_hash(tx, account), get_forwarding(tx, account)
        if tries.is_over_limit(core, tx, "forwarding code", str(account), limit=CODES_A_DAY, seconds=tries.DAY):
            raise TooMany(Saying("Too many codes were tried today. Use the link in the message."))
        if not hashed or now.state is not ForwardingState.UNCONFIRMED:
            raise LinkExpired(Saying("Nobody needs to be asked: the address has answered, or nothing is forwarded."))
        return _mark_confirmed(core, tx, account) if hmac.compare_digest(digits, _make_code(tx, hashed)) else None

    confirmed = core.db.write(store)  # a wrong code is counted, so it is refused after the commit
    if confirmed is None:
        raise NotAllowed(Saying("That is not the code from our message. Look at the latest message."))
    return confirmed


def stop_forwarding(core: Core, account: AccountId, *, actor: str = "") -> Forwarding:
    """Stop forwarding from the next message on; to start again, the target is asked again."""

    def store(tx: Tx) -> Forwarding:
        save_forwarding(tx, account, Forwarding())
        filters.regenerate(core, tx, account)
        audit.note(core, tx, account, Event.FORWARDING_STOPPED, actor=actor)
        return Forwarding()

    return core.db.write(store)


def record_reply(
    core: Core, tx: Tx, account: AccountId, *, target: str, ok: bool, permanent: bool, reply: str
) -> Forwarding:
    """Record the reply to one forwarded message, by the target's server or in a report that came back.

    Args:
        target: the recipient; what a personal script redirects elsewhere does not count for the forwarding.
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
        consent.notify_owner(core, tx, owner, "forwarding_paused", now.target, reply=reply[:300])
    return new


def record_undelivered_question(core: Core, tx: Tx, account: AccountId, target: str, reply: str) -> bool:
    """Notify the owner that the question to the target could not be delivered: the address may be mistyped.

    Returns:
        False if it was no such question.
    """
    now = get_forwarding(tx, account)
    if now.state is not ForwardingState.UNCONFIRMED or now.target.lower() != target.lower():
        return False
    save_forwarding(tx, account, dataclasses.replace(now, last_reply=reply[:500]))
    audit.note(core, tx, account, Event.FORWARDING_UNREACHABLE, detail=reply[:200])
    owner = get_account(tx, account)
    consent.notify_owner(core, tx, owner, "forwarding_unreachable", now.target, reply=reply[:300])
    return True
