"""The check at the end of every test run: SQL that PostgreSQL would refuse is reported with its place."""

import pytest

from tests import postgres_server
from tests.sql_texts import is_checked, problems, type_of


@pytest.mark.skipif(postgres_server.programs() is None, reason="no PostgreSQL server is installed")
def test_a_text_that_is_sqlites_alone_is_told_with_its_place():
    texts = {
        "SELECT id FROM account WHERE name=? AND quota>?": (["text", "int8"], "mailcore/store/good.py:1"),
        "SELECT id FROM account WHERE quota AND name=?": (["text"], "mailcore/store/bad.py:2"),
        "INSERT OR REPLACE INTO setting (key,value) VALUES (?,?)": (["text", "text"], "mailcore/store/worse.py:3"),
    }
    first, second = sorted(problems(texts))
    assert first.startswith("mailcore/store/bad.py:2: argument of AND must be type boolean")
    assert second.startswith("mailcore/store/worse.py:3: syntax error")


@pytest.mark.parametrize(
    ("text", "place", "checked"),
    [
        ("SELECT 1", "/x/mailcore/store/a.py:1", True),
        ("SELECT 1", "/x/tests/services/test_a.py:1", False),
        ("SELECT 1", "/x/mailcore/store/migrations/0001_first.py:1", False),
        ("PRAGMA user_version", "/x/mailcore/store/a.py:1", False),
    ],
)
def test_texts_of_the_product_are_looked_at(text: str, place: str, checked: bool):
    assert is_checked(text, place) is checked


@pytest.mark.parametrize(
    ("value", "kind"), [(1, "int8"), (True, "int8"), ("a", "text"), (b"a", "bytea"), (None, "unknown"), (1.5, "float8")]
)
def test_parameters_have_a_type(value: object, kind: str):
    assert type_of(value) == kind
