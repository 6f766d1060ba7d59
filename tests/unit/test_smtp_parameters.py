"""Parameters of MAIL and RCPT (RFC 1870, RFC 3461, RFC 6531, RFC 8689)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp import parameters
from mailcore.smtp.parameters import Mail, Rcpt, Refused


@pytest.mark.parametrize(("said", "meant"), [
    ("FROM:<>", Mail("")),
    ("from:<a@b.example>", Mail("a@b.example")),
    ("FROM: <a@b.example> SIZE=12 BODY=8BITMIME", Mail("a@b.example", 12)),
    ("FROM:<a@b.example> ret=hdrs ENVID=QQ+2B1", Mail("a@b.example", ret="HDRS", envid="QQ+1")),
    ("FROM:<a@b.example> RET=FULL SMTPUTF8 REQUIRETLS AUTH=<>", Mail("a@b.example", None, True, True, "FULL")),
    ("FROM:<ø@b.example> SMTPUTF8", Mail("ø@b.example", smtputf8=True)),
    ('FROM:<"a\\"b"@b.example>', Mail('"a\\"b"@b.example')), ('FROM:<"a b"@b.example> SIZE=1', Mail('"a b"@b.example', 1)),
    ('FROM:<"user21"@b.example>', Mail("user21@b.example")), ('FROM:<"<>@, :"@b.example>', Mail('"<>@, :"@b.example')),
    ("FROM:<@c.example,@d.example:a@b.example>", Mail("a@b.example")),
    ("FROM:<a@b.example.>", Mail("a@b.example")),
    ('FROM:<@c.example:"a:b"@b.example>', Mail('"a:b"@b.example')),
    ("FROM:<" + "x" * 200 + "@b.example>", Mail("x" * 200 + "@b.example")),
    ("FROM:<" + "x" * 243 + "@bb.example>", Mail("x" * 243 + "@bb.example")),
])  # fmt: skip
def test_mail(said, meant):
    assert parameters.parse_mail(said, tls=True) == meant


@pytest.mark.parametrize(("said", "code"), [
    ("FROM:<a@b.example> RET=SOME", "501"), ("FROM:<a@b.example> ENVID=a=b", "501"),
    ("FROM:<a@b.example> ENVID=a+0D+0Ab", "501"), ("FROM:<a@b.example> ENVID=" + "x" * 101, "501"),
    ("FROM:<a@b.example> BODY=BINARYMIME", "501"), ("FROM:<a@b.example> NOTIFY=NEVER", "555"),
    ("FROM:<a@b.example> SMTPUTF8=yes", "501"), ("TO:<a@b.example>", "501"), ("FROM:<a b@c.example>", "501"),
    ("FROM:<" + "x" * 244 + "@bb.example>", "501"), ("FROM:<" + "ø" * 125 + "@b.example> SMTPUTF8", "501"),
    ('FROM:<"a"b"@c.example>', "501"), ('FROM:<"a"b@c.example>', "501"), ('FROM:<"a@c.example>', "501"),
    ('FROM:<"a\\"@c.example>', "501"),
    ("FROM:", "501"), ("FROM:a@b.example>", "501"), ("FROM:<a@b.example", "501"), ("FROM:<a@.>", "501"),
    ('FROM:<"a"@>', "501"), ("FROM:<a@b@c.example>", "501"), ("FROM:<@c.example>", "501"),
])  # fmt: skip
def test_mail_is_refused(said, code):
    with pytest.raises(Refused, match=f"^{code} "):
        parameters.parse_mail(said, tls=True)


def rcpt(said: str) -> Rcpt:
    return parameters.parse_rcpt(said, postmaster="postmaster@alumni.example", smtputf8=False)


@pytest.mark.parametrize(("said", "meant"), [
    ("TO:<a@b.example>", Rcpt("a@b.example")),
    ("TO:<Postmaster>", Rcpt("postmaster@alumni.example")), ('TO:<"postmaster">', Rcpt("postmaster@alumni.example")),
    ('TO:<"user21"@b.example>', Rcpt("user21@b.example")), ('TO:<"us\\er21"@b.example>', Rcpt("user21@b.example")),
    ('TO:<user."21"@b.example> NOTIFY=NEVER', Rcpt("user.21@b.example", "NEVER")),
    ("TO:<a@b.example> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2Bx@c.example",
     Rcpt("a@b.example", "SUCCESS,DELAY", "rfc822;Bob+x@c.example")),
    ("TO:<a@b.example> NOTIFY=NEVER", Rcpt("a@b.example", "NEVER")),
])  # fmt: skip
def test_rcpt(said, meant):
    assert rcpt(said) == meant


@pytest.mark.parametrize("said", [
    "TO:<a@b.example> NOTIFY=NEVER,DELAY", "TO:<a@b.example> NOTIFY=", "TO:<a@b.example> NOTIFY=SUCCESS,SUCCESS",
    "TO:<a@b.example> ORCPT=a@b.example", "TO:<a@b.example> ORCPT=rfc822;a+0Ab", "TO:<a@b.example> ORCPT=rfc822;a+0ab",
    "TO:<a@b.example> ORCPT=rf c822;x", "TO:<a@b.example> RET=FULL", "TO:<>", "TO:<a>",
])  # fmt: skip
def test_rcpt_is_refused(said):
    if said.endswith("NOTIFY="):
        assert rcpt(said) == Rcpt("a@b.example")  # nothing asked
    else:
        with pytest.raises(Refused, match="^5"):
            rcpt(said)


@given(st.text())
def test_whatever_is_said_is_understood_or_refused(said):
    with contextlib.suppress(Refused):
        parameters.parse_mail("FROM:" + said, tls=False)
    with contextlib.suppress(Refused):
        rcpt("TO:" + said)
