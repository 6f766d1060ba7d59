"""A client's view of its mailbox stays in step with the mailbox, whatever happens there."""

from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap.view import View

steps = st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 30), st.booleans()), max_size=40)


@given(st.sets(st.integers(1, 20), max_size=8), steps)
def test_a_client_that_only_listens_stays_in_step(start, history):
    view, client, truth, top = View(start), sorted(start), sorted(start), 20
    for what, pick, may_expunge in history:
        added, removed = [], []
        if what == "add":
            top += 1
            truth.append(top)
            added.append(top)
        elif truth:
            removed.append(truth.pop(pick % len(truth)))
        else:
            continue
        for told in view.apply(added, removed, may_expunge=may_expunge):
            _, number, word = told.split()
            if word == b"EXPUNGE":
                assert may_expunge
                del client[int(number) - 1]
            else:
                client += [None] * (int(number) - len(client))
        assert len(client) == len(view.uids)
    view.apply(may_expunge=True)
    assert list(view.uids) == truth


@given(st.sets(st.integers(1, 50), max_size=20), st.sets(st.integers(1, 50), max_size=20))
def test_many_removals_at_once_keep_the_numbers_right(start, gone):
    view, client = View(start), sorted(start)
    for told in view.apply(removed=gone, may_expunge=True):
        del client[int(told.split()[1]) - 1]
    assert client == list(view.uids) == sorted(start - gone)


def test_a_message_that_came_and_went_is_never_told():
    assert View([1]).apply(added=[2], removed=[2], may_expunge=True) == []


@given(st.sets(st.integers(1, 9), max_size=6), st.lists(st.integers(10, 19), max_size=8, unique=True), st.data())
def test_what_came_and_went_beside_others_that_stay_is_never_told(start, added, data):
    """A bug: EXPUNGE named a message that EXISTS had not told of yet."""
    view, client = View(start), sorted(start)
    removed = data.draw(st.sets(st.sampled_from(sorted({*start, *added})), max_size=8)) if start or added else set()
    for told in view.apply(added, removed, may_expunge=True):
        _, number, word = told.split()
        if word == b"EXPUNGE":
            del client[int(number) - 1]
        else:
            client += [None] * (int(number) - len(client))
    assert len(client) == len(view.uids)
    assert list(view.uids) == sorted({*start, *added} - removed)
    assert not view.holding
