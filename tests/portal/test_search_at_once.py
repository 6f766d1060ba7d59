"""The first search of an account that no index knows: exact, and quick (S30)."""

from datetime import timedelta

import pytest

from mailcore.mail.asking.criteria import AllOf, Body, Not, Text, Uids
from mailcore.services.webmail import indexing, mail_search
from mailcore.store.mail import query
from tests.portal.mailing import letter, put
from tests.processor import costs_under
from tests.unit.test_raw_look import RARE, Corpus

MANY = 1000


@pytest.fixture
def filled(core, ola):
    """Messages of usual kinds, one of which has a rare word; no index knows them."""
    corpus = Corpus((1000, 3000))
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive"))
    ready = [core.blobs.prepare(corpus.message(number)) for number in range(1000, 1000 + MANY)]
    at = core.clock.now()
    core.db.write(
        lambda tx: [
            core.mail.append(tx, ola.id, box.id, one, frozenset(), at + timedelta(n)) for n, one in enumerate(ready)
        ]
    )
    uid = put(core, ola, letter(text=f"Vi ses ved {RARE.title()}."), "Archive")
    assert not core.search.path(ola.id).exists()
    return box, uid


def found(core, box, criterion) -> list[int]:
    plan = query.plan(AllOf((Uids(((1, 2**32),)), criterion)))
    hits = core.search.hits(box.account, plan.texts)
    rows = core.db.read(lambda tx: plan.narrow(tx, box.id))
    return core.db.read(lambda tx: plan.confirm(tx, core.blobs, rows, hits))


def test_a_rare_word_is_found_before_there_is_an_index(core, ola, filled):
    box, uid = filled
    result = mail_search.search(core, ola.id, mail_search.parse(RARE))
    assert ([hit.line.uid for hit in result.hits], result.unread) == ([uid], 0)
    assert found(core, box, Body(RARE.upper())) == [uid]
    assert found(core, box, AllOf((Text(RARE.upper()), Not(Body("SES VED"))))) == []


def test_it_costs_a_fraction_of_reading_all_texts(core, ola, filled):
    """Reading them costs half a second and more; a look at their octets a tenth of it."""
    with costs_under(0.25):
        mail_search.search(core, ola.id, mail_search.parse(RARE))


def mark_all(core) -> int:
    count = 0
    while marked := indexing.mark_texts(core):
        count += marked
    return count


def test_with_marks_a_thousand_messages_cost_a_few_milliseconds(core, ola, filled):
    box, uid = filled
    assert mark_all(core) > MANY
    assert mark_all(core) == 0
    with costs_under(0.02):
        result = mail_search.search(core, ola.id, mail_search.parse(RARE))
    assert ([hit.line.uid for hit in result.hits], result.unread) == ([uid], 0)
    assert found(core, box, AllOf((Text(RARE.upper()), Not(Body("SES VED"))))) == []


def test_what_came_after_the_last_mark_is_found(core, ola, filled):
    mark_all(core)
    put(core, ola, letter(2, text=f"Igjen {RARE}"), "Archive")
    assert len(mail_search.search(core, ola.id, mail_search.parse(RARE)).hits) == 2


def test_marks_of_an_earlier_reading_rule_nothing_out_and_are_made_anew(core, ola, filled):
    count = mark_all(core)
    core.db.write(lambda tx: tx.run("UPDATE text_mark SET version=version-1, mark=?", bytes(64)))
    core.db.write(lambda tx: tx.run("UPDATE setting SET value='1:999999' WHERE key='text_marks'"))
    assert len(mail_search.search(core, ola.id, mail_search.parse(RARE)).hits) == 1
    assert mark_all(core) == count
    assert len(mail_search.search(core, ola.id, mail_search.parse(RARE)).hits) == 1


@pytest.mark.parametrize("is_marked", [False, True])
def test_a_word_of_the_trace_alone_is_found(core, ola, is_marked):
    """Trace fields stand before the octets of a message, in a row of their own."""
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive"))
    prepared = core.blobs.prepare(letter())
    prefix = b"X-Trace: kvernbekk\r\n"
    uid = core.db.write(
        lambda tx: core.mail.append(tx, ola.id, box.id, prepared, frozenset(), core.clock.now(), prefix=prefix)
    )
    if is_marked:
        mark_all(core)
    assert found(core, box, Text(RARE.upper())) == [uid]
    assert found(core, box, Body(RARE.upper())) == []
