"""Answers that the desk gives often, as text files in three languages.

Each is `templates/canned/NAME.LANGUAGE.txt`, with the title in the first line.  A file of the same name under `data/canned`
replaces it; new names are added there without a deploy.
"""

from dataclasses import dataclass
from pathlib import Path

from mailcore.core import Core
from mailcore.package_data import folder_of
from mailcore.services.notices import notices

SHIPPED = folder_of("mailcore.services.tickets", "texts")


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """An answer that the desk gives often, in one language."""

    name: str
    title: str
    text: str


def list_answers(core: Core, language: str) -> list[CannedAnswer]:
    """List the answers in `language`; one that is missing in it comes in bokmål."""
    files: dict[str, Path] = {}
    for folder in (SHIPPED, core.config.data_path / "canned"):
        for wanted in ("nb", language):
            files |= {path.name.split(".")[0]: path for path in sorted(folder.glob(f"*.{wanted}.txt"))}
    return [_read(core, name, path) for name, path in sorted(files.items())]


def _read(core: Core, name: str, path: Path) -> CannedAnswer:
    return render_answer(core, name, path.read_text(encoding="utf-8"))


def render_answer(core: Core, name: str, written: str) -> CannedAnswer:
    """Make the answer of a file's text."""
    title, _, text = written.partition("\n")
    for word, value in (("$domain", core.config.domain), ("$url", core.config.url), ("$host", core.config.host)):
        text = text.replace(word, value)
    return CannedAnswer(name, title.strip(), text.strip() + "\n")


def find_answer(core: Core, name: str, language: str) -> str:
    """Return the text of an answer, "" if there is none."""
    return next((answer.text for answer in list_answers(core, language) if answer.name == name), "")


def list_missing(core: Core) -> list[str]:
    """List the answers that are missing in a language."""
    existing = {path.name for folder in (SHIPPED, core.config.data_path / "canned") for path in folder.glob("*.txt")}
    names = {name.split(".")[0] for name in existing}
    return sorted(
        f"{name}.{code}.txt" for name in names for code in notices.LANGUAGES if f"{name}.{code}.txt" not in existing
    )
