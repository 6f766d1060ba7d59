"""Read what a request says, once for all views: texts are Unicode scalar values without NUL, numbers have bounds.

Nothing in here raises: what is not a number is the number that the caller falls back on, and what cannot be in an address
is a page that does not exist.
"""

import io
import re
from collections.abc import Callable
from typing import IO, Any

from flask import g
from flask_babel import gettext as _
from htmx_flask.extension import HtmxAwareRequest
from werkzeug.datastructures import Authorization, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.routing import BaseConverter, Map, PathConverter, UnicodeConverter
from werkzeug.utils import cached_property
from wtforms import IntegerField

from mailcore.config import SMALL_BODY
from mailcore.mail.reading.charsets import to_scalars

DIGITS = 18  # of the largest number: it fits into 64 bits wherever it goes
_NUMBER = re.compile(rf"[0-9]{{1,{DIGITS}}}")
_QUERY = re.compile(r"\?[!-~]{0,2000}")


def number(text: str | None, otherwise: int = 0) -> int:
    """A number in ASCII digits, of at most 18 of them; anything else is `otherwise`."""
    text = (text or "").strip()
    return int(text) if _NUMBER.fullmatch(text) else otherwise


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None


def query(text: str) -> str:
    """The part of an address from `?` on, as a form brings it back; "" for what may not stand in a Location field."""
    return text if _QUERY.fullmatch(text) else ""


def _scalars(values: MultiDict[str | None, str]) -> ImmutableMultiDict[str, str]:
    """Drop what has no name: a part of a multipart form may come without (RFC 7578 section 4.2 forbids it)."""
    return ImmutableMultiDict(
        (to_scalars(name), to_scalars(value)) for name, value in values.items(multi=True) if name is not None
    )


class _Parser(FormDataParser):
    """werkzeug's, which would read a form without files at once, however long it is, and count none of its fields."""

    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, Any]]:  # Any: werkzeug's own signature
        octets = _read(stream, SMALL_BODY)
        if self.max_form_parts is not None and octets.count(b"&") >= self.max_form_parts:
            raise RequestEntityTooLarge
        return super()._parse_urlencoded(io.BytesIO(octets), mimetype, content_length, options)


def _read(stream: IO[bytes], most: int) -> bytes:
    """All of it.  Raises RequestEntityTooLarge."""
    octets = bytearray()
    while piece := stream.read(most + 1 - len(octets)):
        octets += piece
        if len(octets) > most:
            raise RequestEntityTooLarge
    return bytes(octets)


class PortalRequest(HtmxAwareRequest):  # type: ignore[misc]  # htmx-flask has no types
    """Flask's request; its query and form are scalar texts, and a form is what browsers send as one.

    Flask-WTF would take a JSON body for a form too: values of any type in fields that are texts.
    """

    is_json = False
    form_data_parser_class = _Parser

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Open the stream that a file in a form is written to (portal/bodies.py)."""
        make: Callable[[], IO[bytes]] | None = g.get("file_stream")
        return (
            make() if make else super()._get_file_stream(total_content_length, content_type, filename, content_length)
        )

    @cached_property
    def args(self) -> ImmutableMultiDict[str, str]:
        return _scalars(super().args)

    @cached_property
    def authorization(self) -> Authorization | None:
        """None also for what is not ASCII, at which werkzeug fails (RFC 9110 section 11.4)."""
        return super().authorization if self.headers.get("Authorization", "").isascii() else None

    def _load_form_data(self) -> None:
        if "form" not in self.__dict__:
            super()._load_form_data()
            self.__dict__["form"] = _scalars(self.__dict__["form"])


class NumberField(IntegerField):  # type: ignore[misc]  # wtforms has no types
    """wtforms' field, for numbers that fit into the database."""

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        if not is_number(valuelist[0]):
            self.data = None
            raise ValueError(_("This is not a number."))
        self.data = number(valuelist[0])


class _Text(UnicodeConverter):
    def to_python(self, value: str) -> str:
        return to_scalars(value)


class _Path(PathConverter):
    def to_python(self, value: str) -> str:
        return to_scalars(value)


class _Number(BaseConverter):
    """`<int:...>`: longer ones name nothing here, so their address is not found."""

    regex = rf"[0-9]{{1,{DIGITS}}}"
    weight = 50

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: Any) -> str:  # Any: werkzeug's own signature
        return str(int(value))


def converters(map_: Map) -> None:
    """The site's routes read their addresses by these."""
    map_.converters.update({"default": _Text, "string": _Text, "path": _Path, "int": _Number})
