"""Advice to a script's author."""

import pytest

from sieve import check_script, warnings


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ('if header :contains ["subject:", "to"] "x" { keep; }', ["subject:"]),
        ('if exists ["", "x y"] { keep; }', ["", "x y"]),
        ('require "mime"; if header :mime :param "a" "subject:" "x" { keep; }', ["subject:"]),
        ('if exists "to" { keep; }', []),
        ('require "variables"; if header "${1}:" "x" { keep; }', []),
        ('if header :is "to!" "a b" { keep; }', []),
    ],
)
def test_a_name_that_no_field_has(script, named):
    assert check_script(script) == []
    assert [str(one).partition("' is not the name")[0].partition("'")[2] for one in warnings(script)] == named
