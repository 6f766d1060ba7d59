"""Texts that an administrator writes in the browser: questions and answers, and the desk's standard answers.

They are files under `data/faq` and `data/canned`, each in place of a shipped one or beside them (services/operations/faq.py,
services/tickets/canned.py); a file is written whole or not at all.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mailcore.core import Core
from mailcore.errors import Busy, InvalidName
from mailcore.process.durable import write_file
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices.notices import LANGUAGES
from mailcore.services.operations import faq
from mailcore.services.tickets import canned

MAX_LENGTH = 50_000  # characters
_HEADING = re.compile(r"^## ", re.MULTILINE)


class TextKind(StrEnum):
    """Kinds of texts, by the name of their folder."""

    FAQ = "faq"
    CANNED = "canned"


_NAMES = {TextKind.FAQ: re.compile(r"[0-9]{2}-[a-z0-9-]{1,40}"), TextKind.CANNED: re.compile(r"[a-z0-9-]{1,40}")}
_SUFFIX = {TextKind.FAQ: "md", TextKind.CANNED: "txt"}
_SHIPPED = {TextKind.FAQ: faq.SHIPPED, TextKind.CANNED: canned.SHIPPED}


@dataclass(frozen=True, slots=True)
class TextName:
    """A text in one language; `own`: the site has written it; `missing`: there is none in that language."""

    kind: TextKind
    name: str
    language: str
    own: bool
    missing: bool


def list_texts(core: Core) -> list[TextName]:
    """List every text in every language, those too that are missing."""
    texts = []
    for kind in TextKind:
        names = {
            path.name.split(".")[0]
            for folder in (_SHIPPED[kind], _folder(core, kind))
            for path in folder.glob(f"*.{_SUFFIX[kind]}")
            if _NAMES[kind].fullmatch(path.name.split(".")[0])
        }
        for name in sorted(names):
            for language in LANGUAGES:
                own, shipped = _path(core, kind, name, language).exists(), _shipped(kind, name, language).exists()
                texts.append(TextName(kind, name, language, own, not own and not shipped))
    return texts


def _folder(core: Core, kind: TextKind) -> Path:
    return core.config.data_path / kind.value


def _path(core: Core, kind: TextKind, name: str, language: str) -> Path:
    return _folder(core, kind) / f"{name}.{language}.{_SUFFIX[kind]}"


def _shipped(kind: TextKind, name: str, language: str) -> Path:
    return Path(str(_SHIPPED[kind])) / f"{name}.{language}.{_SUFFIX[kind]}"


def check_name(kind: str, name: str, language: str) -> TextKind:
    """Return the kind.  Raises InvalidName: nothing has, or may have, that name."""
    if kind not in list(TextKind) or language not in LANGUAGES or not _NAMES[TextKind(kind)].fullmatch(name):
        raise InvalidName(Saying("There is no text of that name."))
    return TextKind(kind)


def load_text(core: Core, kind: TextKind, name: str, language: str) -> str:
    """Load a text, "" where it is missing in that language."""
    for path in (_path(core, kind, name, language), _shipped(kind, name, language)):
        if path.exists():
            return path.read_text(encoding="utf-8")
    return ""


def check_text(core: Core, kind: TextKind, name: str, language: str, text: str) -> None:
    """Check that a text can be shown.  Raises InvalidName, which says what to correct."""
    if not text.strip() or len(text) > MAX_LENGTH:
        raise InvalidName(Saying("The text is empty or too long."))
    if kind is TextKind.CANNED:
        title, _, rest = text.partition("\n")
        if not title.strip() or not rest.strip():
            raise InvalidName(Saying("The first line is the title, and the answer comes below it."))
        return
    anchors = faq.list_anchors(text)
    if not text.startswith("# ") or len(_HEADING.findall(text)) != len(anchors) or len(set(anchors)) < len(anchors):
        raise InvalidName(
            Saying(
                "The first line is “# Section”, and each question “## Question {#anchor}” with an anchor of its own."
            )
        )
    others = {code: faq.list_anchors(load_text(core, kind, name, code)) for code in LANGUAGES if code != language}
    lost = next((anchor for found in others.values() for anchor in found if anchor not in anchors), None)
    if lost is not None:
        raise InvalidName(
            Saying("The question #%(anchor)s is there in another language; links lead to it.", anchor=lost)
        )


def save_text(core: Core, kind: TextKind, name: str, language: str, text: str, *, actor: str) -> None:
    """Save a text in place of the one before.

    Raises:
        InvalidName: it cannot be shown.
        Busy: it cannot be written.
    """
    text = text.replace("\r\n", "\n").strip() + "\n"
    check_text(core, kind, name, language, text)
    before = load_text(core, kind, name, language)
    _write(_path(core, kind, name, language), text)
    detail = f"{kind.value}/{name}.{language}: {len(text)} characters, before {len(before)}"
    core.db.write(lambda tx: audit.note(core, tx, None, Event.TEXT_SAVED, actor=actor, detail=detail))


def remove_text(core: Core, kind: TextKind, name: str, language: str, *, actor: str) -> None:
    """Remove the site's own text: the shipped one is shown again, if there is one.  Raises InvalidName: there is none."""
    path = _path(core, kind, name, language)
    if not path.exists():
        raise InvalidName(Saying("There is no text of that name."))
    size = len(path.read_text(encoding="utf-8"))
    path.unlink()
    detail = f"{kind.value}/{name}.{language}: before {size} characters"
    core.db.write(lambda tx: audit.note(core, tx, None, Event.TEXT_REMOVED, actor=actor, detail=detail))


def _write(path: Path, text: str) -> None:
    try:
        write_file(path, text.encode())
    except OSError as problem:
        raise Busy(f"the text cannot be written: {problem.strerror}") from problem
