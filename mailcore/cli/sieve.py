"""`alumnimail sieve check` and `sieve test`: show what a script would do, for people and for programs."""

import base64
import binascii
import json
import sys
from pathlib import Path

import click

import sieve
from mailcore.cli.common import Site, pass_site
from mailcore.services.delivery import script_trial
from mailcore.services.delivery.script_trial import Answer, Trial, Unsupported


def _text(request: Answer, key: str) -> str:
    value = request.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} must be a text")
    return value or ""


def _table(request: Answer, key: str) -> Answer:
    value = request.get(key)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{key} must be an object")
    return value or {}


def _bare(path: str) -> str:
    """Return a path without its angle brackets; `<>` is the null path."""
    return path[1:-1] if path.startswith("<") and path.endswith(">") and path.count("<") == 1 else path


def _trial(request: Answer) -> Trial:
    """Read a question of `--batch` (docs/interface.md).  Raises ValueError, Unsupported."""
    try:
        octets = base64.b64decode(_text(request, "message_base64"), validate=True)
    except binascii.Error:
        raise ValueError("message_base64 is not base64") from None
    scripts = {
        (place, str(name)): str(source)
        for place in ("personal", "global")
        for name, source in _table(_table(request, "scripts"), place).items()
    }
    mailboxes = request.get("mailboxes") or []
    if not isinstance(mailboxes, list):
        raise ValueError("mailboxes must be a list")
    return Trial(
        script=_text(request, "script"),
        octets=octets,
        sender=_bare(_text(request, "from")),
        recipient=_bare(_text(request, "to")),
        original=_text(request, "orig_to"),
        auth=_text(request, "auth"),
        scripts=scripts,
        env={str(item).lower(): str(value) for item, value in _table(request, "env").items()},
        mailboxes=frozenset(map(str, mailboxes)),
        metadata={
            (str(box), str(entry).lower()): str(value)
            for box, entries in _table(request, "metadata").items()
            for entry, value in (entries if isinstance(entries, dict) else {}).items()
        },
        options=_table(request, "options"),
    )


def answer(request: object, domain: str, now: int) -> Answer:
    """Answer one line of `--batch`, whatever it is."""
    identity: object = None
    try:
        if not isinstance(request, dict):
            raise ValueError("a request is a JSON object")
        identity = request.get("id")
        op = request.get("op", "run")
        if op == "capabilities":
            return {"id": identity, "ok": True, "errors": [], "extensions": list(sieve.capabilities())}
        if op not in ("run", "check"):
            raise Unsupported(f"operation {op!r}")
        trial = _trial(request)
        return {
            "id": identity,
            **(script_trial.check(trial) if op == "check" else script_trial.run(trial, domain, now)),
        }
    except Unsupported as problem:
        return {"id": identity, "unsupported": str(problem)}
    except ValueError as problem:
        return {"id": identity, **script_trial.failed(1, 1, f"not a request: {problem}")}


def _batch(domain: str, now: int) -> None:
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            request = None
        sys.stdout.write(json.dumps(answer(request, domain, now)) + "\n")
        sys.stdout.flush()


@click.group("sieve")
def sieve_group() -> None:
    """Check and try Sieve scripts."""


@sieve_group.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def check(file: str) -> None:
    """Compile FILE; exit 1 and name each problem if it is not valid."""
    errors = sieve.check_script(Path(file).read_text(errors="replace"))
    for error in errors:
        click.echo(f"{file}:{error.line}:{error.column or 1}: {error.problem}", err=True)
    if errors:
        sys.exit(1)


@sieve_group.command()
@click.option("--batch", is_flag=True, help="Answer JSON lines from standard input.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--from", "sender", default="", metavar="ADDR")
@click.option("--to", "recipient", default="", metavar="ADDR")
@click.option("--env", multiple=True, metavar="NAME=VALUE")
@click.argument("script", required=False, type=click.Path(exists=True, dir_okay=False))
@click.argument("message", required=False, type=click.Path(exists=True, dir_okay=False))
@pass_site
def test(
    site: Site,
    batch: bool,
    as_json: bool,
    sender: str,
    recipient: str,
    env: tuple[str, ...],
    script: str | None,
    message: str | None,
) -> None:
    """Show what SCRIPT would do with MESSAGE; nothing is done."""
    domain, now = site.config.domain, site.clock.seconds()
    if batch:
        if sender or recipient or env or script:
            raise click.UsageError(
                "--batch takes no --from, --to, --env, SCRIPT or MESSAGE: each question brings its own"
            )
        _batch(domain, now)
        return
    if script is None or message is None:
        raise click.UsageError("give SCRIPT and MESSAGE, or --batch")
    if unnamed := [item for item in env if "=" not in item]:
        raise click.UsageError(f"--env {unnamed[0]}: write NAME=VALUE")
    items = {name.lower(): value for name, _, value in (item.partition("=") for item in env)}
    trial = Trial(
        script=Path(script).read_text(errors="replace"),
        octets=Path(message).read_bytes(),
        sender=sender,
        recipient=recipient,
        env=items,
    )
    result = script_trial.run(trial, domain, now)
    if as_json:
        click.echo(json.dumps(result))
    else:
        for error in result["errors"]:
            click.echo(f"{script}:{error['line']}:{error['column']}: {error['message']}", err=True)
        for action in result["actions"]:
            click.echo(" ".join(f"{key}={value}" if key != "action" else str(value) for key, value in action.items()))
    if not result["ok"]:
        sys.exit(1)
