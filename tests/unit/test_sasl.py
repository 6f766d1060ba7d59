"""SCRAM against the worked example of RFC 7677 section 3, and what an attacker might send."""

from base64 import b64decode

import pytest

from mailcore.wire import sasl
from mailcore.wire.reader import SyntaxProblem

SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="


def exchange(bindings=None, *, plus=False):
    return sasl.Scram(bindings or {}, plus=plus, nonce="%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")


def test_the_example_of_the_rfc():
    scram, verifier = exchange(), sasl.Verifier.derive("pencil", SALT, 4096)
    assert scram.first(FIRST) == "user"
    assert scram.challenge(SALT, 4096) == (
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    other = sasl.Verifier.derive("another", SALT, 4096)
    assert scram.final(FINAL, [other, verifier]) == (1, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_a_wrong_password_fits_nothing():
    scram = exchange()
    scram.first(FIRST)
    scram.challenge(SALT, 4096)
    assert scram.final(FINAL, [sasl.Verifier.derive("pen", SALT, 4096)]) is None


@pytest.mark.parametrize("message", [
    b"", b"n,,n=user", b"n,a=root,n=user,r=x", b"p=tls-unique,,n=user,r=x", b"n,,n=us=er,r=x", b"n,,m=x,n=user,r=x",
    b"n,,n=\xff,r=x", b"x,,n=user,r=x",
])  # fmt: skip
def test_what_is_no_first_message_is_a_syntax_problem(message):
    with pytest.raises(SyntaxProblem):
        exchange().first(message)


def test_a_client_that_was_told_of_no_channel_binding_though_we_have_one_is_refused():
    with pytest.raises(SyntaxProblem, match="offered here"):
        exchange({"tls-server-end-point": b"x"}).first(b"y,,n=user,r=x")


@pytest.mark.parametrize(
    "message",
    [
        b"c=biws,r=other,p=AAAA",
        FINAL.replace(b"biws", b"eSws"),
        FINAL.replace(b"dHzb", b"dHz"),
        b"p=x",
        b"c=biws,r=x",
    ],
)
def test_a_final_message_of_another_conversation_is_refused(message):
    scram = exchange()
    scram.first(FIRST)
    scram.challenge(SALT, 4096)
    with pytest.raises(SyntaxProblem):
        scram.final(message, [sasl.Verifier.derive("pencil", SALT, 4096)])


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (b"n,a=ola=2Cx,\1host=h\1auth=Bearer abc.def\1\1", sasl.Bearer("ola,x", "abc.def")),
        (b"n,,\1auth=bearer t0k~n==\1\1", sasl.Bearer("", "t0k~n==")),
    ],
)
def test_a_bearer_token_is_read(message, read):
    assert sasl.bearer(message) == read
    assert read.token not in repr(read)


@pytest.mark.parametrize(
    "message", [b"", b"n,,\1\1", b"n,,\1auth=Basic abc\1\1", b"y,,\1auth=Bearer a b\1\1", b"\1auth=Bearer a\1"]
)
def test_what_is_no_bearer_token_is_refused(message):
    with pytest.raises(SyntaxProblem):
        sasl.bearer(message)
