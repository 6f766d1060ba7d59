"""CSS of strangers: only what changes how text looks passes.  No url(), no position, nothing unknown.

What a declaration may say is a list of properties and of kinds of values; the rest of the sheet (imports, fonts,
animations) falls away.
"""

import re
from functools import lru_cache

import tinycss2

MAX_SHEET = 64 * 1024  # characters of style elements that are read
MAX_DEPTH = 4  # rules inside rules
_PROPERTIES = re.compile(
    r"(?:color|background-color|font(?:-family|-size|-style|-weight|-variant)?|line-height|letter-spacing|word-spacing"
    r"|text-(?:align|decoration|indent|transform)|vertical-align|white-space|list-style-type|direction"
    r"|(?:margin|padding)(?:-(?:top|right|bottom|left))?|border(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width))?"
    r"|border-(?:collapse|spacing|radius)|(?:min-|max-)?(?:width|height)|display)"
)
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla"}
_PLAIN = ("ident", "dimension", "percentage", "number", "hash", "whitespace", "string")
_SHEET = re.compile(r"(?is)<style\b[^>]{0,500}>(.*?)(?:</style\s*>|\Z)")
_SELECTOR = re.compile(r"[\w\s.#,>+~*:()=\[\]\"'-]{1,500}")


@lru_cache(4096)
def safe_style(css: str) -> str:
    """The declarations of a style attribute that may stay."""
    return _declarations(tinycss2.parse_declaration_list(css, skip_comments=True, skip_whitespace=True))


def _declarations(items: list[tinycss2.ast.Node]) -> str:
    kept = []
    for item in items:
        if item.type == "declaration" and _PROPERTIES.fullmatch(item.lower_name) and _is_harmless(item.value):
            important = "!important" if item.important else ""
            kept.append(f"{item.lower_name}:{tinycss2.serialize(item.value).strip()}{important}")
    return ";".join(kept)


def _is_harmless(tokens: list[tinycss2.ast.Node]) -> bool:
    for token in tokens:
        match token.type:
            case "function":
                if token.lower_name not in _FUNCTIONS or not _is_harmless(token.arguments):
                    return False
            case "literal":
                if token.value not in (",", "/", "-", "+"):
                    return False
            case kind:
                if kind not in _PLAIN:
                    return False
    return True


def safe_sheet(html: str) -> str:
    """A style element with the rules of the document's own style elements that may stay; "" without any."""
    sheets = "\n".join(found[1] for found in _SHEET.finditer(html))[:MAX_SHEET]
    if not sheets.strip():
        return ""
    sheets = sheets.replace("<!--", " ").replace("-->", " ")
    css = _rules(tinycss2.parse_stylesheet(sheets, skip_comments=True, skip_whitespace=True), 0)
    # nothing that could end the element; strings in CSS may hold anything
    return f"<style>{css.replace('<', '')}</style>" if css else ""


def _rules(rules: list[tinycss2.ast.Node], depth: int) -> str:
    kept = []
    for rule in rules:
        prelude = tinycss2.serialize(rule.prelude).strip() if rule.type in ("qualified-rule", "at-rule") else ""
        if rule.type == "qualified-rule" and _SELECTOR.fullmatch(prelude):
            declared = _declarations(
                tinycss2.parse_declaration_list(rule.content, skip_comments=True, skip_whitespace=True)
            )
            if declared:
                kept.append(f"{prelude}{{{declared}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content and depth < MAX_DEPTH:
            inner = _rules(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), depth + 1)
            if inner and _SELECTOR.fullmatch(prelude):
                kept.append(f"@media {prelude}{{{inner}}}")
    return "\n".join(kept)
