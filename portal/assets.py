"""Static files: addresses that change with the content, so that browsers keep them for a year; pages and files compressed.

Secrets of a page (the CSRF token) are masked anew in each answer by Flask-WTF, so compression tells nothing of them (BREACH).
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

YEAR = 365 * 86_400
SMALL = 600  # octets; less is not worth it
LEVEL = 3  # two thirds of the time of 5, for pages 7 % larger
_TEXT = ("text/", "application/xml", "application/json", "image/svg+xml", "application/javascript")


@cache
def _version(path: Path, _modified_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


@cache
def _packed(octets: bytes) -> bytes:
    """Compress a static file; there are few of them."""
    return gzip.compress(octets, 9, mtime=0)


def register(app: Flask) -> None:
    folder = Path(app.static_folder or "")

    def with_version(endpoint: str, values: dict[str, Any]) -> None:  # Any: Flask's own signature
        if endpoint == "static" and "v" not in values:
            path = folder / values["filename"]
            if path.is_file():
                values["v"] = _version(path, path.stat().st_mtime_ns)

    app.url_defaults(with_version)
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    if request.endpoint == "static" and request.args.get("v") and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    if not (response.mimetype or "").startswith(_TEXT) or "Content-Encoding" in response.headers:
        return response
    if response.status_code in (204, 206, 304) or (response.is_streamed and not response.direct_passthrough):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] <= 0 or request.method == "HEAD":
        return response
    response.direct_passthrough = False  # a static file: read it whole
    octets = response.get_data()
    if len(octets) >= SMALL:
        static = request.endpoint == "static"
        response.set_data(_packed(octets) if static else gzip.compress(octets, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
        if response.headers.get("ETag"):
            response.headers["ETag"] = "W/" + response.headers["ETag"].removeprefix("W/")
    return response
