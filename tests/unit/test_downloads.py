"""Content-Disposition of any name whatever (RFC 6266), as readers and servers take it."""

import re
from urllib.parse import unquote
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from portal.downloads import content_disposition, name_file

ANY_TEXT = st.text(st.characters(), max_size=300) | st.text(
    st.sampled_from("\r\n\0 \"\\;=%'*/øå–😀\ud800ab."), max_size=40
)


@pytest.mark.parametrize(("name", "value"), [
    ("plan.pdf", "attachment; filename=plan.pdf"),
    ("min plan.pdf", 'attachment; filename="min plan.pdf"'),
    ("Report – 2025.pdf", "attachment; filename=\"Report _ 2025.pdf\"; filename*=UTF-8''Report%20%E2%80%93%202025.pdf"),
    ("møte.pdf", "attachment; filename=m_te.pdf; filename*=UTF-8''m%C3%B8te.pdf"),
    ("café.pdf", "attachment; filename=cafe.pdf; filename*=UTF-8''caf%C3%A9.pdf"),
    ("дом.pdf", "attachment; filename=___.pdf; filename*=UTF-8''%D0%B4%D0%BE%D0%BC.pdf"),
    ("50%41.txt", "attachment; filename=50_41.txt; filename*=UTF-8''50%2541.txt"),
    ('a"b\\c', "attachment; filename=a_b_c; filename*=UTF-8''a%22b%5Cc"),
    ("a\r\nX: y", 'attachment; filename="aX: y"'),
    ("\ud800.txt", "attachment; filename=_.txt; filename*=UTF-8''%EF%BF%BD.txt"),
    ("", "attachment; filename=file"),
])  # fmt: skip
def test_a_name_is_sent_as_the_standard_has_it(name, value):
    assert content_disposition(name) == value


def test_what_a_browser_may_show_is_inline():
    assert content_disposition("a.png", shown=True) == "inline; filename=a.png"


@given(ANY_TEXT)
def test_any_name_whatever_is_a_header_that_servers_take(name):
    value = content_disposition(name)
    assert re.fullmatch(r"[ -~]+", value)
    assert len(value) < 4000
    kind, options = parse_options_header(value)
    assert kind == "attachment"
    starred = re.search(r"filename\*=UTF-8''(\S+)\Z", value)
    read = unquote(starred[1], errors="strict") if starred else options["filename"]
    if name.strip() and not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", name) and len(name) < 200:
        assert read == name.strip()


@given(ANY_TEXT)
def test_any_name_whatever_goes_through_a_wsgi_server(name):
    response = Response(b"x", content_type="application/octet-stream")
    name_file(response, name)
    found, status, headers = run_wsgi_app(validator(response), EnvironBuilder().get_environ(), buffered=True)
    assert (b"".join(found), status) == (b"x", "200 OK")
    headers["Content-Disposition"].encode("latin-1")
