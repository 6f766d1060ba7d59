"""One SQL text, two engines: the texts of this program as PostgreSQL reads them.

Texts are written for SQLite, in words that mean the same on both (docs/decisions/024 lists them).  A few things have
another spelling there, or none, and these alone are spelled anew here, once for each text: marks of parameters, hints to
SQLite's planner, `max` and `min` of several values, `instr`, `json_each`, an OFFSET without a LIMIT, locks of rows, and types of
columns.
"""

import re
from collections.abc import Callable
from functools import cache

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_HELD = re.compile(r"\x00(\d+)\x00")
_CALL = re.compile(r"\b(max|min|instr)\(", re.IGNORECASE)
_DEFINES = re.compile(r"\s*(?:CREATE|ALTER)\s", re.IGNORECASE)
_JSON = "FROM (SELECT CAST(t.v AS BIGINT) AS value FROM json_array_elements_text(CAST(? AS json)) AS t(v)) AS "
_SPELLINGS = (
    (re.compile(r" INDEXED BY \w+"), ""),  # a hint
    (re.compile(r"/\* skip locked \*/"), "FOR UPDATE SKIP LOCKED"),  # rows that another transaction is about to claim
    (re.compile(r"\bCROSS JOIN\b"), "JOIN"),  # the order of a join, for SQLite's planner; each has its ON
    (re.compile(r"\bFROM json_each\(\?\) ([a-z]\w*)\b"), _JSON + r"\1"),
    (re.compile(r"\bFROM json_each\(\?\)"), _JSON + "elements"),
    (re.compile(r"\bLIMIT -1 OFFSET\b"), "OFFSET"),
    (re.compile(r"\bAS INTEGER\)"), "AS BIGINT)"),
    (re.compile(r"\bAS BLOB\)"), "AS BYTEA)"),
)
_TYPES = (
    (re.compile(r"\bid INTEGER NOT NULL PRIMARY KEY(?: AUTOINCREMENT)?"), "id BIGSERIAL NOT NULL PRIMARY KEY"),
    (re.compile(r"\b(?:INTEGER|INT)\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r" WITHOUT ROWID\b"), ""),
)


@cache
def spell_for_postgres(sql: str) -> str:
    """Return the text as PostgreSQL takes it, with `$1` for the first `?`."""
    literals: list[str] = []

    def hold(literal: re.Match[str]) -> str:
        literals.append(literal[0])
        return f"\x00{len(literals) - 1}\x00"

    text = _LITERAL.sub(hold, sql)
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    if _DEFINES.match(text):
        for pattern, spelling in _TYPES:
            text = pattern.sub(spelling, text)
    text = _number(_spell_calls(text))
    return _HELD.sub(lambda held: literals[int(held[1])], text)


def _number(text: str) -> str:
    """Give each mark its number."""
    first, *others = text.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))


def _spell_calls(text: str) -> str:
    start = 0
    while call := _CALL.search(text, start):
        end, values = _values(text, call.end())
        spelled = _CALLS[call[1].lower()](values)
        if spelled is None:  # max and min of one value are aggregates
            start = call.end()
        else:
            text, start = text[: call.start()] + spelled + text[end:], call.start()
    return text


def _values(text: str, at: int) -> tuple[int, list[str]]:
    """Return where the call that opened before `at` ends, and its values."""
    depth, begin, values = 1, at, list[str]()
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth or (depth == 1 and text[place] == ","):
            values.append(text[begin:place].strip())
            begin = place + 1
        if not depth:
            return begin, values
    raise ValueError(f"a parenthesis is open: {text}")


def _of_several(name: str) -> Callable[[list[str]], str | None]:
    return lambda values: f"{name}({', '.join(values)})" if len(values) > 1 else None


_CALLS: dict[str, Callable[[list[str]], str | None]] = {
    "max": _of_several("GREATEST"),
    "min": _of_several("LEAST"),
    # of text and of octets
    "instr": lambda values: f"position({values[1]} IN {values[0]})",
}
