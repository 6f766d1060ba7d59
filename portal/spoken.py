"""Templates, compiled once for each language: what a page always says stands in its code, joined with the HTML around it.

A page of the webmail has fifty such texts; looking each of them up took a quarter of the time of its template.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from babel.support import Translations
from flask.templating import Environment
from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from portal import i18n


class SpokenEnvironment(Environment):
    """Flask's environment, and one of its kind for each language behind it."""

    spoken: Translations | None = None  # the catalogue that is compiled in; none in the one that Flask knows

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:  # noqa: A002 - Jinja's name
        if self.spoken is not None:
            return super()._load_template(name, globals)
        here = i18n.language()
        mine = self.__dict__.setdefault("by_language", {})
        if here not in mine:
            other = self.overlay()
            other.spoken = i18n.catalogue(here)
            mine[here] = other
        found: Template = mine[here]._load_template(name, globals)
        return found

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return _Said(self.spoken.ugettext).visit(tree) if self.spoken is not None else tree


class _Said(NodeTransformer):
    """`_("words")` becomes the words."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self._translate = translate

    def visit_Call(self, call: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(call)
        match call:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))], kwargs=[]):
                return nodes.Const(Markup(self._translate(text)) % {}, lineno=call.lineno)  # noqa: S704 - our own words
        return call
