"""The scripts of an account: the generated one, made from settings, and the personal ones of RFC 5804.

The generated script runs first.  It is a tree given to print_script, so nothing a person types can become code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId, Away, FilterRule, Forwarding, Script
from mailcore.errors import (
    Busy,
    InvalidName,
    OverQuota,
    ScriptActive,
    ScriptExists,
    ScriptHeld,
    ScriptInvalid,
    ScriptNotFound,
    TooMany,
)
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices
from mailcore.services.sieve_scripts import filter_rules, scripts_library
from mailcore.services.sieve_scripts import generated as generated_script
from mailcore.services.sieve_scripts.generated import Settings
from mailcore.store.delivery import away as store_away
from mailcore.store.delivery import filters as store_filters
from mailcore.store.delivery.scripts import (
    activate_script,
    change_script_name,
    find_script,
    list_scripts,
    release_script,
    remove_script,
    save_script,
)
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.mail.mailboxes import canonical
from mailcore.store.people.accounts import get_account
from sieve import ScriptError, check_script, includes, mailboxes, warnings

GENERATED = "alumnimail"
MAX_SCRIPTS = 50
TRIES = 3  # to activate a script that others change
MAX_OCTETS, MAX_TOTAL = 1024 * 1024, 4 * 1024 * 1024
MAX_ADVICE = 50  # that an author is told of one script
MAX_NAME_OCTETS = 512  # RFC 5804 section 1.6 wants 128 characters at least


def generate(
    forwarding: Forwarding,
    *,
    full_and_forwarding: str,
    away: Away = Away(),  # noqa: B008
    rules: tuple[FilterRule, ...] = (),
    targets: frozenset[str] | None = None,
) -> str:
    """The script of an account with these settings (services/sieve_scripts/generated.py)."""
    return generated_script.generate(Settings(forwarding, away, rules, full_and_forwarding, targets))


def regenerate(core: Core, tx: Tx, account: AccountId) -> None:
    """Write the generated script anew; in the transaction of the setting that changed."""
    forwarding = get_forwarding(tx, account)
    source = generate(
        forwarding,
        full_and_forwarding=core.config.quota.full_and_forwarding,
        away=store_away.get_away(tx, account),
        rules=store_filters.list_rules(tx, account),
        targets=filter_rules.list_allowed_targets(core, forwarding),
    )
    save_script(tx, account, Script(GENERATED, source, True, "generated"))


def read_generated(core: Core, account: AccountId) -> str:
    """Return the source of the generated script, which the portal shows read-only."""
    script = core.db.read(lambda tx: find_script(tx, account, GENERATED, "generated"))
    return script.source if script else ""


def list_rules(core: Core, account: AccountId) -> tuple[FilterRule, ...]:
    """List the simple filters, in their order."""
    return core.db.read(lambda tx: store_filters.list_rules(tx, account))


def save_rules(core: Core, account: AccountId, wanted: Sequence[FilterRule]) -> tuple[FilterRule, ...]:
    """Replace all simple filters, from the next message on.  Raises ScriptInvalid."""
    checked_rules = filter_rules.check_rules(wanted)

    def store(tx: Tx) -> tuple[FilterRule, ...]:
        filter_rules.check_targets(core, get_forwarding(tx, account), checked_rules)
        store_filters.save_rules(tx, account, checked_rules)
        regenerate(core, tx, account)
        audit.note(core, tx, account, Event.FILTERS_SAVED, detail=str(len(checked_rules)))
        return store_filters.list_rules(tx, account)

    return core.db.write(store)


def read_scripts(core: Core, account: AccountId) -> list[Script]:
    return core.db.read(lambda tx: list_scripts(tx, account))


def get_script(core: Core, account: AccountId, name: str) -> Script:
    """Raises ScriptNotFound."""
    return core.db.read(lambda tx: _get_script(tx, account, name))


def _get_script(tx: Tx, account: AccountId, name: str) -> Script:
    script = find_script(tx, account, name)
    if script is None:
        raise ScriptNotFound(Saying("There is no script %(name)s.", name=name))
    return script


def check_name(name: str) -> None:
    """Check a script's name (RFC 5804 section 1.6).  Raises InvalidName."""
    bad = any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F or c in "\u2028\u2029" for c in name)
    if not name or bad or len(name.encode("utf-8", "replace")) > MAX_NAME_OCTETS:
        raise InvalidName(Saying("Give the script a name of at most 512 octets, without control characters."))


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark on one line, which counts from 1."""

    line: int
    text: str


def examine(core: Core, account: AccountId, source: str) -> tuple[list[Remark], list[Remark]]:
    """Return what the author must mend, and what is allowed but probably not meant, by line."""
    if problems := core.db.read(lambda tx: _list_problems(core, tx, account, source)):
        return [Remark(max(1, each.line), each.problem) for each in problems], []
    return [], [Remark(max(1, each.line), each.problem) for each in _list_advice(core, account, source)]


def _describe_missing(place: str, name: str) -> Saying:
    return Saying("there is no %(place)s script '%(name)s' yet", place=place, name=name)


def check_script_text(core: Core, account: AccountId, source: str) -> None:
    """Check that a script compiles.

    A script that it includes may come later (RFC 6609 section 3.2), so one that is missing is only warned of.

    Raises:
        ScriptInvalid: with every problem, one a line.
    """
    if problems := core.db.read(lambda tx: _list_problems(core, tx, account, source)):
        raise ScriptInvalid("\n".join(map(_format_problem, problems)))


def _list_problems(core: Core, tx: Tx, account: AccountId, source: str) -> list[ScriptError]:
    library = scripts_library.make_library(core, tx, account)
    return check_script(source, lambda place, name: library(place, name) or "")


def list_advice(core: Core, account: AccountId, source: str) -> list[str]:
    """List what a script that compiles may say, but probably does not mean, one text each."""
    return [_format_problem(each) if each.line else str(each.problem) for each in _list_advice(core, account, source)]


def _list_advice(core: Core, account: AccountId, source: str) -> list[ScriptError]:
    """List advice in the order of the lines; what is of the whole script is of line 0."""

    def look(tx: Tx) -> tuple[list[tuple[str, str]], set[str]]:
        library = scripts_library.make_library(core, tx, account)
        included = includes(source)[: scripts_library.MAX_SCRIPTS]
        missing = [each for each in included if library(*each) is None]
        return missing, {box.name for box in core.mail.mailboxes(tx, account)}

    missing, boxes = core.db.read(look)
    advice = [ScriptError(0, _describe_missing(*each)) for each in missing]
    advice += [
        ScriptError(
            line, Saying("there is no mailbox '%(name)s'; mail for it goes to INBOX without :create", name=name), column
        )
        for name, line, column in mailboxes(source)
        if canonical(name) not in boxes
    ]
    return sorted([*warnings(source), *advice], key=lambda each: (each.line, each.column))[:MAX_ADVICE]


def _format_problem(problem: ScriptError) -> str:
    return f"line {problem.line}, column {max(problem.column, 1)}: {problem.problem}"


def check_space(core: Core, account: AccountId, name: str, octets: int) -> None:
    """Check that a script may be stored (HAVESPACE, RFC 5804 section 2.5).  Raises InvalidName, OverQuota, TooMany."""
    core.db.read(lambda tx: _check_space(tx, account, name, octets))


def _check_space(tx: Tx, account: AccountId, name: str, octets: int) -> None:
    check_name(name)
    if octets > MAX_OCTETS:
        raise OverQuota(Saying("The script is too large: at most %(most)s octets.", most=MAX_OCTETS))
    others = [script for script in list_scripts(tx, account) if script.name != name]
    if len(others) >= MAX_SCRIPTS:
        raise TooMany(Saying("You can have at most %(most)s scripts. Delete one first.", most=MAX_SCRIPTS))
    if sum(len(script.source.encode("utf-8", "replace")) for script in others) + octets > MAX_TOTAL:
        raise OverQuota(
            Saying("All scripts together may have at most %(most)s octets. Delete one first.", most=MAX_TOTAL)
        )


def put_script(core: Core, account: AccountId, name: str, source: str, *, held: bool = False) -> Script:
    """Store a script that compiles; an active one stays active.

    Args:
        held: it was brought in, from a file or another server: it runs nowhere before its owner activates or saves it.

    Raises:
        ScriptInvalid, InvalidName, OverQuota, TooMany.
    """
    check_space(core, account, name, len(source.encode("utf-8", "replace")))
    check_script_text(core, account, source)

    def store(tx: Tx) -> Script:
        _check_space(tx, account, name, len(source.encode("utf-8", "replace")))
        save_script(tx, account, Script(name, source, False, held=held))
        audit.note(core, tx, account, Event.SCRIPT_SAVED, detail=name)
        return _get_script(tx, account, name)

    return core.db.write(store)


def notify_of_import(core: Core, account: AccountId, count: int) -> None:
    """Notify the owner that so many scripts were imported and stand inactive."""
    if count:
        core.db.write(
            lambda tx: account_notices.notify_owner(
                core, tx, get_account(tx, account), "scripts_imported", count=str(count)
            )
        )


def sends_on(core: Core, account: AccountId, source: str) -> bool:
    """Say if it may send mail to somebody else than its sender, itself or by what it includes."""
    return core.db.read(lambda tx: scripts_library.list_included(core, tx, account, source)[1])


def set_active_script(core: Core, account: AccountId, name: str, *, proven: bool = False) -> None:
    """Activate a script; the empty name leaves none active.

    Args:
        proven: the password was asked for once more.

    Raises:
        ScriptNotFound.
        ScriptHeld: it was brought in, or includes what was, and sends mail on; and nothing was proven.
        Busy: the scripts are being changed by others.
    """

    def look(tx: Tx) -> tuple[dict[str, Script | None], bool]:
        """Read the scripts while others write: a long one takes seconds."""
        if not name:
            return {}, False
        script = _get_script(tx, account, name)
        included, sends = scripts_library.list_included(core, tx, account, script.source)
        return {**included, name: script}, sends

    def write(tx: Tx, looked: dict[str, Script | None], sends: bool) -> bool:
        """Return False where a script is another one by now."""
        if any(find_script(tx, account, each) != script for each, script in looked.items()):
            return False
        held = [each for each, script in looked.items() if script is not None and script.held]
        if held and sends and not proven:
            raise ScriptHeld(
                Saying("%(name)s was brought in and sends mail on. Activate it on the page of filters.", name=name)
            )
        for each in held:
            release_script(tx, account, each)
        activate_script(tx, account, name)
        audit.note(core, tx, account, Event.SCRIPT_ACTIVATED, detail=name)
        return True

    for _ in range(TRIES):
        looked, sends = core.db.read(look)
        if core.db.write(partial(write, looked=looked, sends=sends)):
            return
    raise Busy("the scripts are being changed by others")


def delete_script(core: Core, account: AccountId, name: str) -> None:
    """Delete a script.  Raises ScriptNotFound, ScriptActive."""

    def store(tx: Tx) -> None:
        if _get_script(tx, account, name).active:
            raise ScriptActive(Saying("The script %(name)s is active and cannot be deleted.", name=name))
        remove_script(tx, account, name)

    core.db.write(store)


def rename_script(core: Core, account: AccountId, old: str, new: str) -> None:
    """Rename a script; it stays active (RFC 5804 section 2.11.1).  Raises ScriptNotFound, ScriptExists, InvalidName."""
    check_name(new)

    def store(tx: Tx) -> None:
        _get_script(tx, account, old)
        if find_script(tx, account, new) is not None:
            raise ScriptExists(Saying("There is a script %(name)s already.", name=new))
        change_script_name(tx, account, old, new)

    core.db.write(store)
