"""Scripts that run when something happens in a mailbox: IMAPSIEVE (RFC 6785).

The owner names the script in the annotation `/shared/imapsieve/script` of a mailbox, or of the account for all its mailboxes.
It runs in the transaction of the APPEND, COPY, MOVE or change of flags that is its cause, for instance to sort, flag or
send on what was moved to Junk.  What is sent on leaves as mail of the owner, as any mail program's does: counted, and with
them as its author, since nobody knows any more who vouched for the message.  Nobody waits outside who could be answered,
so reject and vacation do nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sieve
from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, Mailbox, MailboxId, MessageInfo
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.mail.reading.message import Message
from mailcore.services.delivery import script_notify, script_runs, sending_limits
from mailcore.services.mailauth import dkim, forward_policy
from mailcore.services.sieve_scripts import scripts_library
from mailcore.services.sieve_scripts.recipient_view import RecipientView, ScriptContext
from mailcore.services.sieve_scripts.script_view import MessageText
from mailcore.store.delivery.scripts import find_script
from mailcore.store.engine.db import Tx
from mailcore.store.mail import annotations
from mailcore.store.people.accounts import get_account
from mailcore.store.people.addresses import list_addresses
from mailcore.store.queue.items import enqueue_mail

log = log_for(__name__)
ENTRY = "/shared/imapsieve/script"
MAX_MESSAGES = 1000  # of one command that a script looks at
DELETED = frozenset({"\\Deleted"})


@dataclass(frozen=True, slots=True)
class _Event:
    core: Core
    tx: Tx
    account: AccountId
    box: Mailbox
    address: str
    source: str
    items: dict[str, str]


def script_for(tx: Tx, account: AccountId, mailbox: MailboxId) -> str:
    """The source of the script for that mailbox, "" for none."""
    name = annotations.find_value(tx, account, mailbox, ENTRY)
    if not name:
        return ""
    found = find_script(tx, account, name.decode("utf-8", "replace"))
    return found.source if found and not found.held else ""


def happened(
    core: Core,
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    uids: Sequence[int],
    cause: str,
    changed: frozenset[str] = frozenset(),
) -> None:
    """Run the owner's script, if there is one, for each message.

    Args:
        cause: APPEND, COPY (also for MOVE) or FLAG.
        changed: the flags that were set or taken away.
    """
    source = script_for(tx, account, mailbox) if uids else ""
    if not source:
        return
    owner = get_account(tx, account)
    address = f"{owner.name}@{core.config.domain}"
    box = core.mail.get(tx, mailbox)
    items = {
        "imap.user": owner.name,
        "imap.email": address,
        "imap.cause": cause,
        "imap.mailbox": box.name,
        "imap.changedflags": " ".join(sorted(changed)),
        "location": "MS",
        "phase": "post",
    }
    event = _Event(core, tx, account, box, address, source, items)
    for uid in uids[:MAX_MESSAGES]:
        for info in core.mail.infos(tx, mailbox, [(uid, uid)]):
            _one(event, info)


def _one(event: _Event, info: MessageInfo) -> None:
    core, tx = event.core, event.tx
    place = ScriptContext(core, tx, event.account, core.clock.now(), items=event.items)
    message = MessageText(Message(core.mail.octets(tx, event.box.id, info.uid)))
    view = RecipientView(place, message, Envelope("", (event.address,)), event.address)
    before = tuple(sorted(info.flags))
    try:
        program = scripts_library.compile_program(event.source, scripts_library.make_library(core, tx, event.account))
        actions = sieve.run(program, view, sieve.Options(), before).actions
    except (sieve.ScriptError, sieve.ScriptRuntimeError) as problem:
        log.warning("a script of account %d failed on %s: %s", event.account, event.items["imap.cause"], problem)
        script_runs.tell(place, problem.args[0])
        return
    kept = False
    for action in actions:
        if isinstance(action, sieve.Keep):
            kept = True
            _keep(event, info, action)
        else:
            _do(event, info, message, action)
    if not kept and any(isinstance(a, sieve.Discard | sieve.FileInto | sieve.Redirect) for a in actions):
        core.mail.set_flags(tx, event.box.id, [(info.uid, info.uid)], "add", DELETED)


def _keep(event: _Event, info: MessageInfo, action: sieve.Keep) -> None:
    """Keep the message in place with the flags that the script leaves; a changed one replaces it."""
    core, tx, ranges = event.core, event.tx, [(info.uid, info.uid)]
    if action.octets is not None:
        prepared = core.blobs.prepare(action.octets)
        core.mail.append(tx, event.account, event.box.id, prepared, frozenset(action.flags), info.internal_date)
        core.mail.set_flags(tx, event.box.id, ranges, "add", DELETED)
    elif frozenset(action.flags) != info.flags and (action.flags or action.implicit):
        core.mail.set_flags(tx, event.box.id, ranges, "replace", frozenset(action.flags))


def _do(event: _Event, info: MessageInfo, message: MessageText, action: sieve.Action) -> None:
    core, tx, account = event.core, event.tx, event.account
    match action:
        case sieve.FileInto():
            try:
                target = script_runs.mailbox_or_inbox(core, tx, account, action)
                _, [uid] = core.mail.copy(tx, account, event.box.id, [(info.uid, info.uid)], target.id)
            except MailError as problem:  # full, say: the message stays where it is
                log.warning("fileinto of account %d: %s", account, problem)
                return
            core.mail.set_flags(tx, target.id, [(uid, uid)], "replace", frozenset(action.flags))
        case sieve.Redirect():
            _send_on(event, message.octets[:] if action.octets is None else action.octets, action.address)
        case sieve.Notify():
            known = frozenset((event.address, *list_addresses(tx, account)))
            script_notify.queue(
                core, tx, action, fields=message.head, own=event.address, known=known, trigger="", account=account
            )
        case _:
            pass


def _send_on(event: _Event, octets: bytes, target: str) -> None:
    core, tx = event.core, event.tx
    refused = sending_limits.count(core, tx, get_account(tx, event.account), "", 1)
    if refused is not None:
        log.warning("redirect of account %d: %s", event.account, refused)
        return
    if not forward_policy.is_by(Message(octets).header, event.address):
        octets = forward_policy.with_own_author(Message(octets), event.address)
    prepared = core.blobs.prepare(dkim.sign(core.config, octets) + octets)
    enqueue_mail(
        tx,
        core.blobs,
        sender=event.address,
        recipients=[target],
        prepared=prepared,
        prefix=b"",
        account=event.account,
        origin="forward",
        now=core.clock.seconds(),
    )
