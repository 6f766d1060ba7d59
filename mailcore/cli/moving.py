"""`alumnimail export`, `alumnimail import`: moving out and in."""

import sys
from pathlib import Path

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, plural, print_json, size
from mailcore.cli.progress import print_report, show_octets
from mailcore.errors import ImportRefused
from mailcore.services.accounts import accounts
from mailcore.services.sieve_scripts import sieve_import
from mailcore.services.transfer import imap_import, mail_import, maildir_reader, takeout, takeout_import
from mailcore.services.transfer.imap_connection import Server


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(takeout.FORMS), default="mbox", help="Format of the mail in the zip file."
)
@pass_site
def export(site: Site, name: str, file: Path, form: str) -> None:
    """Write everything of the account NAME into a zip file: mail, scripts, settings."""
    account = accounts.find_account(site.core, name)
    found, planned = takeout.count_contents(site.core, account.id), takeout.make_plan(site.core, account.id, form)
    partial = file.with_name(file.name + ".part")
    try:
        with show_octets("export", found.octets) as tell, partial.open("wb") as out:
            for block in takeout.write_zip(site.core, account.id, planned, lambda done, total: tell(done)):
                out.write(block)
        partial.replace(file)
    except OSError as problem:
        raise ImportRefused(f"{file} cannot be written: {problem.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    click.echo(f"{plural(found.messages, 'message')}, {size(found.octets)}, in {file}")


@click.group("import")
def import_() -> None:
    """Import mail from elsewhere.  Nothing is doubled; run an import that broke off once more."""


@import_.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mailbox", default="", help="Mailbox for the messages; else INBOX, and those of Gmail by their labels.")
@json_option
@pass_site
def mbox(site: Site, name: str, file: Path, mailbox: str, as_json: bool) -> None:
    """Import all messages of an mbox FILE into the account NAME."""
    account = accounts.find_account(site.core, name)
    with file.open("rb") as lines, show_octets("import", file.stat().st_size) as tell:
        report = mail_import.import_mbox(
            site.core, account.id, lines, mailbox or "INBOX", lambda report: tell(report.octets), by_labels=not mailbox
        )
    print_report(report, as_json)


@import_.command()
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--mailbox", default="INBOX", help="Mailbox for the messages of the folder itself.")
@json_option
@pass_site
def maildir(site: Site, name: str, folder: Path, mailbox: str, as_json: bool) -> None:
    """Import a Maildir with its sub-folders, or a folder of Maildirs such as an unpacked take-out, into account NAME."""
    account = accounts.find_account(site.core, name)
    total = sum(path.stat().st_size for path in folder.glob("**/*") if path.is_file())
    with show_octets("import", total) as tell:
        print_report(
            maildir_reader.import_maildir(site.core, account.id, folder, mailbox, lambda report: tell(report.octets)),
            as_json,
        )


@import_.command("takeout")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_site
def takeout_(site: Site, name: str, file: Path, as_json: bool) -> None:
    """Import a zip FILE of `alumnimail export` into the account NAME."""
    account = accounts.find_account(site.core, name)
    with file.open("rb") as octets, show_octets("import", file.stat().st_size) as tell:
        print_report(
            takeout_import.import_takeout(site.core, account.id, octets, lambda report: tell(report.octets)), as_json
        )


@import_.command()
@click.argument("name")
@click.argument("host")
@click.argument("user")
@click.option("--port", default=993, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input.")
@click.option("--token-stdin", is_flag=True, help="Take an OAuth access token from standard input.")
@click.option("--no-tls", is_flag=True, help="Connect without TLS, to a server on the same machine.")
@click.option("--ca", default="", help="Trust the certificates of this PEM file.")
@click.option("--forecast", is_flag=True, help="Only show what there is and how much room it needs.")
@json_option
@pass_site
def imap(
    site: Site,
    name: str,
    host: str,
    user: str,
    port: int,
    password_stdin: bool,
    token_stdin: bool,
    no_tls: bool,
    ca: str,
    forecast: bool,
    as_json: bool,
) -> None:
    """Import all mail of USER on the IMAP server HOST into the account NAME."""
    account = accounts.find_account(site.core, name)
    secret = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin or token_stdin
        else click.prompt("Password", hide_input=True)
    )
    server = Server(host, user, "" if token_stdin else secret, secret if token_stdin else "", port, not no_tls, ca)
    folders = imap_import.list_folders(server)
    total, free = sum(folder.octets for folder in folders), account.quota - account.used
    if forecast:
        if as_json:
            fits = not account.quota or total <= free
            print_json({"folders": [plain(folder) for folder in folders], "octets": total, "fits": fits})
        else:
            for folder in folders:
                click.echo(f"{folder.name}: {plural(folder.messages, 'message')}, {size(folder.octets)}")
            click.echo(f"{size(total)} in all" + (f", free: {size(max(0, free))}" if account.quota else ""))
        return
    if account.quota and total > free:
        click.echo(f"only {size(max(0, free))} of {size(total)} fit; see --forecast", err=True)
    with show_octets("import", total) as tell:
        print_report(
            imap_import.import_mail(site.core, account.id, server, lambda report: tell(report.octets)), as_json
        )


@import_.command("sieve")
@click.argument("name")
@click.argument("host")
@click.argument("user")
@click.option("--port", default=4190, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input.")
@click.option("--no-tls", is_flag=True, help="Connect without TLS, to a server on the same machine.")
@click.option("--ca", default="", help="Trust the certificates of this PEM file.")
@click.option("--replace", is_flag=True, help="Replace scripts of the same name, and the active one.")
@json_option
@pass_site
def sieve_(
    site: Site,
    name: str,
    host: str,
    user: str,
    port: int,
    password_stdin: bool,
    no_tls: bool,
    ca: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Import the Sieve scripts of USER on the ManageSieve server HOST into the account NAME."""
    account = accounts.find_account(site.core, name)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else click.prompt("Password", hide_input=True)
    server = sieve_import.OldServer(host, user, password, port, not no_tls, ca)
    done = sieve_import.import_scripts(site.core, account.id, server, replace=replace)
    if as_json:
        print_json(plain(done))
    else:
        for script in done.names:
            state = (
                ", active"
                if script == done.active
                else ", inactive, as it sends mail on"
                if script == done.inactive
                else ""
            )
            click.echo(f"{script}: taken{state}")
    for script, reason in done.refused:
        click.echo(f"{script}: left out: {reason}", err=True)
    if done.refused:
        sys.exit(1)
