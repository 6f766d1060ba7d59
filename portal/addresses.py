"""Addresses of pages, each built once: a page of the webmail names thirty, and werkzeug takes 15 us for each."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import flask
from flask import Flask, Response, current_app, request

Value = Any  # whatever a route takes; only texts and numbers are remembered
MOST = 4096
_PLAIN = (str, int)
_ANY_METHOD = (301, 302)  # after which a browser may send the form once more


def register(app: Flask) -> None:
    """Templates and this module's `url_for` share one memory for the application."""

    @lru_cache(MOST)
    def built(_root: str, endpoint: str, *values: tuple[str, type, Value]) -> str:
        return flask.url_for(endpoint, **{name: value for name, _kind, value in values})

    app.extensions["addresses"] = built
    app.jinja_env.globals["url_for"] = url_for
    app.after_request(_see_other)


def _see_other(response: Response) -> Response:
    """Lead on from a form with 303: what comes next is looked at, and never sent again (RFC 9110 section 15.4.4)."""
    if request.method == "POST" and response.status_code in _ANY_METHOD:
        response.status_code = 303
    return response


def url_for(endpoint: str, **values: Value) -> str:
    """As Flask's.  The address of a file changes with its content, and a whole address with the host that was asked for."""
    if endpoint == "static" or any(name[0] == "_" or type(value) not in _PLAIN for name, value in values.items()):
        return flask.url_for(endpoint, **values)
    built = cast(Callable[..., str], current_app.extensions["addresses"])
    return built(request.root_path, endpoint, *((name, type(value), value) for name, value in values.items()))


def safe_next(target: str, otherwise: str) -> str:
    """Only a path on this host; `//evil` and `/\\evil` are other hosts to a browser."""
    good = target.startswith("/") and target[1:2] not in ("/", "\\") and not any(ord(c) < 33 for c in target)
    return target if good else otherwise
