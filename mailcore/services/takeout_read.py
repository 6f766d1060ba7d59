"""A zip file of services/takeout.py comes in again: mail, scripts, filters, vacation, address book, settings.

Nothing of the owner's is replaced.  A forwarding must be set and confirmed anew: the file says nothing of whether its target
still agrees.
"""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import IO, Any

from mailcore.core import Core
from mailcore.domain import (
    AccountId,
    Away,
    FilterAction,
    FilterCondition,
    FilterField,
    FilterMatch,
    FilterRule,
    FilterVerb,
)
from mailcore.errors import ImportRefused, MailError, Saying
from mailcore.log import log_for
from mailcore.mail import mbox, vcard
from mailcore.mail.mbox import Stored
from mailcore.services import address_book, away, contacts, filters, mail_settings
from mailcore.services.address_book import WriterName
from mailcore.services.mail_settings import MailSettings
from mailcore.services.moving_in import Importer, Progress, Report, bounded_lines, ended
from mailcore.store import filters as store_filters

log = log_for(__name__)
MAX_TEXT = 4 * 2**20  # octets of a member that is no mail
MAX_MEMBERS = 2_000_000


def from_takeout(
    core: Core, account: AccountId, file: IO[bytes], progress: Progress = lambda report: None
) -> Report:
    """Everything of the file.

    Raises:
        ImportRefused: it is no such file.
    """
    try:
        archive = zipfile.ZipFile(file)
        told = json.loads(_text(archive, "alumnimail.json"))
        if not isinstance(told, dict) or told.get("format") != 1:
            raise ImportRefused(Saying("this zip file is of a newer format"))
        boxes = [box for box in told.get("mailboxes", []) if isinstance(box, dict)]
    except (zipfile.BadZipFile, KeyError, ValueError, UnicodeDecodeError, NotImplementedError, OSError) as problem:
        raise ImportRefused(Saying("this is no take-out of ours")) from problem
    if len(archive.infolist()) > MAX_MEMBERS:
        raise ImportRefused(Saying("this zip file has too many members"))
    importer = Importer(core, account, progress)

    def work() -> Iterator[None]:
        _settings(core, account, archive, told, importer)
        names = set(archive.namelist())
        for one in boxes:
            path, special = str(one.get("file", "")), str(one.get("special_use", ""))
            try:
                box = importer.mailbox(str(one.get("name", "")), special)
            except MailError as problem:
                importer.note(problem.args[0])
                continue
            for message in _members(core, archive, path, names):
                importer.add(box, message)
                yield

    try:
        return ended(core, account, importer, "take-out", work())
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as problem:  # RuntimeError: it has a password
        raise ImportRefused(Saying("this zip file is damaged")) from problem


def _members(core: Core, archive: zipfile.ZipFile, path: str, names: set[str]) -> Iterator[Stored | None]:
    if path.endswith(".mbox") and path in names:
        with archive.open(path) as member:
            yield from mbox.read(bounded_lines(member, core.config.message_octets), core.config.message_octets)
        return
    for name in sorted(name for name in names if name.startswith(f"{path}/cur/")):
        if archive.getinfo(name).file_size > core.config.message_octets:
            yield None
            continue
        last = name.rpartition("/")[2]
        seconds = last.partition(".")[0]
        at = datetime.fromtimestamp(int(seconds), UTC) if seconds.isascii() and seconds.isdigit() and len(seconds) < 12 else None
        yield Stored(archive.read(name), mbox.maildir_flags(last), at)


def _text(archive: zipfile.ZipFile, name: str) -> str:
    """Raises KeyError, ImportRefused."""
    if archive.getinfo(name).file_size > MAX_TEXT:
        raise ImportRefused(Saying("%(name)s is too large", name=name))
    return archive.read(name).decode()


def _settings(core: Core, account: AccountId, archive: zipfile.ZipFile, told: dict[str, Any], importer: Importer) -> None:
    """What does not stand in the way of anything here: nothing of the owner's is replaced."""
    settings = told.get("settings") if isinstance(told.get("settings"), dict) else {}
    assert isinstance(settings, dict)  # noqa: S101 - just seen
    parts: tuple[Callable[[], None], ...] = (
        partial(_scripts, core, account, archive, told, importer),
        partial(_filters, core, account, settings.get("filters"), importer),
        partial(_vacation, core, account, settings.get("vacation")),
        partial(_people, core, account, archive, settings),
        partial(_webmail, core, account, settings),
    )
    for part in parts:
        try:
            part()
        except MailError as problem:
            importer.note(problem.args[0])
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            log.info("a part of a take-out cannot be read: %r", problem)
            importer.note(Saying("a part of the settings in the file cannot be read, and was left out"))
    forwarding = settings.get("forwarding")
    if isinstance(forwarding, dict) and forwarding.get("state") not in (None, "off"):
        importer.note(Saying("the forwarding to %(target)s must be set and confirmed again", target=forwarding.get("target")))


def _scripts(core: Core, account: AccountId, archive: zipfile.ZipFile, told: dict[str, Any], importer: Importer) -> None:
    here = {script.name: script for script in filters.scripts(core, account)}
    for one in told.get("scripts", []):
        name = str(one["name"])
        if one.get("origin") == "generated":
            continue
        source = _text(archive, str(one["file"]))
        if name in here:
            if here[name].source != source:
                importer.note(Saying("the script %(name)s stands here with another text, and stays", name=name))
            continue
        filters.put_script(core, account, name, source)
        if one.get("active") and not any(script.active for script in here.values()):
            filters.activate(core, account, name)


def _filters(core: Core, account: AccountId, found: object, importer: Importer) -> None:
    """Those that are not here yet, after those that are."""
    if not isinstance(found, list) or not found:
        return
    here = list(core.db.read(lambda tx: store_filters.of(tx, account)))
    for one in found:
        rule = FilterRule(
            str(one["name"]),
            tuple(FilterCondition(FilterField(c["field"]), FilterMatch(c["match"]), str(c["value"]), str(c["header"]))
                  for c in one["conditions"]),
            tuple(FilterAction(FilterVerb(a["verb"]), str(a["target"])) for a in one["actions"]),
            bool(one["every"]), bool(one["enabled"]),
        )  # fmt: skip
        if rule in here:
            continue
        try:
            here = list(filters.save_rules(core, account, [*here, rule]))
        except MailError as problem:
            importer.note(problem.args[0])


def _vacation(core: Core, account: AccountId, found: object) -> None:
    if not isinstance(found, dict) or away.get(core, account) != Away() or not found.get("text"):
        return
    first, last = (date.fromisoformat(found[key]) if found.get(key) else None for key in ("first_day", "last_day"))
    away.save(core, account, Away(bool(found.get("active")), first, last, str(found.get("subject", "")), str(found["text"])))


def _people(core: Core, account: AccountId, archive: zipfile.ZipFile, settings: dict[str, Any]) -> None:
    """The address book and the blocked senders, those that are not here yet."""
    if "contacts.vcf" in archive.namelist():
        here = {one.address for one in address_book.listing(core, account)}
        fresh = (card for card in vcard.read(_text(archive, "contacts.vcf").encode()) if not here.intersection(card.addresses))
        address_book.read_cards(core, account, vcard.write(fresh).encode())
    for one in set(map(str, settings.get("blocked") or ())) - set(contacts.blocked(core, account)):
        contacts.block(core, account, one)


def _webmail(core: Core, account: AccountId, settings: dict[str, Any]) -> None:
    """How one reads and writes, where nothing was chosen here yet."""
    wish = settings.get("webmail")
    if isinstance(wish, dict) and mail_settings.read(core, account) == MailSettings():
        kinds = {field.name: type(field.default) for field in dataclasses.fields(MailSettings)}
        kept: dict[str, Any] = {name: value for name, value in wish.items() if name in kinds and type(value) is kinds[name]}
        mail_settings.save(core, account, MailSettings(**kept))
    names = settings.get("identities")
    if isinstance(names, list) and not [one for one in address_book.identities(core, account, "", "") if one.id]:
        for one in names:
            told = {key: str(one.get(key, "")) for key in ("name", "address", "signature", "reply_to")}
            address_book.save_identity(core, account, WriterName(0, **told, first=bool(one.get("first"))))
