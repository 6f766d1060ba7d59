"""Mail that the service itself writes, from text templates in the person's language.

A template is `templates/notices/NAME.LANGUAGE.txt`: the subject, an empty line, the text with `$words`.
"""

from functools import cache
from string import Template

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.reading import trace
from mailcore.mail.writing import composer, entities
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.package_data import folder_of
from mailcore.services.mailauth import dkim
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.queue.items import enqueue_mail

LANGUAGES = ("nb", "nn", "en")
_FOLDER = folder_of("mailcore.services.notices", "texts")


_ROOM = {"nb": "{size} plass", "nn": "{size} plass", "en": "{size} of space"}
_ALL_ROOM = {"nb": "ubegrenset plass", "nn": "uavgrensa plass", "en": "unlimited space"}


@cache
def _template(name: str, language: str) -> tuple[Template, Template]:
    text = (_FOLDER / f"{name}.{language if language in LANGUAGES else 'nb'}.txt").read_text(encoding="utf-8")
    subject, _, body = text.partition("\n\n")
    return Template(subject), Template(body)


def format_size(octets: int, language: str) -> str:
    """Write a number of octets for people, as the portal does: 1,50 GB in Norwegian."""
    if octets >= 100 * 2**20:
        text = f"{octets / 2**30:.2f}".removesuffix(".00") + " GB"
    elif octets >= 2**20:
        text = f"{octets / 2**20:.1f}".removesuffix(".0") + " MB"
    else:
        text = f"{-(-octets // 1024)} kB"
    return text if language == "en" else text.replace(".", ",")


def format_room(quota: int, language: str) -> str:
    """Write a quota in octets as the object of a sentence; 0 = unlimited."""
    known = language if language in LANGUAGES else "nb"
    return _ROOM[known].format(size=format_size(quota, language)) if quota else _ALL_ROOM[known]


def sender_address(core: Core) -> str:
    """Return the author and envelope sender of notices."""
    return f"noreply@{core.config.domain}"


def render(core: Core, name: str, language: str, **values: str) -> tuple[str, str]:
    """Return subject and text of a notice, `values` filled into its template."""
    subject, body = _template(name, language)
    values = {"domain": core.config.domain, "url": core.config.url, **values}
    return subject.substitute(values).strip(), body.substitute(values).rstrip("\n") + "\n"


def compose(core: Core, name: str, language: str, to: str, **values: str) -> bytes:
    """Compose a whole message with CRLF line ends, not signed."""
    subject, body = render(core, name, language, **values)
    heading = Heading(
        NameAddr(sender_address(core), "Alumnimail"),
        (NameAddr(to),),
        subject,
        core.clock.now(),
        trace.message_id(core.config.domain),
        auto="auto-generated",
    )
    return composer.compose(heading, entities.text(body))


def prepare(core: Core, name: str, language: str, to: str, **values: str) -> Prepared:
    """Write a notice, signed and ready to be queued; do it before the transaction."""
    octets = compose(core, name, language, to, **values)
    return core.blobs.prepare(dkim.sign(core.config, octets) + octets)


def queue(core: Core, tx: Tx, prepared: Prepared, to: str, account: AccountId | None) -> None:
    """Queue a prepared notice for one address; `account` is whom it is about."""
    enqueue_mail(
        tx,
        core.blobs,
        sender=sender_address(core),
        recipients=[to],
        prepared=prepared,
        prefix=b"",
        account=account,
        origin="notice",
        now=core.clock.seconds(),
    )
