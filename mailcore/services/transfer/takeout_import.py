"""A zip file of services/transfer/takeout.py comes in again: mail, scripts, filters, vacation, address book, settings.

A zip file of others brings its mail.

Nothing of the owner's is replaced.  A forwarding must be set and confirmed anew: the file says nothing of whether its target
still agrees.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
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
    Mailbox,
)
from mailcore.errors import ImportRefused, MailError
from mailcore.log import log_for
from mailcore.mail.moving import maildir, mbox
from mailcore.mail.moving.mbox import NotMbox, Stored
from mailcore.saying import Saying
from mailcore.services.sieve_scripts import filters, out_of_office
from mailcore.services.transfer.foreign_boxes import ForeignBox, list_boxes, read_box
from mailcore.services.transfer.mail_import import PIECE, Importer, Progress, Report, finish_import
from mailcore.services.transfer.takeout import FORMAT
from mailcore.services.transfer.zip_reader import DAMAGED, ZipReader
from mailcore.services.webmail import address_book, address_cards, contacts, mail_settings, ready_texts
from mailcore.services.webmail.address_book import WriterName
from mailcore.services.webmail.mail_settings import MailSettings
from mailcore.store.delivery import filters as store_filters
from mailcore.store.mail.mailboxes import MAX_MAILBOXES

log = log_for(__name__)


def import_takeout(core: Core, account: AccountId, file: IO[bytes], progress: Progress = lambda report: None) -> Report:
    """Import everything of the file; of another program's zip file the mail in it (foreign_boxes.py).

    Raises:
        ImportRefused: it is no such file, or it could not be read before anything came in.
    """
    archive = ZipReader(file)
    foreign, left_out = ([], 0) if "alumnimail.json" in archive else list_boxes(archive)
    description = {} if foreign else _read_description(archive)
    importer = Importer(core, account, progress)

    def work() -> Iterator[None]:
        if foreign:
            yield from _bring_foreign(core, archive, importer, foreign, left_out)
            return
        _import_settings(core, account, archive, description, importer)
        boxes = [box for box in description.get("mailboxes", []) if isinstance(box, dict)]
        read: set[str] = set()
        names = {str(entry.get("name", "")) for entry in boxes}
        for entry in boxes[:MAX_MAILBOXES]:
            path, name, special = (str(entry.get(key, "")) for key in ("file", "name", "special_use"))
            if path in read:  # a second time would only cost time
                continue
            read.add(path)
            try:
                box = importer.mailbox(name, special)
                if box.name != name and box.name in names:  # another one there has the name of this special one here
                    box = importer.mailbox(name)
            except MailError as problem:
                importer.note(problem.args[0])
                continue
            yield from _bring(importer, box, _read_members(core, archive, path), path)

    try:
        return finish_import(core, account, importer, "take-out", work())
    except DAMAGED as problem:
        raise ImportRefused(Saying("This zip file is damaged. What came before the damage was imported.")) from problem


def _bring(
    importer: Importer, box: Mailbox, messages: Iterator[Stored | None], path: str, *, by_labels: bool = False
) -> Iterator[None]:
    """Bring the messages of one mailbox; what is damaged there does not hold up the others."""
    try:
        for message in messages:
            importer.bring(box, message, by_labels=by_labels)
            yield
    except NotMbox:
        importer.break_off(Saying("%(name)s in the file is no mbox file", name=path))
    except DAMAGED as problem:
        log.info("a member of a take-out is damaged: %r", problem)
        importer.break_off(Saying("%(name)s in the file is damaged; what came before the damage is here.", name=path))


def _bring_foreign(
    core: Core, archive: ZipReader, importer: Importer, boxes: Sequence[ForeignBox], left_out: int
) -> Iterator[None]:
    """Bring the mailboxes of another program's zip file."""
    for one in boxes[:MAX_MAILBOXES]:
        try:
            box = importer.mailbox(one.name)
        except MailError as problem:
            importer.note(problem.args[0])
            continue
        messages = read_box(archive, one, core.config.message_octets)
        yield from _bring(importer, box, messages, one.file or one.name, by_labels=True)
    if left_out:
        importer.note(Saying("Files in the zip file that hold no mail that we can read: %(count)s.", count=left_out))


def _read_description(archive: ZipReader) -> dict[str, Any]:
    """Read the description in a file of ours.  Raises ImportRefused."""
    try:
        description = json.loads(archive.text("alumnimail.json"))
    except (KeyError, *DAMAGED) as problem:
        raise ImportRefused(Saying("This zip file was not made by us, or it is damaged.")) from problem
    if not isinstance(description, dict) or not isinstance(description.get("mailboxes", []), list):
        raise ImportRefused(Saying("This zip file was not made by us, or it is damaged."))
    if description.get("format") != FORMAT:
        raise ImportRefused(Saying("This zip file is of a newer format than we know."))
    return description


def _read_members(core: Core, archive: ZipReader, path: str) -> Iterator[Stored | None]:
    most = core.config.message_octets
    if path.lower().endswith((".mbox", ".mbx")) and path in archive:
        yield from mbox.read(archive.read(path, PIECE), most)
        return
    known = maildir.read_keywords(_read_lines(archive, f"{path}/{maildir.KEYWORDS_FILE}"))
    others = maildir.read_others(_read_lines(archive, f"{path}/{maildir.OTHERS_FILE}"))
    folder = f"{path}/cur/"
    for member in archive.below(folder):
        last = member[len(folder) :]
        if not last or "/" in last:  # the folder itself, and the mailbox `cur` below
            continue
        if archive.size(member) > most:
            yield None
            continue
        name = maildir.read_name(last)
        flags = name.flags | maildir.keywords_of(name.letters, known) | others.get(name.uid, frozenset())
        yield Stored(b"".join(archive.read(member, PIECE)), flags, name.at)


def _read_lines(archive: ZipReader, name: str) -> list[str]:
    return archive.text(name).split("\n") if name in archive else []


def _import_settings(
    core: Core, account: AccountId, archive: ZipReader, description: dict[str, Any], importer: Importer
) -> None:
    """Import the settings that conflict with nothing here: nothing of the owner's is replaced."""
    settings = description.get("settings") if isinstance(description.get("settings"), dict) else {}
    assert isinstance(settings, dict)  # noqa: S101 - just seen
    parts: tuple[Callable[[], None], ...] = (
        partial(_import_scripts, core, account, archive, description, importer),
        partial(_import_filters, core, account, settings.get("filters"), importer),
        partial(_parse_vacation, core, account, settings.get("vacation")),
        partial(_import_people, core, account, archive, settings),
        partial(_import_webmail_settings, core, account, settings),
    )
    for part in parts:
        try:
            part()
        except MailError as problem:
            importer.note(problem.args[0])
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            log.info("a part of a take-out cannot be read: %r", problem)
            importer.note(Saying("A part of the settings in the file cannot be read, and was left out."))
    forwarding = settings.get("forwarding")
    if isinstance(forwarding, dict) and forwarding.get("state") not in (None, "off"):
        importer.note(
            Saying("The forwarding to %(target)s must be set up and confirmed again.", target=forwarding.get("target"))
        )


def _import_scripts(
    core: Core, account: AccountId, archive: ZipReader, description: dict[str, Any], importer: Importer
) -> None:
    """Import scripts; they are inactive, whatever the file says of them: whoever gave it to the owner may have written them."""
    here = {script.name: script for script in filters.read_scripts(core, account)}
    count = 0
    for one in description.get("scripts", []):
        name = str(one["name"])
        if one.get("origin") == "generated":
            continue
        source = archive.text(str(one["file"]))
        if name in here:
            if here[name].source != source:
                importer.note(
                    Saying("The script %(name)s is here already with another text, and was left as it is.", name=name)
                )
            continue
        filters.put_script(core, account, name, source, held=True)
        count += 1
        if one.get("active"):
            importer.note(
                Saying("The script %(name)s was active, and is not active here. See the page of filters.", name=name)
            )
    filters.notify_of_import(core, account, count)


def _import_filters(core: Core, account: AccountId, written: object, importer: Importer) -> None:
    """Import the filters that are not here yet, after those that are."""
    if not isinstance(written, list) or not written:
        return
    here = list(core.db.read(lambda tx: store_filters.list_rules(tx, account)))
    for one in written:
        rule = FilterRule(
            str(one["name"]),
            tuple(
                FilterCondition(FilterField(c["field"]), FilterMatch(c["match"]), str(c["value"]), str(c["header"]))
                for c in one["conditions"]
            ),
            tuple(FilterAction(FilterVerb(a["verb"]), str(a["target"])) for a in one["actions"]),
            bool(one["every"]),
            bool(one["enabled"]),
        )
        if rule in here:
            continue
        if core.config.forwarding.targets == "any" and any(one.verb is FilterVerb.FORWARD for one in rule.actions):
            importer.note(Saying("The filter %(name)s forwards mail, and must be created again here.", name=rule.name))
            continue
        try:
            here = list(filters.save_rules(core, account, [*here, rule]))
        except MailError as problem:
            importer.note(problem.args[0])


def _parse_vacation(core: Core, account: AccountId, written: object) -> None:
    if not isinstance(written, dict) or out_of_office.read_away(core, account) != Away() or not written.get("text"):
        return
    first, last = (date.fromisoformat(written[key]) if written.get(key) else None for key in ("first_day", "last_day"))
    away = Away(bool(written.get("active")), first, last, str(written.get("subject", "")), str(written["text"]))
    out_of_office.save_away(core, account, away)


def _import_people(core: Core, account: AccountId, archive: ZipReader, settings: dict[str, Any]) -> None:
    """Import the contacts and the blocked senders that are not here yet."""
    if "contacts.vcf" in archive:
        address_cards.import_cards(core, account, archive.text("contacts.vcf").encode(), only_new=True)
    for one in set(map(str, settings.get("blocked") or ())) - set(contacts.list_blocked(core, account)):
        contacts.block_sender(core, account, one)


def _import_webmail_settings(core: Core, account: AccountId, settings: dict[str, Any]) -> None:
    """Import how one reads and writes, where nothing was chosen here yet."""
    wish = settings.get("webmail")
    if isinstance(wish, dict) and mail_settings.read_settings(core, account) == MailSettings():
        kinds = {field.name: type(field.default) for field in dataclasses.fields(MailSettings)}
        kept: dict[str, Any] = {
            name: value for name, value in wish.items() if name in kinds and type(value) is kinds[name]
        }
        mail_settings.save_settings(core, account, MailSettings(**kept))
    names = settings.get("identities")
    if isinstance(names, list) and not address_book.list_saved_identities(core, account):
        for one in names:
            told = {key: str(one.get(key, "")) for key in ("name", "address", "signature", "reply_to")}
            address_book.save_identity(core, account, WriterName(0, **told, first=bool(one.get("first"))))
    here = {one.name for one in ready_texts.list_texts(core, account)}
    for one in settings.get("ready_texts") or ():
        if str(one.get("name", "")) not in here:
            ready_texts.save_text(core, account, str(one.get("name", "")), str(one.get("text", "")))
