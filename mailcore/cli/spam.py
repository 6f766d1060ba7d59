"""`alumnimail spam explain` and `spam train`: why a message is spam, and an administrator's own collection for the filter."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from mailcore.cli.common import Site, counted, json_option, pass_site, plain, plural, print_json, print_table
from mailcore.services.accounts import accounts
from mailcore.services.filtering import judging, learning

MAX_FILE = 5 * 2**20  # octets; of a larger message the filter learns little
SHOWN = 20  # signs
_BARE_LF = re.compile(rb"(?<!\r)\n")


@click.group("spam")
def spam_group() -> None:
    """Explain and train the spam filter."""


@spam_group.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--for", "name", default="", help="Judge as for this account, by what its owner taught.")
@json_option
@pass_site
def explain(site: Site, file: Path, name: str, as_json: bool) -> None:
    """Tell how the message in FILE is judged, and by which signs."""
    owner = accounts.find_account(site.core, name).id if name else None
    found = judging.explain_message(site.core, _read_message(file), owner)
    if as_json:
        print_json(plain(found))
        return
    click.echo(
        f"{'spam' if found.is_spam else 'not spam'}: {100 * found.probability:.1f} %, the bar is {100 * found.bar:.0f} %"
    )
    for reason in found.forced:
        click.echo(f"junk in any case: {reason}")
    print_table(("SIGN", "SPAM"), [(sign, f"{100 * p:.0f} %") for sign, p in found.reasons[:SHOWN]])


@spam_group.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--spam", "kind", flag_value="spam", help="The folder holds spam.")
@click.option("--ham", "kind", flag_value="ham", help="The folder holds other mail.")
@pass_site
def train(site: Site, folder: Path, kind: str | None) -> None:
    """Train the filter of the whole site by the messages in FOLDER, a file each (a Maildir, for example)."""
    if kind is None:
        raise click.UsageError("say --spam or --ham")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size <= MAX_FILE]
    trained = counted(_train(site, files, kind), len(files), "train")
    total = learning.finish_training(site.core)
    click.echo(f"{plural(trained, 'message')}; {total.spam} of spam and {total.ham} of other mail in all")


def _train(site: Site, files: list[Path], kind: str) -> Iterator[Path]:
    for path in files:
        learning.train_message(site.core, _read_message(path), kind)
        yield path


def _read_message(path: Path) -> bytes:
    """Read a message as it would arrive, whatever its line ends."""
    octets = path.read_bytes()
    if octets.startswith(b"From "):
        octets = octets.partition(b"\n")[2]
    return _BARE_LF.sub(b"\r\n", octets)
