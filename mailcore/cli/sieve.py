"""`alumnimail sieve check` and `sieve test`: what a script would do, as people and as programs read it."""

import base64
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

import sieve
from mailcore.mail import header, text

Answer = dict[str, Any]  # Any: JSON


@dataclass
class _Message:
    """A message from a file, as scripts see it (sieve.MessageView)."""

    octets: bytes
    envelope_from: str = ""
    envelope_to: str = ""
    env: dict[str, str] = field(default_factory=dict)
    mailboxes: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        return len(self.octets)

    def header(self, name: str) -> list[str]:
        return header.values(header.split(self.octets)[0], name)

    def environment(self, item: str) -> str | None:
        return self.env.get(item)

    def mailbox_exists(self, name: str) -> bool:
        return name.upper() == "INBOX" or name in self.mailboxes

    def body_text(self) -> str:
        return text.decoded(self.octets)


def _action(action: sieve.Action) -> Answer:
    match action:
        case sieve.Keep():
            return {"action": "keep", "flags": list(action.flags), "implicit": action.implicit}
        case sieve.FileInto():
            return {
                "action": "fileinto", "mailbox": action.mailbox, "flags": list(action.flags), "copy": action.copy,
                "create": action.create,
            }  # fmt: skip
        case sieve.Redirect():
            return {"action": "redirect", "address": action.address, "copy": action.copy}
        case sieve.Reject():
            return {"action": "reject", "reason": action.reason}
        case sieve.Ereject():
            return {"action": "ereject", "reason": action.reason}
        case sieve.Vacation():
            return {
                "action": "vacation", "reason": action.reason, "subject": action.subject, "from": action.from_address,
                "addresses": list(action.addresses), "days": action.days, "handle": action.handle, "mime": action.mime,
            }  # fmt: skip
        case _:
            return {"action": "discard"}


def _failed(line: int, message: str) -> Answer:
    return {"ok": False, "errors": [{"line": line, "column": 1, "message": message}], "actions": [], "mail": []}


def evaluate(script: str, message: _Message) -> Answer:
    """Compile and run; the answer of `sieve test` (interface: docs/commands.md)."""
    errors = sieve.check_script(script)
    if errors:
        found = [{"line": error.line, "column": 1, "message": error.problem} for error in errors]
        return {"ok": False, "errors": found, "actions": [], "mail": []}
    try:
        result = sieve.run(sieve.compile_script(script), message)
    except sieve.ScriptRuntimeError as problem:
        return _failed(problem.line, problem.problem)
    mail = [
        {"from": message.envelope_from, "to": [action.address], "message_base64": _base64(message.octets)}
        for action in result.actions
        if isinstance(action, sieve.Redirect)
    ]
    return {"ok": True, "errors": [], "actions": [_action(action) for action in result.actions], "mail": mail}


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _batch_answer(request: Answer) -> Answer:
    op = request.get("op", "run")
    if op == "capabilities":
        return {"ok": True, "errors": [], "extensions": list(sieve.capabilities())}
    if op not in ("run", "check"):
        return {"unsupported": f"operation {op!r}"}
    for key in ("scripts", "options", "metadata"):
        if request.get(key):
            return {"unsupported": f"{key} is not offered"}
    script = str(request.get("script", ""))
    if op == "check":
        found = [{"line": e.line, "column": 1, "message": e.problem} for e in sieve.check_script(script)]
        return {"ok": not found, "errors": found}
    message = _Message(
        base64.b64decode(request.get("message_base64", "")), str(request.get("from", "")), str(request.get("to", "")),
        {str(k): str(v) for k, v in (request.get("env") or {}).items()}, frozenset(request.get("mailboxes") or ()),
    )  # fmt: skip
    return evaluate(script, message)


def _batch() -> None:
    for line in sys.stdin:
        identity: object = None
        try:
            request = json.loads(line)
            identity = request.get("id")
            answer = _batch_answer(request)
        except (ValueError, AttributeError, TypeError) as problem:
            answer = _failed(1, f"not a request: {problem}")
        sys.stdout.write(json.dumps({"id": identity, **answer}) + "\n")
        sys.stdout.flush()


@click.group("sieve")
def sieve_group() -> None:
    """Check and try Sieve scripts."""


@sieve_group.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def check(file: str) -> None:
    """Compile FILE; exit 1 and name each problem if it is not valid."""
    errors = sieve.check_script(Path(file).read_text())
    for error in errors:
        click.echo(f"{file}:{error}", err=True)
    if errors:
        sys.exit(1)


@sieve_group.command()
@click.option("--batch", is_flag=True, help="Answer JSON lines from stdin.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--from", "sender", default="", metavar="ADDR")
@click.option("--to", "recipient", default="", metavar="ADDR")
@click.option("--env", multiple=True, metavar="NAME=VALUE")
@click.argument("script", required=False, type=click.Path(exists=True, dir_okay=False))
@click.argument("message", required=False, type=click.Path(exists=True, dir_okay=False))
def test(
    batch: bool, as_json: bool, sender: str, recipient: str, env: tuple[str, ...], script: str | None, message: str | None
) -> None:
    """Say what SCRIPT would do with MESSAGE; nothing is done."""
    if batch:
        _batch()
        return
    if script is None or message is None:
        raise click.UsageError("give SCRIPT and MESSAGE, or --batch")
    octets = Path(message).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    items = dict(item.partition("=")[::2] for item in env)
    answer = evaluate(Path(script).read_text(), _Message(octets, sender, recipient, items))
    if as_json:
        click.echo(json.dumps(answer))
    else:
        for error in answer["errors"]:
            click.echo(f"line {error['line']}: {error['message']}", err=True)
        for action in answer["actions"]:
            click.echo(" ".join(f"{key}={value}" if key != "action" else str(value) for key, value in action.items()))
    if not answer["ok"]:
        sys.exit(1)
