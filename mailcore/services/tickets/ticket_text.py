"""The content of a message to the help desk: text without quotes, language, and the files that may come along."""

import re
from collections.abc import Iterator, Sequence

from mailcore.domain import NewFile
from mailcore.mail.reading import text
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body, wrapped
from mailcore.mail.showing.files import name_of, safe_name
from mailcore.mail.showing.wrapped import Opened
from mailcore.mail.writing import opening

MAX_TEXT = 20_000  # characters of one message
MAX_TEXTS = 20  # parts of a message that are read as text
MAX_FILES, MAX_FILE_OCTETS = 5, 4 * 2**20
# What is shown at its first octets; everything else is refused rather than scanned.
_BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF-",),
}
_WORDS = {
    language: frozenset(words.split())
    for language, words in (
        ("nb", "jeg ikke hva noe hvordan fra mye være gjør kommer hei har og det dere min"),
        ("nn", "eg ikkje kva noko korleis frå mykje vere gjer kjem hei har og det de min"),
        ("en", "i not what the how from much my do is and you have to hello please"),
    )
}


def detect_language(written: str, otherwise: str) -> str:
    """Return nb, nn or en by the commonest words; the answer is due in the form of Norwegian that was written."""
    words = re.findall(r"[a-zæøå]+", written[:MAX_TEXT].lower())[:500]
    scores = {language: sum(word in known for word in words) for language, known in _WORDS.items()}
    best = max(scores, key=lambda language: scores[language])
    second = sorted(scores.values())[-2]
    return best if scores[best] >= 3 and scores[best] > second else otherwise


def tidy_text(written: str) -> str:
    """Return text with line ends and length as they are saved; controls are dropped."""
    written = written.lstrip()[: 10 * MAX_TEXT]  # blanks and empty lines that go may take that much
    lines = (line.rstrip() for line in written.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    plain = "".join(c for c in "\n".join(lines) if c >= " " or c in "\n\t")
    return re.sub(r"\n{4,}", "\n\n\n", plain).strip()[:MAX_TEXT]


def strip_quote(written: str) -> str:
    """Remove the quoted message at the end and the line that introduces it; an answer between quotes stays whole."""
    lines = written.rstrip().split("\n")
    end = len(lines)
    while end and (lines[end - 1].startswith(">") or not lines[end - 1].strip()):
        end -= 1
    if end == len(lines) or not any(line.startswith(">") for line in lines[end:]):
        return written.strip()
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    while start and end - start < 3 and lines[start - 1].strip():  # "On ... wrote:", perhaps folded
        start -= 1
    if end and lines[end - 1].rstrip().endswith(":"):
        end = start if end - start < 3 else end - 1
    return "\n".join(lines[:end]).strip() or written.strip()


def extract_text(message: Message) -> str:
    """Return what the writer says, whatever is attached or around it.

    For mail without a text of its own, the text of the attachments, else what can be read outside of all parts.
    What S/MIME wrapped to sign it is read as if it stood there.
    """
    opened = wrapped.unwrap(message.octets, message.root)
    octets, root = opened.octets, opened.root
    read = [0]
    own = strip_quote(tidy_text(_extract_words(octets, root, read)))
    return (
        own
        or tidy_text("\n\n".join(_attached_words(octets, root, read)))
        or tidy_text(body.readable(octets, root, MAX_TEXT))
    )


def _packed(octets: Octets, leaf: Part) -> Opened | None:
    """Open what Outlook packed into a file winmail.dat."""
    kind = opening.kind_of(octets, leaf)
    return opening.open_as(kind, octets, leaf) if kind == opening.TNEF else None


def _extract_words(octets: Octets, part: Part, read: list[int]) -> str:
    """Return the texts of a part in order; of alternatives the first with words.  Attached messages stay closed.

    Args:
        read: how many texts were read, of which MAX_TEXTS may be.
    """
    if part.type != "multipart":
        return "" if body.is_file(part) else _text_of(octets, part, read)
    texts: list[str] = []
    for child in part.contents:
        words = _extract_words(octets, child, read)
        if words.strip():
            texts.append(words)
            if part.subtype == "alternative":
                break
    return "\n\n".join(texts)


def _text_of(octets: Octets, part: Part, read: list[int]) -> str:
    if part.type != "text" or read[0] >= MAX_TEXTS:
        return ""
    read[0] += 1
    return body.shown(octets, part, MAX_TEXT) if part.subtype in ("plain", "html") else ""


def _attached_words(octets: Octets, root: Part, read: list[int]) -> Iterator[str]:
    """Yield texts of attached messages, and texts that are neither plain nor HTML."""
    for leaf in body.leaves(root):
        if leaf.is_message:
            yield "\n\n".join(filter(None, (_extract_words(octets, child, read).strip() for child in leaf.children)))
        elif (
            leaf.type == "text"
            and leaf.subtype not in ("plain", "html")
            and not body.is_file(leaf)
            and read[0] < MAX_TEXTS
        ):
            read[0] += 1
            yield text.part_text(octets, leaf, 10 * MAX_TEXT).replace("\r\n", "\n").strip()
        elif packed := _packed(octets, leaf):
            yield _extract_words(packed.octets, packed.root, read).strip()


def detect_type(octets: bytes) -> str | None:
    """Return the type of a file that may be saved, by its content and not by its name; None = refused."""
    for kind, beginnings in _BEGINNINGS.items():
        if octets.startswith(beginnings):
            return kind
    try:
        plain = octets.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in plain or plain.lstrip()[:1] == "<" or plain.startswith(("#!", "MZ")) else "text/plain"


def select_files(files: Sequence[tuple[str, bytes]]) -> tuple[list[NewFile], list[str]]:
    """Return the files that may be saved, and the names of those that may not."""
    accepted: list[NewFile] = []
    refused: list[str] = []
    for name, octets in files:
        content_type = detect_type(octets) if 0 < len(octets) <= MAX_FILE_OCTETS and len(accepted) < MAX_FILES else None
        name = safe_name(name)
        if content_type is None:
            refused.append(name)
        else:
            accepted.append(NewFile(name, content_type, octets))
    return accepted, refused


def extract_files(message: Message) -> tuple[list[NewFile], list[str]]:
    """Return the files that may be saved, those within a winmail.dat in its place, and the names of those that may not."""
    opened = wrapped.unwrap(message.octets, message.root)
    return select_files(list(_files(opened.octets, opened.root)))


def _files(octets: Octets, root: Part, *, inside: bool = False) -> Iterator[tuple[str, bytes]]:
    for _, leaf in body.read(octets, root).files:
        packed = None if inside else _packed(octets, leaf)
        if packed is None:
            yield name_of(leaf), text.transfer_decoded(octets, leaf)
        else:
            yield from _files(packed.octets, packed.root, inside=True)
