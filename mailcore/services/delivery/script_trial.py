"""A script on trial: what it would do with a message, and what would be sent.  Nothing is done, nothing is saved."""

import base64
from dataclasses import dataclass, field
from typing import Any, assert_never

import sieve
from mailcore.clock import to_time
from mailcore.domain import Envelope
from mailcore.mail.reading.message import Message
from mailcore.services.delivery import script_notify, vacation_reply
from mailcore.services.sieve_scripts import spam_scores
from mailcore.services.sieve_scripts.script_view import MessageText, ScriptView
from sieve.addrspec import comparable

Answer = dict[str, Any]  # Any: JSON
_UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Unsupported(Exception):
    """An option or operation that is not offered."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The input of a trial; names as in the interface of `sieve test --batch`."""

    script: str
    octets: bytes
    sender: str = ""
    recipient: str = ""
    original: str = ""
    auth: str = ""
    scripts: dict[tuple[str, str], str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    mailboxes: frozenset[str] = frozenset()
    metadata: dict[tuple[str, str], str] = field(default_factory=dict)
    options: Answer = field(default_factory=dict)

    def library(self, place: str, name: str) -> str | None:
        return self.scripts.get((place, name))


class TrialView(ScriptView):
    """The message as the trial has it; `now` in seconds since 1970."""

    def __init__(self, trial: Trial, message: MessageText, now: int) -> None:
        super().__init__(message, trial.sender, trial.original or trial.recipient, to_time(now))
        self._trial, self.envelope_auth = trial, trial.auth

    def environment(self, item: str) -> str | None:
        return self._trial.env.get(item)

    def spam_percent(self) -> float | None:
        return spam_scores.read_spam_percent(self._message.block)

    def virus_level(self) -> int:
        return spam_scores.read_virus_level(self._message.block)

    def mailbox_exists(self, name: str) -> bool:
        return name.upper() == "INBOX" or name in self._trial.mailboxes

    def metadata(self, mailbox: str, entry: str) -> str | None:
        if mailbox and not self.mailbox_exists(mailbox):
            return None
        return self._trial.metadata.get((mailbox, entry.lower()))


def _number(name: str, value: object, units: dict[str, int]) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    number, unit = (text[:-1], text[-1:]) if text[-1:] in units else (text, "")
    if not number.isdigit():
        raise Unsupported(f"{name}: {value!r} is not a number")
    return int(number) * units.get(unit, 1)


def _options(given: Answer) -> sieve.Options:
    """The engine's part of the options."""
    chosen: dict[str, Any] = {}  # Any: fields of Options
    for name, value in given.items():
        match name:
            case "subaddress_delimiters":
                chosen["subaddress_delimiters"] = str(value)
            case "max_header_size":
                chosen["max_field_octets"] = _number(name, value, _UNITS)
            case "max_includes" | "max_include_depth" | "max_notifications":
                chosen[name] = _number(name, value, {})
            case "max_cpu_time":  # steps, not seconds: the same script always ends the same way
                chosen["max_steps"] = max(1, _number(name, value, _SECONDS)) * sieve.Options().max_steps
            case "max_variable_size":
                chosen["max_variable_length"] = _number(name, value, _UNITS)
            case "vacation_min_period":
                chosen["vacation_min_seconds"] = _number(name, value, _SECONDS)
            case "redirect_envelope_from" | "owner_email" | "vacation_default_subject":
                pass
            case _:
                raise Unsupported(f"option {name!r}")
    return sieve.Options(**chosen)


def failed(line: int, column: int, message: str) -> Answer:
    return {"ok": False, "errors": [{"line": line, "column": column, "message": message}], "actions": [], "mail": []}


def check(trial: Trial) -> Answer:
    """Compile only."""
    errors = sieve.check_script(trial.script, trial.library, _options(trial.options))
    return {"ok": not errors, "errors": [_error(error) for error in errors]}


def _error(error: sieve.ScriptError) -> Answer:
    return {"line": error.line, "column": error.column or 1, "message": error.problem}


def run(trial: Trial, domain: str, now: int) -> Answer:
    """Compile and run.

    Args:
        now: seconds since 1970.
    """
    options = _options(trial.options)
    program, errors = sieve.examine(trial.script, trial.library, options)
    if program is None:
        return {"ok": False, "errors": [_error(error) for error in errors], "actions": [], "mail": []}
    octets = trial.octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    message = MessageText(Message(octets))
    view = TrialView(trial, message, now)
    try:
        result = sieve.run(program, view, options)
    except sieve.ScriptRuntimeError as problem:
        return failed(max(problem.line, 1), 1, problem.problem)
    mail = [sent for action in result.actions for sent in _sent(trial, message, action, domain, now)]
    return {"ok": True, "errors": [], "actions": [_action(action) for action in result.actions], "mail": mail}


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _changed(octets: bytes | None) -> Answer:
    return {} if octets is None else {"message_base64": _base64(octets)}


def _action(action: sieve.Action) -> Answer:
    match action:
        case sieve.Keep():
            return {
                "action": "keep",
                "flags": list(action.flags),
                "implicit": action.implicit,
                **_changed(action.octets),
            }
        case sieve.FileInto():
            return {
                "action": "fileinto",
                "mailbox": action.mailbox,
                "flags": list(action.flags),
                "copy": action.copy,
                "create": action.create,
                **_changed(action.octets),
            }
        case sieve.Redirect():
            return {"action": "redirect", "address": action.address, "copy": action.copy}
        case sieve.Reject():
            return {"action": "reject", "reason": action.reason}
        case sieve.Ereject():
            return {"action": "ereject", "reason": action.reason}
        case sieve.Vacation():
            return {
                "action": "vacation",
                "reason": action.reason,
                "subject": action.subject,
                "from": action.from_address,
                "addresses": list(action.addresses),
                "days": action.days,
                "seconds": action.seconds,
                "handle": action.handle,
                "mime": action.mime,
            }
        case sieve.Notify():
            return {
                "action": "notify",
                "method": action.method,
                "message": action.message,
                "from": action.from_address,
                "importance": action.importance,
                "options": list(action.options),
            }
        case sieve.Discard():
            return {"action": "discard"}
        case _:
            assert_never(action)


def _sent(trial: Trial, message: MessageText, action: sieve.Action, domain: str, now: int) -> list[Answer]:
    """The mail that comes of an action."""
    owner = str(trial.options.get("owner_email") or trial.recipient or trial.original)
    match action:
        case sieve.Redirect() if _went_round(message, owner, trial.recipient):
            return []
        case sieve.Redirect():
            octets = message.octets[:] if action.octets is None else action.octets
            return [_mail(_redirect_sender(trial, owner), action.address, octets)]
        case sieve.Vacation():
            name, _, host = owner.rpartition("@")
            own = {owner, f"{name.partition('+')[0]}@{host}", trial.recipient, *action.addresses}
            envelope = Envelope(trial.sender, (trial.recipient,))
            known = frozenset(comparable(address) for address in own if address)
            named = vacation_reply.may_answer(envelope, message.head, known)
            if not named:
                return []
            octets = vacation_reply.compose(
                action,
                fields=message.head,
                sender=trial.sender,
                own=named,
                domain=domain,
                now=now,
                default_subject=str(trial.options.get("vacation_default_subject") or "Auto: %$"),
            )
            return [_mail("", trial.sender, octets)]
        case sieve.Notify() if script_notify.may_notify(message.head):
            recipients, octets = script_notify.compose(action, fields=message.head, own=owner, domain=domain, now=now)
            sender = script_notify.sender(action, trigger=trial.sender, own=owner)
            return [_mail(sender, recipient, octets) for recipient in recipients]
        case sieve.Notify() | sieve.Keep() | sieve.FileInto() | sieve.Discard() | sieve.Reject() | sieve.Ereject():
            return []
        case _:
            assert_never(action)


def _went_round(message: MessageText, *own: str) -> bool:
    """It was here before: no redirect goes out again, as in a delivery.  Other servers' field for it is known too."""
    seen = {comparable(v.strip()) for name in ("delivered-to", "x-sieve-redirected-from") for v in message.header(name)}
    return not seen.isdisjoint(comparable(address) for address in own if address)


def _mail(sender: str, recipient: str, octets: bytes) -> Answer:
    return {"from": sender, "to": [recipient], "message_base64": _base64(octets)}


def _redirect_sender(trial: Trial, owner: str) -> str:
    """The option as Pigeonhole has it; the null sender stays null."""
    wished = str(trial.options.get("redirect_envelope_from") or "sender").strip()
    named = {
        "sender": trial.sender,
        "recipient": trial.recipient,
        "orig_recipient": trial.original or trial.recipient,
        "user_email": owner or trial.recipient,
    }
    return named.get(wished, wished.strip("<>")) if trial.sender else ""
