"""CWE-755, CWE-209: whatever fails, a page says so, and says nothing of the inside."""

from typing import NoReturn

import pytest
from flask import Flask
from flask.signals import request_started

from portal import create_app, errors, i18n
from tests.attacks.portal.conftest import Site


@pytest.fixture
def app(site: Site) -> Flask:
    return create_app(site.core)


def _broken(*_args: object, **_more: object) -> NoReturn:
    raise RuntimeError("a secret of the inside")


@pytest.mark.parametrize(
    "path", ["/nothing", "/login", "/mail/", "/static/none.css", "/tickets/link/x", "/?endpoint=x&_method=POST"]
)
def test_a_page_answers_where_no_page_can_be_made(app: Flask, path: str) -> None:
    """The menus and banners of every page are broken, the error page's too."""
    app.context_processor(_broken)
    answer = app.test_client().get(path)
    assert "secret" not in answer.text
    if answer.status_code >= 400:
        assert answer.text == errors.LAST_PAGE


@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_it_answers_where_even_the_language_is_not_known(
    app: Flask, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(i18n, "choose_language", _broken)
    monkeypatch.setattr(i18n, "language", _broken)
    answer = getattr(app.test_client(), method)("/nothing")
    assert answer.status_code in (400, 404, 500)
    assert answer.text == errors.LAST_PAGE


def test_it_answers_where_no_session_can_be_opened(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(app.session_interface), "open_session", _broken)
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.text) == (500, errors.LAST_PAGE)


def test_it_answers_where_the_framework_itself_fails(app: Flask) -> None:
    with request_started.connected_to(_broken, app):
        answer = app.test_client().get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "query", ["endpoint=x", "_method=POST", "values=1", "self=1", "_anchor=a", "_scheme=x", "_external=1", "filename=x"]
)
@pytest.mark.parametrize("path", ["/", "/faq", "/login", "/help", "/nothing", "/order", "/clients"])
def test_a_query_names_no_part_of_an_address(site: Site, path: str, query: str) -> None:
    """CWE-915: the links to the page's other languages keep the query as it is."""
    answer = site.app.test_client().get(f"{path}?{query}")
    assert answer.status_code == (404 if path == "/nothing" else 200)
    if path != "/nothing":
        assert f'href="{path}?{query}&amp;lang=nn"' in answer.text


def test_what_is_not_taken_says_what_is(site: Site) -> None:
    answer = site.app.test_client().put("/faq")
    assert answer.status_code == 405
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))
