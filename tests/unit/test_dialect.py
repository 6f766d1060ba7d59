"""Texts for SQLite as PostgreSQL takes them."""

import pytest

from mailcore.store.engine.dialect import spell_for_postgres


@pytest.mark.parametrize(
    ("sqlite", "postgres"),
    [
        ("SELECT a FROM t WHERE b=? AND c IN (?,?)", "SELECT a FROM t WHERE b=$1 AND c IN ($2,$3)"),
        ("UPDATE t SET a='what?' WHERE b=?", "UPDATE t SET a='what?' WHERE b=$1"),
        ("UPDATE t SET a='it''s max(1,2)?' WHERE b=?", "UPDATE t SET a='it''s max(1,2)?' WHERE b=$1"),
        ("SELECT uid FROM message INDEXED BY message_unseen WHERE a=?", "SELECT uid FROM message WHERE a=$1"),
        ("SELECT 1 FROM a CROSS JOIN b ON b.id=a.id", "SELECT 1 FROM a JOIN b ON b.id=a.id"),
        ("SELECT max(a), MIN(b) FROM t", "SELECT max(a), MIN(b) FROM t"),
        ("UPDATE t SET a=MAX(1,a-?)", "UPDATE t SET a=GREATEST(1, a-$1)"),
        (
            "SELECT max(COALESCE((SELECT max(id) FROM t),0), ?)",
            "SELECT GREATEST(COALESCE((SELECT max(id) FROM t),0), $1)",
        ),
        ("SELECT MAX(50, MIN(q*5/100, 200)) FROM t", "SELECT GREATEST(50, LEAST(q*5/100, 200)) FROM t"),
        ("SELECT 1 FROM t WHERE instr(lower(a), ?) > 0", "SELECT 1 FROM t WHERE position($1 IN lower(a)) > 0"),
        ("SELECT substr(a, instr(a,'@')+1) FROM t", "SELECT substr(a, position('@' IN a)+1) FROM t"),
        (
            "SELECT c.value FROM json_each(?) c JOIN t ON t.a=c.value",
            "SELECT c.value FROM (SELECT CAST(t.v AS BIGINT) AS value FROM json_array_elements_text(CAST($1 AS json))"
            " AS t(v)) AS c JOIN t ON t.a=c.value",
        ),
        ("SELECT a FROM t LIMIT -1 OFFSET ?", "SELECT a FROM t OFFSET $1"),
        ("SELECT a FROM t LIMIT ? /* skip locked */", "SELECT a FROM t LIMIT $1 FOR UPDATE SKIP LOCKED"),
        ("SELECT CAST(a AS INTEGER), CAST(b AS BLOB)", "SELECT CAST(a AS BIGINT), CAST(b AS BYTEA)"),
        (
            "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, b BLOB NOT NULL, n INTEGER) WITHOUT ROWID",
            "CREATE TABLE t (id BIGSERIAL NOT NULL PRIMARY KEY, b BYTEA NOT NULL, n BIGINT)",
        ),
        ("CREATE TABLE t (blob INTEGER NOT NULL PRIMARY KEY)", "CREATE TABLE t (blob BIGINT NOT NULL PRIMARY KEY)"),
    ],
)
def test_a_text_is_spelled_anew(sqlite: str, postgres: str):
    assert spell_for_postgres(sqlite) == postgres


def test_a_parenthesis_that_stays_open_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="is open"):
        spell_for_postgres("SELECT max(a, b")
