"""The words of HTML as a reader sees them, for text beside the designed version, quotes, previews and search.

Blocks stand on lines of their own, cells and list items apart, lines of `pre` stay, hidden elements are left out.
For reading only, never shown as HTML.  Linear in the characters.
"""

import re

from mailcore.mail.showing.html_scan import RAW, Tag, scan, unescaped

MAX_LINK = 4000  # characters of an address that is told
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 blockquote ul ol dl menu dir pre listing xmp hr table figure".split())  # noqa: SIM905
_BLOCKS = _PARAGRAPHS | frozenset(
    """address article aside body caption center col colgroup dd details dialog div dt fieldset figcaption footer form header
    hgroup html legend li main nav optgroup option search section select summary tbody tfoot thead tr textarea""".split()  # noqa: SIM905
)
_CELLS = frozenset({"td", "th", "img", "input", "button"})
_LINES = frozenset({"pre", "listing", "xmp", "textarea"})
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_ZERO = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028\u2029\u2060-\u2064\ufeff"  # take no room, and fill hidden previews
_RUN = re.compile(f"[ {_ZERO}]{{2,}}+|[{_ZERO}]")
_JOINERS = "\u200c\u200d"  # make other letters of their neighbours
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]+")
_ANY_TAG = re.compile("<[^<>]*+>")
_STYLE = re.compile(r"(?i)(?:^|;)\s*+(display|white-space)\s*+:\s*+([a-z-]++)")
# What ends an element that nobody closes: the container that nests it, and the tags that end it at its own depth.
_OPEN_ENDED = {
    "p": ("", _BLOCKS), "li": ("ul ol menu", {"li"}), "dt": ("dl", {"dt", "dd"}), "dd": ("dl", {"dt", "dd"}),
    "td": ("table", {"td", "th", "tr", "tbody", "tfoot"}), "th": ("table", {"td", "th", "tr", "tbody", "tfoot"}),
    "tr": ("table", {"tr", "tbody", "tfoot"}), "thead": ("table", {"tbody", "tfoot"}),
    "tbody": ("table", {"tbody", "tfoot"}), "option": ("select", {"option", "optgroup"}),
}  # fmt: skip


def from_html(html: str, most: int | None = None, *, bare: bool = False, tags: int | None = None) -> str:
    """Read the text of HTML, with where its links lead and what its pictures are said to be.

    Args:
        most: stop when there are about so many characters; never, if None.
        bare: words alone.
        tags: how many of them are laid out.  Behind these each tag is a blank, which takes a tenth of the time: for search, where
            strangers send a million of them.
    """
    page = _Page(bare)
    html, rest = _divide(_CONTROLS.sub("", html), tags)
    for piece in scan(html):
        if isinstance(piece, Tag):
            page.tag(piece)
        else:
            page.words(piece.words)
        if most is not None and page.size > most:
            break
    return page.text() + unescaped(_ANY_TAG.sub(" ", rest))


def _divide(html: str, tags: int | None) -> tuple[str, str]:
    """Return the part with so many tags, and what stands behind it."""
    if tags is None or html.count("<") <= tags:
        return html, ""
    at = -1
    for _ in range(tags + 1):
        at = html.find("<", at + 1)
    return html[:at], html[at:]


class _Page:
    """Lines as they are laid out, in one pass."""

    def __init__(self, bare: bool) -> None:
        self.size = 0
        self._bare = bare
        self._lines: list[str] = []
        self._line: list[str] = []
        self._is_raw = False  # spaces of this line stay as they are
        self._gap = False  # the next words stand below an empty line
        self._keeps_lines: list[str] = []  # open elements whose line ends count
        self._hidden: _Hidden | None = None
        self._link, self._link_words = "", list[str]()
        self._first = False  # a line end right behind <pre> is none

    def words(self, words: str) -> None:
        if self._hidden or not words:
            return
        if self._link:
            self._link_words.append(words)
        self.size += len(words)
        if not self._keeps_lines:
            self._line.append(words.replace("\n", " "))
            return
        first, *rest = (
            words.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n" if self._first else "").split("\n")
        )
        self._first = False
        self._is_raw = True
        self._line.append(first)
        for line in rest:
            self._end_line()
            self._is_raw = True
            self._line.append(line)

    def tag(self, tag: Tag) -> None:
        if self._hidden:
            if not self._hidden.ends_at(tag):
                return
            is_own = self._hidden.name == tag.name and tag.is_end
            self._hidden = None
            if is_own:
                self._lay_out(tag.name)
                return
        if tag.is_end:
            self._end(tag.name)
        else:
            self._start(tag)

    def _start(self, tag: Tag) -> None:
        name, self._first = tag.name, False
        attributes = tag.attributes() if name in ("a", "img") or _matters(tag.raw.lower()) else {}
        style = {key.lower(): value.lower() for key, value in _STYLE.findall(attributes.get("style", ""))}
        display = style.get("display", "")
        if (display == "none" or "hidden" in attributes) and name not in VOID | RAW | {"html", "body"}:
            self._hidden = _Hidden(name)
        if name == "br":
            self._end_line()
        else:
            self._lay_out(name, display)
        if self._hidden or display == "none":
            return
        if name in ("a", "img") and self._bare:
            return
        if name == "a":
            self._close_link()
            target = attributes.get("href", "").strip()  # as written, since search rules messages out by their octets
            self._link = (
                target if target.lower().startswith(("http://", "https://")) and len(target) <= MAX_LINK else ""
            )
        elif name == "img" and (shown := " ".join(attributes.get("alt", "").split())):
            self._line.append(f"[{shown}] ")
            if self._link:  # a button
                self._link_words.append(shown)
        if name in _LINES or style.get("white-space", "").startswith(("pre", "break-spaces")):
            if name not in VOID:
                self._keeps_lines.append(name)
                self._first = name in _LINES
        elif self._keeps_lines and name == self._keeps_lines[-1]:
            self._keeps_lines.append(name)  # so that its end is not taken for the other's

    def _end(self, name: str) -> None:
        if name == "a":
            self._close_link()
        self._lay_out(name)
        if self._keeps_lines and self._keeps_lines[-1] == name:
            self._keeps_lines.pop()

    def _lay_out(self, name: str, display: str = "") -> None:
        if name in _BLOCKS or display in ("block", "flex", "grid", "table", "list-item", "table-row"):
            if "".join(self._line).strip():
                self._end_line()
            else:
                self._line.clear()
            self._is_raw = False
            self._gap = self._gap or name in _PARAGRAPHS
        elif name in _CELLS or display in ("table-cell", "inline-block"):
            self._line.append(" ")

    def _end_line(self) -> None:
        line = "".join(self._line)
        line = line.rstrip().replace("\t", "    ") if self._is_raw else _tidy(line)
        if self._gap and line and self._lines and self._lines[-1]:
            self._lines.append("")
        if line:
            self._gap = False
        if line or self._is_raw or (self._lines and self._lines[-1]):  # one empty line is enough
            self._lines.append(line)
        self._line.clear()
        self._is_raw = False

    def _close_link(self) -> None:
        target, shown = self._link, " ".join("".join(self._link_words).split())
        self._link = ""
        self._link_words.clear()
        if target and shown and target.rstrip("/") != shown.rstrip("/"):
            target = "".join(_CONTROLS.sub("", target).split())
            self._line.append(f" <{target.replace('<', '%3C').replace('>', '%3E')}>")

    def text(self) -> str:
        self._close_link()
        if "".join(self._line).strip():
            self._end_line()
        return "\n".join(self._lines).strip("\n") + "\n"


class _Hidden:
    """Inside an element that is not shown: until it ends, by its end tag or by what a browser takes for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._depth = 1
        containers, self._enders = _OPEN_ENDED.get(name, ("", frozenset()))
        self._containers = frozenset(containers.split())
        self._inner = 0

    def ends_at(self, tag: Tag) -> bool:
        if tag.name in self._containers:
            self._inner += -1 if tag.is_end else 1
            return self._inner < 0
        if self._inner == 0 and tag.name in self._enders and tag.name != self.name:
            return not tag.is_end or self.name != "p" or tag.name in _BLOCKS
        if tag.name == self.name and self._inner == 0:
            if self.name in _OPEN_ENDED:
                return True
            self._depth += -1 if tag.is_end else 1
        return self._depth == 0


def _matters(attributes: str) -> bool:
    """Can they change how words stand?  Most do not, and reading them costs more than all else."""
    return "display" in attributes or "hidden" in attributes or "white-space" in attributes


def _tidy(line: str) -> str:
    """Join several spaces to one, and remove characters that take no room."""
    line = " ".join(line.split())
    return line if line.isascii() else _RUN.sub(_one_space, line).strip()


def _one_space(run: re.Match[str]) -> str:
    found = run[0]
    if " " in found:
        return " "
    return found if found in _JOINERS else ""
