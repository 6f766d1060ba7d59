"""usage: python -m tools.site FOLDER: makes a site of the documents (`make docs`), with links as they are in the checkout.

Each document becomes a page of its own name, README.md index.html; what they link to besides comes along.  A link that leads
nowhere, to a file or to a heading, is an error.  No page needs a script or another host.  Pictures of pages are made by
`make pictures`; where they were not made, their words stand there.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from posixpath import normpath, relpath
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
# The menu, in the order in which somebody may want them; what is missing here stands below.
FIRST = (
    "README.md", "docs/tour.en.md", "docs/tour.nb.md", "docs/tour.nn.md",
    "docs/operation.md", "docs/configuration.md", "docs/people.md", "docs/privacy.md", "docs/questions.md",
    "docs/webhooks.md", "docs/clients.md",
    "docs/sieve.md",
    "docs/interface.md", "docs/words.md", "docs/requirements.md", "docs/standards.md", "docs/security.md", "docs/performance.md",
    "CONTRIBUTING.md", "docs/architecture.md", "docs/dependencies.md", "docs/decisions/README.md", "SECURITY.md", "CHANGES.md",
)  # fmt: skip
PICTURES = "build/pictures/"  # made, and not in the repository: they would age there unseen, at 4 MB each time
OUTSIDE = re.compile(r"[a-z]+:")
STYLE = """\
body { margin: 0 auto; padding: 1rem; max-width: 76rem; font: 1rem/1.5 system-ui, sans-serif; }
body { display: flex; gap: 2rem; flex-wrap: wrap; }
nav { flex: 0 0 13rem; } nav ul { list-style: none; padding: 0; } nav [aria-current] { font-weight: bold; }
main { flex: 1 1 30rem; min-width: 0; overflow-wrap: break-word; }
pre, main > div { overflow-x: auto; } pre { padding: .7rem; background: #8881; } table { border-collapse: collapse; }
th, td { border: 1px solid #8886; padding: .2rem .5rem; text-align: left; vertical-align: top; } img { max-width: 100%; }
:root { color-scheme: light dark; }
"""


def list_pages(root: Path = ROOT) -> list[str]:
    """List the documents in the order of the menu."""
    every = {str(path.relative_to(root)) for path in (*root.glob("*.md"), *root.glob("docs/**/*.md"))}
    return [*(name for name in FIRST if name in every), *sorted(every.difference(FIRST))]


def address_of(name: str) -> str:
    """Return where a file stands within the site: README.md of a folder is its index.html."""
    path = Path(name)
    if path.suffix != ".md":
        return name
    return str(path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html"))


def slug(heading: str) -> str:
    """Name a heading as GitHub does, so that links work in both places."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Document:
    """A document that was read: its title, its headings, and where its links lead."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self.tokens = self._markdown.parse(text)
        self.anchors: set[str] = set()
        self.title = name
        for token, inline in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "heading_open":
                words = "".join(child.content for child in inline.children or ())
                if token.tag == "h1":
                    self.title = words
                anchor = slug(words)
                while anchor in self.anchors:
                    anchor += "-1"
                self.anchors.add(anchor)
                token.attrSet("id", anchor)

    def links(self) -> Iterator[tuple[Token, str]]:
        """Yield the tokens that lead elsewhere in the checkout, with the name of their attribute."""
        for token in self.tokens:
            for child in token.children or ():
                for attribute in ("href", "src"):
                    if attribute in child.attrs and not OUTSIDE.match(str(child.attrs[attribute])):
                        yield child, attribute

    def render(self) -> str:
        return str(self._markdown.renderer.render(self.tokens, self._markdown.options, {}))


def build(folder: Path, root: Path = ROOT) -> list[str]:
    """Write the site, and list the links that lead nowhere."""
    names = list_pages(root)
    documents = {name: Document(name, (root / name).read_text(encoding="utf-8")) for name in names}
    problems = []
    for name, document in documents.items():
        for token, attribute in document.links():
            path, _, anchor = unquote(str(token.attrs[attribute])).partition("#")
            target = normpath(f"{Path(name).parent}/{path}") if path else name
            if target in documents:
                if anchor and anchor not in documents[target].anchors:
                    problems.append(f"{name}: {target} has no heading #{anchor}")
            elif target.startswith(PICTURES) and not (root / target).exists():
                token.type, token.content = "text", f"[{token.content}]"
                continue
            elif not (root / target).exists():
                problems.append(f"{name}: there is no {target}")
                continue
            else:
                _copy(root / target, folder / target)
            there = relpath(address_of(target), str(Path(address_of(name)).parent))
            token.attrSet(attribute, quote(there) + (f"#{quote(anchor)}" if anchor else ""))
        page = folder / address_of(name)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_page(document, documents), encoding="utf-8")
    return problems


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    else:
        shutil.copyfile(source, target)


def _language_of(name: str) -> str:
    """Return the language of a document: `tour.nb.md` says it in its name."""
    return (re.findall(r"\.(nb|nn)\.md$", name) or ["en"])[0]


def _page(document: Document, documents: dict[str, Document]) -> str:
    here = str(Path(address_of(document.name)).parent)
    entries = "".join(
        f'<li><a href="{quote(relpath(address_of(name), here))}"{" aria-current=page" if other is document else ""}>'
        f"{escape(other.title)}</a></li>\n"
        for name, other in documents.items()
        if name in FIRST
    )
    return (
        f'<!doctype html>\n<html lang="{_language_of(document.name)}">\n'
        f'<head>\n<meta charset="utf-8">\n<title>{escape(document.title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n'
        f'<body>\n<nav aria-label="Documents"><ul>\n{entries}</ul></nav>\n<main>\n{document.render()}</main>\n</body>\n</html>\n'
    )


def main(folder: Path) -> None:
    """Write the site; the status is 1 where a link leads nowhere."""
    problems = build(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{folder / 'index.html'}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
