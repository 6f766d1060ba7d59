"""The zoo as others read it: subject, authors, file names, text and structure by Python's `email` and fast-mail-parser (Rust).

Where neither of the two agrees with us, the animal says why in a line `? ours FIELD: reason`, and by which section of which RFC.
"""

import email
import email.policy
import email.utils
import re
import unicodedata
from collections.abc import Callable

import fast_mail_parser
import pytest

from mailcore.mail.reading import address, header, structure
from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.showing import body
from tests.mail.zoo.animals import Animal, all_animals
from tests.mail.zoo.keeper import Door

Fields = dict[str, object]


def words(text: str) -> str:
    """Words alone: blanks, ends of lines, marks of quotation and of encodings are everybody's own; there is no NUL in a text."""
    text = re.sub(r"(?m)^[> ]+", "", text).replace("\0", "\ufffd").replace("\ufeff", "")
    return " ".join(unicodedata.normalize("NFC", text).split())


def specs(pairs: list[tuple[str, str]]) -> list[str]:
    return sorted({spec.strip("<> ").lower() for _name, spec in pairs if "@" in spec})


def by_us(animal: Animal) -> Fields:
    root = structure.parse(animal.octets)
    block = animal.octets[: root.body_start]
    return {
        "subject": words(header.text(block, "subject")),
        "from": specs(
            [("", one) for value in header.raw_values(block, "from")[:1] for one in address.addr_specs(value)]
        ),
        "files": sorted(part.filename for part in structure.leaves(root) if part.filename),
        "text": words(body.readable(animal.octets, root)),
        "structure": [f"{part.wire.type}/{part.wire.subtype}".lower() for part in _own_leaves(root)],
    }


def _own_leaves(part: structure.Part) -> list[structure.Part]:
    """Without looking into attached messages."""
    if not part.is_numbered:
        return [part]
    return [leaf for child in part.children for leaf in _own_leaves(child)]


def _text_of(part: email.message.Message) -> str:
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes):
        return ""
    try:
        return octets.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return octets.decode("latin-1")


def _leaves(part: email.message.Message) -> list[email.message.Message]:
    # a text is asked for by its octets alone: its charset may be a codec of Python that raises
    if not part.is_multipart() or part.get_content_maintype() != "multipart":
        return [part]
    children = part.get_payload()
    assert isinstance(children, list)
    return [leaf for child in children if isinstance(child, email.message.Message) for leaf in _leaves(child)]


def by_python(animal: Animal) -> Fields:
    message = email.message_from_bytes(animal.octets, policy=email.policy.compat32)
    modern = email.message_from_bytes(animal.octets, policy=email.policy.default)
    leaves = _leaves(message)
    plain = [part for part in leaves if part.get_content_type() == "text/plain" and not part.get_filename()]
    return {
        "subject": words(str(modern["subject"] or "")),
        "from": specs(email.utils.getaddresses([str(message["from"] or "")])),
        "files": sorted(filter(None, (part.get_filename() for part in _leaves(modern)))),
        "text": words("\n".join(map(_text_of, plain))),
        "structure": [part.get_content_type() for part in leaves],
    }


def by_rust(animal: Animal) -> Fields:
    message = fast_mail_parser.parse_email(animal.octets)
    return {
        "subject": words(message.subject or ""),
        "from": specs([(message.from_.display_name or "", message.from_.address or "")] if message.from_ else []),
        "files": sorted(one.filename for one in message.attachments if one.filename),
        "text": words("\n".join(message.text_plain)),
        "structure": None,
    }


READERS: tuple[Callable[[Animal], Fields], ...] = (by_python, by_rust)
COMPARED = ("subject", "from", "files", "text", "structure")


def _others(animal: Animal) -> list[Fields]:
    found = []
    for reader in READERS:
        try:
            found.append(reader(animal))
        except Exception:  # noqa: BLE001 - what they cannot read is no witness
            continue
    return found


def test_we_read_what_one_of_the_others_reads_or_say_why_not() -> None:
    door = Door("readers")
    for animal in all_animals():
        with door.animal(animal.id, most=2):
            ours, others = by_us(animal), _others(animal)
            for name in COMPARED:
                reason = f"ours {name}" in animal.right
                witnesses = [other[name] for other in others if other[name] or name in ("from", "files", "subject")]
                agreed = not [one for one in witnesses if one is not None] or ours[name] in witnesses
                if not agreed and not reason:
                    door.complain(
                        animal.id, f"{name}: ours {ours[name]!r}, theirs {[one[name] for one in others]!r}"[:400]
                    )
                if agreed and reason:
                    door.complain(animal.id, f"{name} agrees; its reason can go")
    door.close()


@pytest.mark.parametrize("animal", [animal for animal in all_animals() if animal.right], ids=lambda animal: animal.id)
def test_what_is_right_is_what_we_read(animal: Animal) -> None:
    ours, right = by_us(animal), animal.right
    if "subject" in right:
        assert ours["subject"] == words(right["subject"])
    if "from" in right:
        assert ours["from"] == sorted(spec.lower() for spec in right["from"].split(", "))
    if "text" in right:
        assert words(right["text"]) in ours["text"]
    if right.get("files"):
        assert ours["files"] == sorted(right["files"].split(" | "))
    for text in (ours["subject"], ours["text"], *ours["files"], *ours["from"]):
        assert text == to_scalars(text)
        text.encode()
