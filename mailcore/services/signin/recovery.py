"""Recovery without the password (S15, N20).

Three ways: a link to the verified contact addresses (services/signin/password_requests.py), a recovery code that was
printed, and the help
desk.  Whoever asks learns nothing of an account.  An agent of the desk issues a
link and never sees or chooses a password; for an account with a second factor a second agent must agree, and then the
factors are taken off, because the person has lost them.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import AccountNotFound, LinkExpired, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import COMMAND_LINE, Event
from mailcore.services.credentials import contact_addresses, credentials, login
from mailcore.services.limits import keys, throttle
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses as store
from mailcore.store.people import credentials as credential_store
from mailcore.store.people import second_factors
from mailcore.store.people.accounts import get_account
from mailcore.store.people.contact_addresses import Recovery, RecoveryState

CODES = 10
MAX_PROOF = 1500  # characters
DESK_SECONDS = 24 * 3600
SECOND_SECONDS = 7 * 86_400  # within which the second agent must agree
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


# By a printed code


def create_codes(core: Core, account: Account) -> list[str]:
    """Create ten new codes, to be shown once; older ones are void."""
    codes = ["-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]

    def write(tx: Tx) -> None:
        store.save_codes(tx, account.id, [_hash_code(core, account, code) for code in codes])
        audit.note(core, tx, account.id, Event.RECOVERY_CODES_MADE)
        # each of them sets a new password, also after that one was changed
        account_notices.notify_owner(core, tx, account, "recovery_codes_made", box=False)

    core.db.write(write)
    return codes


def count_codes(core: Core, account: Account) -> int:
    """Count the codes that were not used yet."""
    return core.db.read(lambda tx: store.count_codes(tx, account.id))


def _hash_code(core: Core, account: Account, code: str) -> str:
    """Hash a code by a key beside the database: fifty bits alone would be too few there."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return keys.compute_hmac(core.config, "recovery", f"{account.id}\0{plain}").hex()


def spend_code(core: Core, account: Account, code: str) -> bool:
    """Use up a code; True once for each."""

    def write(tx: Tx) -> bool:
        is_unused = store.spend_code(tx, account.id, _hash_code(core, account, code), core.clock.seconds())
        if is_unused:
            audit.note(core, tx, account.id, Event.RECOVERY_CODE_USED)
        return is_unused

    return core.db.write(write)


def create_link_by_code(core: Core, username: str, code: str, *, peer: str, device: str = "") -> str:
    """Return a link that sets the password, for a printed code.

    Raises:
        WrongPassword: unknown user and wrong code alike; counted as a failed log-in.
        TooMany.
    """
    name = login.to_local_name(core, username) or ""
    throttle.check_name(core, name, peer=peer, device=device)
    holder = core.db.read(lambda tx: credential_store.find_holder(tx, name))
    if not spend_code(core, holder.account if holder else _placeholder_account(core), code) or holder is None:
        raise login.record_failure(core, name, peer, device=device)
    account = holder.account.id
    return core.db.write(lambda tx: credentials.create_link(core, tx, account, credentials.RESET_SECONDS))


def _placeholder_account(core: Core) -> Account:
    """Return an account without codes, so that a name that is nobody's takes the same work."""
    return Account(AccountId(0), "", "", None, 0, 0, "nb", "", AccountState.ACTIVE, core.clock.now())


# At the help desk


@dataclass(frozen=True, slots=True)
class Issued:
    """The result for the agent.  `link` is "" when it was mailed, or while a second agent must agree (`waiting`)."""

    link: str = ""
    waiting: Recovery | None = None


def format_proof(core: Core, checks: Sequence[str], note: str) -> str:
    """Join what an agent ticked in the site's list of checks with their note, as the `proof` of `issue_link`.

    Raises:
        NotAllowed: too few are ticked.
    """
    least = core.config.help.identity_least
    if len(set(checks)) < least:
        raise NotAllowed(Saying("Tick at least %(count)s of the checks.", count=least))
    return "; ".join([*dict.fromkeys(checks), *filter(None, [note.strip()])])


def issue_link(
    core: Core, username: str, *, agent: str, proof: str, send_to: str = "", ticket: int | None = None
) -> Issued:
    """Issue a link by which the person sets a new password, for an agent who has seen who it is.

    Args:
        agent: user name of somebody with the role desk or admin, or COMMAND_LINE.
        proof: how the person was recognised, in the agent's words; saved in the audit log.
        send_to: an outside address; without one the link is returned, to be handed over in person.

    Raises:
        AccountNotFound.
        NotAllowed: no agent, their own account, or nothing was written of the proof.
        InvalidName: `send_to` is not an outside address.
    """
    account = accounts.find_account(core, username)
    proof = " ".join(proof.split())[:MAX_PROOF]
    send_to = contact_addresses.check_address(core, send_to) if send_to else ""
    _check_agent(core, agent, account)
    if not proof:
        raise NotAllowed("write down how the person was recognised")
    if account.state != AccountState.ACTIVE:
        raise AccountNotFound(f"{account.name} is closed")
    both = needs_two_agents(core, account)

    def write(tx: Tx) -> Issued:
        audit.note(core, tx, account.id, Event.RECOVERY_BEGUN, actor=agent, detail=proof)
        if both:
            return Issued(
                waiting=store.add_recovery(tx, account.id, agent, proof, send_to, ticket, core.clock.seconds())
            )
        return _issue_link(core, tx, account, agent, send_to)

    return core.db.write(write)


def needs_two_agents(core: Core, account: Account) -> bool:
    """Say if two agents must agree: with a second step, and for the desk, as one agent could else become both."""
    return bool(accounts.get_role(core, account.id)) or core.db.read(
        lambda tx: second_factors.has_factor(tx, account.id)
    )


def list_waiting(core: Core) -> list[Recovery]:
    """List the recoveries that wait for a second agent."""
    since = core.clock.seconds() - SECOND_SECONDS
    return core.db.read(lambda tx: store.list_waiting(tx, since))


def approve_recovery(core: Core, number: int, *, agent: str) -> Issued:
    """Approve as the second agent: the factors are removed and the link is issued.

    Raises:
        LinkExpired: it was done, dropped, or is too old.
        NotAllowed: no agent, the same one, or their own account.
    """

    def write(tx: Tx) -> Issued:
        pending = store.find_recovery(tx, number)
        if (
            pending is None
            or pending.state != RecoveryState.WAITING
            or pending.created_at.timestamp() < core.clock.seconds() - SECOND_SECONDS
        ):
            raise LinkExpired("there is no such recovery waiting")
        account = get_account(tx, pending.account)
        _check_agent(core, agent, account)
        if account.state != AccountState.ACTIVE:
            raise LinkExpired(f"{account.name} is closed")
        if agent == pending.agent:
            raise NotAllowed("a second agent must agree")
        store.finish_recovery(tx, number, RecoveryState.DONE)
        second_factors.delete_factors(tx, account.id)
        audit.note(core, tx, account.id, Event.RECOVERY_AGREED, actor=agent)
        return _issue_link(core, tx, account, agent, pending.send_to)

    return core.db.write(write)


def refuse_recovery(core: Core, number: int, *, agent: str) -> None:
    """Refuse as the second agent.  Raises LinkExpired."""

    def write(tx: Tx) -> None:
        pending = store.find_recovery(tx, number)
        if pending is None or not store.finish_recovery(tx, number, RecoveryState.DROPPED):
            raise LinkExpired("there is no such recovery waiting")
        audit.note(core, tx, pending.account, Event.RECOVERY_REFUSED, actor=agent)

    core.db.write(write)


def _check_agent(core: Core, agent: str, account: Account) -> None:
    if agent == COMMAND_LINE:
        return
    if agent == account.name:
        raise NotAllowed("nobody recovers their own account")
    if accounts.get_role(core, accounts.find_account(core, agent).id) not in ("desk", "admin"):
        raise NotAllowed("only agents of the desk do this")


def _issue_link(core: Core, tx: Tx, account: Account, agent: str, send_to: str) -> Issued:
    link = credentials.create_link(core, tx, account.id, DESK_SECONDS)
    audit.note(core, tx, account.id, Event.RECOVERY_LINK_ISSUED, actor=agent, detail=send_to)
    account_notices.notify_owner(core, tx, account, "recovery_issued", agent=agent)
    if not send_to:
        return Issued(link=link)
    prepared = notices.prepare(
        core,
        "password_link",
        account.language,
        send_to,
        display_name=account.display_name or account.name,
        user=account.name,
        link=link,
    )
    notices.queue(core, tx, prepared, send_to, account.id)
    return Issued()
