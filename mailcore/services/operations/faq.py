"""Questions and answers: Markdown files in three languages, `templates/faq/NN-topic.LANGUAGE.md`.

`# Section` opens a file, `## Question {#anchor}` a question; the anchor is the same in every language, so that links last.
A file under `data/faq` replaces the shipped one of its name; new ones are added there.  No restart is needed: files are
read anew when they change.  A topic that is missing in a language is shown in bokmål, and `alumnimail faq` tells of it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt

from mailcore.core import Core
from mailcore.package_data import folder_of
from mailcore.services.notices.notices import LANGUAGES

SHIPPED = folder_of("mailcore.services.operations", "faq_texts")
_QUESTION = re.compile(r"^##[ \t]+(.+?)[ \t]*\{#([a-z0-9-]+)\}[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"([0-9]{2}-[a-z0-9-]+)\.(nb|nn|en)\.md")
# No HTML from files: whoever may write an answer need not be able to run anything on the page.
_UNLIMITED = {"nb": "ubegrenset plass", "nn": "uavgrensa plass", "en": "unlimited room"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is safe HTML."""

    anchor: str
    words: str
    answer: str


@dataclass(frozen=True, slots=True)
class Section:
    """`language` differs from what was asked for where a translation is missing."""

    topic: str
    title: str
    language: str
    questions: tuple[Question, ...]


def list_files(core: Core) -> dict[tuple[str, str], Path]:
    """Map topic and language to file; a file of the site replaces a shipped one."""
    files: dict[tuple[str, str], Path] = {}
    for folder in (SHIPPED, core.config.data_path / "faq"):
        for path in sorted(folder.glob("*.md")):
            if name := _NAME.fullmatch(path.name):
                files[name[1], name[2]] = path
    return files


def list_sections(core: Core, language: str) -> list[Section]:
    """List all topics in a language, in order."""
    files = list_files(core)
    result = []
    for topic in sorted({topic for topic, _ in files}):
        shown_language = next((code for code in (language, "nb", *LANGUAGES) if (topic, code) in files), "nb")
        path = files[topic, shown_language]
        values = (core.config.domain, core.config.host, _describe_quota(core, shown_language))
        result.append(_read_section(topic, shown_language, path, path.stat().st_mtime_ns, values))
    return result


def _describe_quota(core: Core, language: str) -> str:
    """Say how much room a new account has, to stand in a sentence of that language."""
    quota = core.config.quota
    return re.sub(r"([KMG])$", r" \1B", quota.default.strip().upper()) if quota.default_octets else _UNLIMITED[language]


@lru_cache(maxsize=256)
def _read_section(topic: str, language: str, path: Path, _modified_ns: int, values: tuple[str, str, str]) -> Section:
    return _render(topic, language, path.read_text(encoding="utf-8"), values)


def render_section(core: Core, topic: str, language: str, text: str) -> Section:
    """Render the text of a file that is not saved yet, for a preview."""
    return _render(topic, language, text, (core.config.domain, core.config.host, _describe_quota(core, language)))


def list_anchors(text: str) -> list[str]:
    """List the anchors of the questions in a text."""
    return [anchor for _words, anchor in _QUESTION.findall(text)]


def _render(topic: str, language: str, text: str, values: tuple[str, str, str]) -> Section:
    for word, value in zip(("$domain", "$host", "$quota"), values, strict=True):
        text = text.replace(word, value)
    parts = _QUESTION.split(text)
    title = parts[0].strip().removeprefix("#").strip()
    questions = tuple(
        Question(anchor, words, _MARKDOWN.render(answer))
        for words, anchor, answer in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    )
    return Section(topic, title, language, questions)


def list_problems(core: Core) -> list[str]:
    """List what the site's editor should mend: missing languages, anchors that differ, questions without an anchor."""
    by_topic = list_files(core)
    problem_lines = []
    for topic in sorted({topic for topic, _ in by_topic}):
        anchors: dict[str, list[str]] = {}
        for code in LANGUAGES:
            if (topic, code) not in by_topic:
                problem_lines.append(f"{topic}.{code}.md is missing")
                continue
            text = by_topic[topic, code].read_text(encoding="utf-8")
            anchors[code] = [anchor for _, anchor in _QUESTION.findall(text)]
            if text.count("\n## ") != len(anchors[code]):
                problem_lines.append(f"{topic}.{code}.md: a question has no anchor such as {{#name}}")
        problem_lines += [
            f"{topic}.{code}.md: the questions are not those of {topic}.nb.md"
            for code, names in anchors.items()
            if names != anchors.get("nb", names)
        ]
    return problem_lines
