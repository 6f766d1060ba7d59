"""Runs of an account's scripts, and the actions they ask for: the generated one first, then the personal one.

A script that fails means keep; it is logged, and its owner is notified, once a day at most.
"""

import json
from dataclasses import dataclass, replace

import sieve
from mailcore.core import Core
from mailcore.domain import SPECIAL_USES, AccountId, Mailbox
from mailcore.errors import MailboxNotFound, MailError
from mailcore.log import log_for
from mailcore.services.delivery import traces
from mailcore.services.delivery.plans import File, ProblemNotice
from mailcore.services.delivery.traces import Rule
from mailcore.services.notices import catalogue, notices
from mailcore.services.sieve_scripts import scripts_library
from mailcore.services.sieve_scripts.recipient_view import Place, RecipientView
from mailcore.services.sieve_scripts.scripts_library import Library
from mailcore.store.delivery import vacation_memory
from mailcore.store.engine.db import Tx
from mailcore.store.mail import mailbox_facts
from mailcore.store.people.accounts import get_account

log = log_for(__name__)
KEEP = (sieve.Keep(implicit=True),)
DAY = 86_400
# Rules of the portal may file into many mailboxes; a rule alone does little.
GENERATED = sieve.Options(max_actions=128)
Actions = tuple[sieve.Action, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The end of an account's scripts for one message.

    Attributes:
        actions: in order, one for each place.
        rules: what decided, for the trace.
        duplicate_keys: keys to be remembered for `duplicate` (RFC 7352).
        personal: targets to which the personal script redirects.
        is_full: it is refused by the rule for a full mailbox.
        problems: of scripts that failed.
    """

    actions: Actions
    rules: tuple[Rule, ...] = ()
    duplicate_keys: tuple[str, ...] = ()
    personal: frozenset[str] = frozenset()
    is_full: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one script; `problem` is empty where it did not fail."""

    result: sieve.Result
    problem: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Name a failure for the trace."""
        if not self.problem:
            return ()
        return (("failed", json.dumps(catalogue.to_json(self.problem), ensure_ascii=False)),)

    @property
    def duplicate_keys(self) -> tuple[str, ...]:
        return tuple(key for key, _seconds in self.result.remembered)


def decide(place: Place, view: RecipientView, generated: str, personal: str) -> Decision:
    """Run the generated script, and the personal one while the implicit keep still stands.  Writes nothing."""
    first = Run(sieve.Result(KEEP, implicit_keep=True))
    rules: tuple[Rule, ...] = ()
    is_full = False
    if generated:
        first = run(place, view, generated, GENERATED)
        named = [traces.rule_at(generated, line) if line else None for line in first.result.lines]
        rules = (*first.rules, *filter(None, named))
        # lines are there for each action, unless it failed
        is_full = any(
            rule == ("full", "") and isinstance(action, sieve.Ereject)
            for rule, action in zip(named, first.result.actions, strict=False)
        )
    problems = tuple(filter(None, (first.problem,)))
    if not personal or not first.result.implicit_keep:
        return Decision(first.result.actions, rules, first.duplicate_keys, is_full=is_full, problems=problems)
    keep = next((action for action in first.result.actions if isinstance(action, sieve.Keep)), KEEP[0])
    second = run(place, view, personal, sieve.Options(), keep.flags)
    return Decision(
        joined(tuple(action for action in first.result.actions if action is not keep), second.result.actions),
        (*rules, *second.rules, *(("script", str(line)) for line in second.result.lines if line)),
        (*first.duplicate_keys, *second.duplicate_keys),
        frozenset(action.address for action in second.result.actions if isinstance(action, sieve.Redirect)),
        problems=(*problems, *filter(None, (second.problem,))),
    )


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


def run(place: Place, view: RecipientView, source: str, options: sieve.Options, flags: tuple[str, ...] = ()) -> Run:
    """Run one script of the account; one that fails means keep."""
    try:
        return Run(sieve.run(scripts_library.compile_program(source, _library(place)), view, options, flags))
    except (sieve.ScriptError, sieve.ScriptRuntimeError) as problem:
        log.warning("a script of account %d failed: %s", place.account, problem)
        return Run(sieve.Result((replace(KEEP[0], flags=flags),), implicit_keep=True), problem.args[0])


def _library(place: Place) -> Library:
    """Find what is included; a personal script that changes meanwhile makes the run outdated."""

    def find(where: str, name: str) -> str | None:
        if where == "global":
            return scripts_library.make_library(place.core, place.tx, place.account)(where, name)
        return place.ask(
            ("script", name),
            lambda place: scripts_library.make_library(place.core, place.tx, place.account)(where, name),
        )

    return find


def find_mailbox(core: Core, tx: Tx, account: AccountId, where: File) -> Mailbox:
    """Find where a script files; a missing mailbox is created, or replaced by INBOX."""
    try:
        return core.mail.mailbox(tx, account, where.mailbox)
    except MailboxNotFound:
        return _replace_missing(core, tx, account, where.mailbox, create=where.create, use=where.special_use)


def _replace_missing(core: Core, tx: Tx, account: AccountId, name: str, *, create: bool, use: str) -> Mailbox:
    """Give a new mailbox with `:create`, else INBOX (RFC 5228 section 4.1)."""
    if create:
        try:
            box = core.mail.create(tx, account, name)
            if use in SPECIAL_USES:  # RFC 8579 section 4: made for that use
                mailbox_facts.set_special_use(tx, account, box.id, use)
            return box
        except MailError as problem:
            log.warning("fileinto of account %d: %s", account, problem)
    return core.mail.mailbox(tx, account, "INBOX")


def plan_problem_notice(place: Place, problem: str) -> ProblemNotice | None:
    """Write the notice to the owner; None where they had one within a day."""
    core, tx = place.core, place.tx
    if _was_told(tx, place.account, int(place.now.timestamp())):
        return None
    owner = get_account(tx, place.account)
    address = owner.address(core.config.domain)
    notice = notices.prepare(
        core,
        "script_failed",
        owner.language,
        address,
        display_name=owner.display_name or owner.name,
        address=address,
        problem=catalogue.translate_into(owner.language, problem)[:500],
    )
    return ProblemNotice(address, notice)


def send_problem_notice(core: Core, tx: Tx, account: AccountId, notice: ProblemNotice, now: int) -> None:
    """Queue it, once a day at most."""
    if not _was_told(tx, account, now):
        vacation_memory.save_answer(tx, account, "script failed", "", now)
        notices.queue(core, tx, notice.octets, notice.to, account)


def _was_told(tx: Tx, account: AccountId, now: int) -> bool:
    return vacation_memory.was_answered(tx, account, "script failed", "", now - DAY)
