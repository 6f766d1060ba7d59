"""CSS of strangers: only what changes how text looks passes.  No position, nothing unknown, no address but of our pictures.

What a declaration may say is a list of properties and of kinds of values; the rest of the sheet (imports, fonts,
animations) falls away.  A colour and its background stay or go together: white words on a background that is left out
would not be seen.  The page is always light, so what a sheet says for dark ones never holds.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import tinycss2
from tinycss2.color4 import Color, parse_color

from mailcore.mail.showing.html_scan import Tag, elements

MAX_SHEET = 64 * 1024  # characters of style elements that are read, all of them or none
MAX_STYLE, MAX_KEPT = 20_000, 1000  # characters of one attribute; of one that is remembered
MAX_DEPTH = 4  # rules inside rules
MAX_NESTED, MAX_SELECTOR = 8, 2000  # functions and brackets inside one another; characters
LOST = "alumnimail-lost"  # the colour of a background that had to be left out; who makes the page puts one in
Picture = Callable[[str], str | None]
_PROPERTIES = re.compile(
    r"(?:color|font(?:-family|-size|-style|-weight|-variant)?|line-height|letter-spacing|word-spacing"
    r"|text-(?:align|decoration|indent|transform)|vertical-align|white-space|list-style-type|direction"
    r"|(?:margin|padding)(?:-(?:top|right|bottom|left))?|border(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width))?"
    r"|border-(?:collapse|spacing|radius)|(?:min-|max-)?(?:width|height)|display)"
)
_BACKGROUNDS = ("background", "background-color", "background-image")
_GRADIENTS = {f"{again}{kind}-gradient" for again in ("", "repeating-") for kind in ("linear", "radial", "conic")}
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "calc"} | _GRADIENTS
_PLAIN = ("ident", "dimension", "percentage", "number", "hash", "whitespace", "string")
_SELECTING = (*_PLAIN, "function", "[] block", "() block")
_MARKS = frozenset(".,>+~*:=^$|#-/&()[]")
_GROUPS = ("media", "supports", "layer")  # rules of rules
_SCHEME = re.compile(r"(?i)\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)")
_OUR_ADDRESS = re.compile(r"[A-Za-z0-9:/?&=%.,;+_~-]+")
_ENDLESS = re.compile(r"[0-9]{1000,}")
_HIDES = re.compile(r"<!--|-->")


def _no_picture(_address: str) -> None:
    return None


def safe_style(css: str, picture: Picture = _no_picture) -> str:
    """The declarations of a style attribute that may stay.

    Args:
        picture: gives an address of ours for one of the sender's, or None.
    """
    if len(css) > MAX_STYLE:
        return ""
    if len(css) <= MAX_KEPT and "(" not in css:
        return _kept_style(css)
    return _declarations(
        tinycss2.parse_declaration_list(_bounded(css), skip_comments=True, skip_whitespace=True), picture
    )


@lru_cache(4096)
def _kept_style(css: str) -> str:
    return _declarations(
        tinycss2.parse_declaration_list(_bounded(css), skip_comments=True, skip_whitespace=True), _no_picture
    )


def _declarations(items: Iterable[tinycss2.ast.Node], picture: Picture) -> str:
    kept: list[tuple[str, str]] = []
    lost = {"text": False, "background": False}
    has_background = False
    for item in items:
        if item.type != "declaration":
            continue
        name = item.lower_name
        important = "!important" if item.important else ""
        if name in _BACKGROUNDS:
            written, has_colour, is_lost = _background(item.value, picture)
            has_background |= has_colour
            lost["background"] |= is_lost
            if written:
                kept.append((name, f"{name}:{written}{important}"))
        elif _PROPERTIES.fullmatch(name):
            if _is_harmless(item.value) and not (name == "color" and _is_invisible(item.value)):
                kept.append((name, f"{name}:{tinycss2.serialize(item.value).strip()}{important}"))
            elif name == "color":
                lost["text"] = True
    if lost["text"] and has_background:
        kept = [one for one in kept if one[0] not in _BACKGROUNDS]
        has_background, lost["background"] = False, True
    if lost["background"] and not has_background:
        kept = [one for one in kept if one[0] != "color"]
        kept.append(("background-color", f"background-color:{LOST}"))
    return ";".join(written for _, written in kept)


def _background(tokens: list[tinycss2.ast.Node], picture: Picture) -> tuple[str, bool, bool]:
    """Return what may stay of a background, if it covers what is behind it, and if something that would is lost."""
    layers, dropped = [], False
    for layer in _layers(tokens):
        written, is_whole = _layer(layer, picture)
        dropped |= not is_whole
        if written:
            layers.append(written)
    found = ",".join(layers)
    covers = "gradient(" in found or "url(" in found or any(_colour(token) for token in tokens)
    return found, covers, dropped and not covers


def _layers(tokens: list[tinycss2.ast.Node]) -> Iterator[list[tinycss2.ast.Node]]:
    layer: list[tinycss2.ast.Node] = []
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            yield layer
            layer = []
        else:
            layer.append(token)
    yield layer


def _layer(tokens: list[tinycss2.ast.Node], picture: Picture) -> tuple[str, bool]:
    """One layer, and whether all of it may stay; without its picture only its colour matters."""
    found: list[str] = []
    for token in tokens:
        address = _address(token)
        ours = picture(address) if address is not None else None
        if ours and _OUR_ADDRESS.fullmatch(ours):
            found.append(f'url("{ours}")')
        elif address is None and _is_harmless([token]):
            found.append(tinycss2.serialize([token]))
        else:
            colours = (tinycss2.serialize([one]) for one in tokens if _colour(one))
            return next(colours, ""), False
    return " ".join("".join(found).split()), True


def _address(token: tinycss2.ast.Node) -> str | None:
    """Return the address that url() names; None for any other token."""
    if token.type == "url":
        return str(token.value)
    if token.type == "function" and token.lower_name == "url":
        return next((str(one.value) for one in token.arguments if one.type == "string"), "")
    return None


def _colour(token: tinycss2.ast.Node) -> Color | None:
    """A colour that covers what is behind it."""
    if token.type not in ("ident", "hash", "function") or (token.type == "function" and not _is_harmless([token])):
        return None
    found = parse_color(token)
    return found if isinstance(found, Color) and found.alpha > 0 else None


def _is_invisible(tokens: list[tinycss2.ast.Node]) -> bool:
    words = [token for token in tokens if token.type != "whitespace"]
    if len(words) != 1 or (words[0].type == "ident" and words[0].lower_value != "transparent"):
        return False
    if words[0].type == "hash" and len(words[0].value) in (3, 6):
        return False
    found = parse_color(words[0]) if _is_harmless(words) else None
    return isinstance(found, Color) and found.alpha == 0


def is_light(written: str) -> bool:
    """Say if this is a colour for words on a dark background.  In doubt it is."""
    try:
        found = parse_color(written)
        if not isinstance(found, Color):
            return False
        if found.space in ("srgb", "hsl", "hwb"):
            red, green, blue, _ = found.to("srgb")
            return 0.3 * red + 0.6 * green + 0.1 * blue > 0.6
        return found.to("lab")[0] > 60
    except (ValueError, ArithmeticError, NotImplementedError):
        return True


def _is_harmless(tokens: list[tinycss2.ast.Node], depth: int = 0) -> bool:
    for token in tokens:
        match token.type:
            case "function":
                if (
                    token.lower_name not in _FUNCTIONS
                    or depth >= MAX_NESTED
                    or not _is_harmless(token.arguments, depth + 1)
                ):
                    return False
            case "literal":
                if token.value not in (",", "/", "-", "+", "*"):
                    return False
            case kind:
                # a name that has to be escaped is none that honest people use, and readers of CSS differ over it
                if kind not in _PLAIN or "\\" in token.serialize():
                    return False
    return True


def safe_sheet(html: str, picture: Picture = _no_picture) -> str:
    """A style element with the rules of the document's own style elements that may stay; "" without any."""
    sheets = [sheet for sheet in elements(html, "style") if sheet.content.strip()]
    if sum(len(sheet.content) for sheet in sheets) > MAX_SHEET:
        return ""
    found = [_sheet(sheet, picture) for sheet in sheets]
    css = "\n".join(filter(None, found))
    # nothing that could end the element; strings in CSS may hold anything
    return f"<style>{css.replace('<', '')}</style>" if css else ""


def _sheet(sheet: Tag, picture: Picture) -> str:
    css = _HIDES.sub(" ", sheet.content)
    rules = _read_sheet(css, picture) if "url" in css.lower() else _kept_sheet(css)
    media = sheet.attributes().get("media", "").strip()
    if not media or not rules:
        return rules
    prelude = _prelude(tinycss2.parse_component_value_list(_bounded(media), skip_comments=True))
    return f"@media {prelude}{{{rules}}}" if prelude else ""


def _bounded(css: str) -> str:
    """Leave out numbers of digits without end, which Python reads no integer of."""
    return _ENDLESS.sub("0", css)


@lru_cache(64)
def _kept_sheet(css: str) -> str:
    """Clean a sheet without addresses; cached, as letters of one sender have one sheet."""
    return _read_sheet(css, _no_picture)


def _read_sheet(css: str, picture: Picture) -> str:
    return _rules(tinycss2.parse_stylesheet(_bounded(css), skip_comments=True, skip_whitespace=True), 0, picture)


def _rules(rules: list[tinycss2.ast.Node], depth: int, picture: Picture) -> str:
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule" and (prelude := _prelude(rule.prelude)):
            items = tinycss2.parse_declaration_list(rule.content, skip_comments=True, skip_whitespace=True)
            if declared := _declarations(items, picture):
                kept.append(f"{prelude}{{{declared}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in _GROUPS and rule.content and depth < MAX_DEPTH:
            inner = _rules(
                tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), depth + 1, picture
            )
            prelude = _prelude(rule.prelude)
            if inner and (prelude or (rule.lower_at_keyword == "layer" and _is_bare(rule.prelude))):
                kept.append(f"@{rule.lower_at_keyword} {prelude}{{{inner}}}")
    return "\n".join(kept)


def _is_bare(tokens: list[tinycss2.ast.Node]) -> bool:
    return all(token.type == "whitespace" for token in tokens)


def _prelude(tokens: list[tinycss2.ast.Node]) -> str:
    """Selectors, or the condition of a media rule; "" for what is neither.  Nothing in it asks for anything."""
    if not _may_select(tokens, 0):
        return ""
    written = tinycss2.serialize(tokens).strip()
    if len(written) > MAX_SELECTOR:
        return ""
    return _SCHEME.sub(lambda found: "(min-width:0)" if found[1].lower() == "light" else "(max-width:0)", written)


def _may_select(tokens: list[tinycss2.ast.Node], depth: int) -> bool:
    for token in tokens:
        match token.type:
            case "function":
                inner = token.arguments
            case "[] block" | "() block":
                inner = token.content
            case "literal":
                if token.value not in _MARKS and token.value not in ("^=", "$=", "*=", "~=", "|=", "||"):
                    return False
                continue
            case kind:
                if kind not in _SELECTING:
                    return False
                continue
        if depth >= MAX_NESTED or not _may_select(inner, depth + 1):
            return False
    return True
