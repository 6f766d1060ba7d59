"""Runs of an account's scripts, and the actions they ask for: the generated one first, then the personal one.

A script that fails means keep; it is logged, and its owner is notified, once a day at most.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import sieve
from mailcore.core import Core
from mailcore.domain import SPECIAL_USES, AccountId, Mailbox
from mailcore.errors import MailboxNotFound, MailError
from mailcore.log import log_for
from mailcore.services.delivery import traces
from mailcore.services.notices import catalogue, notices
from mailcore.services.sieve_scripts import scripts_library
from mailcore.services.sieve_scripts.recipient_view import RecipientView, ScriptContext
from mailcore.store.delivery.vacation_memory import save_answer, was_answered
from mailcore.store.engine.db import Tx
from mailcore.store.mail import mailbox_facts
from mailcore.store.people.accounts import get_account

log = log_for(__name__)
KEEP = (sieve.Keep(implicit=True),)
DAY = 86_400
# Rules of the portal may file into many mailboxes; a rule alone does little.
GENERATED = sieve.Options(max_actions=128)
Actions = tuple[sieve.Action, ...]
Because = Callable[..., None]  # takes any number of traces.Rule


def decide(place: ScriptContext, view: RecipientView, generated: str, personal: str, *, because: Because) -> Actions:
    """Run the scripts and return their actions in order, one for each place.  Saves what `duplicate` saw.

    Args:
        because: called with the rules that decided, for the trace.
    """
    first = sieve.Result(KEEP, implicit_keep=True)
    if generated:
        first = _run(place, view, generated, GENERATED, because=because)
        because(*(traces.rule_at(generated, line) for line in first.lines if line))
    if not personal or not first.implicit_keep:
        return first.actions
    keep = next((action for action in first.actions if isinstance(action, sieve.Keep)), KEEP[0])
    second = _run(place, view, personal, sieve.Options(), keep.flags, because=because)
    because(*(("script", str(line)) for line in second.lines if line))
    return joined(tuple(action for action in first.actions if action is not keep), second.actions)


def joined(first: Actions, second: Actions) -> Actions:
    """Both scripts' actions: one vacation reply, and one copy to each address."""
    done = list(first)
    answered = any(isinstance(action, sieve.Vacation) for action in first)
    sent = {action.address.lower() for action in first if isinstance(action, sieve.Redirect)}
    for action in second:
        if isinstance(action, sieve.Vacation) and answered:
            continue
        if isinstance(action, sieve.Redirect) and action.address.lower() in sent:
            continue
        done.append(action)
    redirects = [action for action in done if isinstance(action, sieve.Redirect)]
    for action in redirects[sieve.MAX_REDIRECTS :]:
        done.remove(action)
    return tuple(done)


def _run(
    place: ScriptContext,
    view: RecipientView,
    source: str,
    options: sieve.Options,
    flags: tuple[str, ...] = (),
    *,
    because: Because,
) -> sieve.Result:
    library = scripts_library.make_library(place.core, place.tx, place.account)
    try:
        result = sieve.run(scripts_library.compile_program(source, library), view, options, flags)
    except (sieve.ScriptError, sieve.ScriptRuntimeError) as problem:
        log.warning("a script of account %d failed: %s", place.account, problem)
        because(("failed", json.dumps(catalogue.to_json(problem.args[0]), ensure_ascii=False)))
        tell(place, problem.args[0])
        return sieve.Result((replace(KEEP[0], flags=flags),), implicit_keep=True)
    now = int(place.now.timestamp())
    for key, _seconds in result.seen:
        save_answer(place.tx, place.account, "duplicate", key, now)
    return result


def mailbox_or_inbox(core: Core, tx: Tx, account: AccountId, where: sieve.FileInto) -> Mailbox:
    try:
        return core.mail.mailbox(tx, account, where.mailbox)
    except MailboxNotFound:
        return instead(core, tx, account, where.mailbox, create=where.create, use=where.special_use)


def instead(core: Core, tx: Tx, account: AccountId, name: str, *, create: bool, use: str) -> Mailbox:
    """Replace a mailbox that is missing: a new one with `:create`, else INBOX (RFC 5228 section 4.1)."""
    if create:
        try:
            box = core.mail.create(tx, account, name)
            if use in SPECIAL_USES:  # RFC 8579 section 4: made for that use
                mailbox_facts.set_special_use(tx, account, box.id, use)
            return box
        except MailError as problem:
            log.warning("fileinto of account %d: %s", account, problem)
    return core.mail.mailbox(tx, account, "INBOX")


def tell(place: ScriptContext, problem: str) -> None:
    """Notify the owner, once a day at most."""
    core, tx, now = place.core, place.tx, int(place.now.timestamp())
    if was_answered(tx, place.account, "script failed", "", now - DAY):
        return
    save_answer(tx, place.account, "script failed", "", now)
    owner = get_account(tx, place.account)
    address = f"{owner.name}@{core.config.domain}"
    notice = notices.prepare(
        core,
        "script_failed",
        owner.language,
        address,
        display_name=owner.display_name or owner.name,
        address=address,
        problem=catalogue.translate_into(owner.language, problem)[:500],
    )
    notices.queue(core, tx, notice, address, place.account)
