"""usage: python -m tools.catalogues: brings the catalogues of all languages to the texts of today (`make po`).

English stands in the source and has no catalogue.  A text that is new is added, without a translation, to the catalogue of
its feature; one that nothing says any more goes.  What translators wrote stays as it is, to the letter.  Nothing is
compiled to disk: the program reads these files when it starts.  Texts that want a translation are listed at the end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import escape, read_po

from sieve.validator import argument_names

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("nb", "nn")
FOLDERS = ("portal", "templates", "sieve", "mailcore")
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
SAID = "said"  # the catalogue of what services and Sieve say; mailcore reads it too


Key = tuple[str, str]  # context and text


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the program.

    Attributes:
        context: tells texts apart that English writes alike, mostly "".
        plural: "" where it has none.
        catalogue: the name of the file for its translation.
    """

    text: str
    catalogue: str
    context: str = ""
    plural: str = ""

    @property
    def key(self) -> Key:
        return self.context, self.text


def list_texts() -> dict[Key, Text]:
    """List every text that the program says to people, by its key."""
    texts = {("", text): Text(text, SAID) for text in argument_names()}
    for folder in FOLDERS:
        methods = [("**.html", "jinja2")] if folder == "templates" else [("**.py", "python")]
        keywords = KEYWORDS | {"Saying": None, "Phrase": None}
        for file, _line, message, _comments, context in extract_from_dir(ROOT / folder, methods, keywords=keywords):
            words, plural = message if isinstance(message, tuple) else (message, "")
            text = Text(words, _catalogue_of(folder, file), context or "", plural)
            texts.setdefault(text.key, text)
    return texts


def _catalogue_of(folder: str, file: str) -> str:
    """Name the catalogue for a text: that of its feature, where it has one."""
    if folder in ("sieve", "mailcore"):
        return SAID
    feature = Path(file).parts[0]
    return feature if path_of("nb", feature).exists() else "messages"


def path_of(language: str, catalogue: str) -> Path:
    package = "mailcore" if catalogue == SAID else "portal"
    return ROOT / package / "translations" / language / "LC_MESSAGES" / f"{catalogue}.po"


def list_catalogues(language: str) -> list[Path]:
    return sorted(ROOT.glob(f"*/translations/{language}/LC_MESSAGES/*.po"))


def read_entries(path: Path) -> Iterator[tuple[str, Message]]:
    """Cut a catalogue into its entries, each as it is written; its head has the empty id."""
    head, *entries = path.read_text(encoding="utf-8").strip("\n").split("\n\n")
    for entry in (head, *entries):
        source = entry if entry == head else f"{head}\n\n{entry}"
        for message in read_po(BytesIO(source.encode())):
            if bool(message.id) == (entry != head):
                yield entry, message


def _key_of(message: Message) -> Key:
    return message.context or "", str(message.id[0] if isinstance(message.id, tuple) else message.id)


def format_entry(text: Text) -> str:
    """Write a new entry, to be translated."""
    words = ["#, python-format"] if re.search(r"%\(\w+\)", text.text) else []
    if text.context:
        words.append(f"msgctxt {escape(text.context)}")
    words.append(f"msgid {escape(text.text)}")
    if text.plural:
        words += [f"msgid_plural {escape(text.plural)}", 'msgstr[0] ""', 'msgstr[1] ""']
    else:
        words.append('msgstr ""')
    return "\n".join(words)


def update(language: str, texts: dict[Key, Text]) -> list[str]:
    """Bring the catalogues of a language to `texts`, and list those that want a translation."""
    files: dict[Path, list[str]] = {}
    wanting, known = [], set()
    for path in list_catalogues(language):
        files[path] = []
        for entry, message in read_entries(path):
            if message.id and (_key_of(message) in known or _key_of(message) not in texts):
                continue
            files[path].append(entry)
            known.add(_key_of(message))
            if not all(message.string if isinstance(message.string, tuple) else (message.string,)):
                wanting.append(_key_of(message)[1])
    for key, text in texts.items():
        if key not in known:
            files[path_of(language, text.catalogue)].append(format_entry(text))
            wanting.append(text.text)
    for path, entries in files.items():
        written = "\n\n".join(entries) + "\n"
        if written != path.read_text(encoding="utf-8"):
            path.write_text(written, encoding="utf-8")
    return wanting


def main() -> None:
    texts = list_texts()
    for language in LANGUAGES:
        for text in update(language, texts):
            print(f"{language}: to be translated: {text}")


if __name__ == "__main__":
    main()
