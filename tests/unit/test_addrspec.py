"""Local parts as they are written and as they mean (RFC 5321 section 4.1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sieve.addrspec import AddrSpec, comparable, normal_address, quoted_local, read_addr_spec, unquoted_local


@pytest.mark.parametrize(("written", "normal"), [
    ("user21@b.example", "user21@b.example"), ('"user21"@b.example', "user21@b.example"),
    ('"us\\er21"@b.example', "user21@b.example"), ('"\\u\\s\\e\\r"@b.example', "user@b.example"),
    ('user."21"@b.example', "user.21@b.example"), ('"user".21@b.example', "user.21@b.example"),
    ('"ola+news"@b.example', "ola+news@b.example"), ('"ø"@b.example', "ø@b.example"),
    ('"a\\"b"@b.example', '"a\\"b"@b.example'), ('"a\\\\b"@b.example', '"a\\\\b"@b.example'),
    ('"a b"@b.example', '"a b"@b.example'),
    ('"\\a b"@b.example', '"a b"@b.example'), ('"a@b"@b.example', '"a@b"@b.example'), ('"a..b"@b.example', '"a..b"@b.example'),
    ('""@b.example', '""@b.example'), ("a..b@b.example", "a..b@b.example"), ('"a"b@b.example', '"a"b@b.example'),
    ("postmaster", "postmaster"), ("", ""), ('"a', '"a'),
])  # fmt: skip
def test_a_local_part_is_quoted_only_where_it_must_be(written, normal):
    assert normal_address(written) == normal
    assert normal_address(normal) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"User21"@B.example', "user21@b.example"),
        ('"a b"@b.example', '"a\\ b"@b.example'),
        ('"a..b"@b.example', "a..b@b.example"),
    ],
)
def test_one_mailbox_compares_equal_however_it_is_written(one, other):
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize("text", [
    "", "a", "@b.example", "a@", "a b@c.example", '"a"b@c.example', '"a\n"@c.example', "a@b@c.example",
])  # fmt: skip
def test_what_is_no_address(text):
    assert read_addr_spec(text) is None


LOCALS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)


@given(LOCALS)
def test_what_was_quoted_is_read_again(local):
    written = quoted_local(local)
    assert unquoted_local(written) == local
    assert read_addr_spec(f"{written}@b.example") == AddrSpec(local, "b.example")
    assert normal_address(f"{written}@b.example") == f"{written}@b.example"


@given(st.text(max_size=40))
def test_anything_is_read_or_left_alone(text):
    assert normal_address(normal_address(text)) == normal_address(text)
    comparable(text)
