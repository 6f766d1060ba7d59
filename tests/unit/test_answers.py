"""Answers that are remembered: found again by their question, and bounded whatever the question's length."""

from mailcore.store.mail.answers import OVERHEAD, Answers


def test_an_answer_is_found_by_an_equal_question():
    answers = Answers()
    answers.put((1, 7, ("æ\udc80", frozenset({"a"}))), b"one")
    answers.put((1, 7, ("æ\udc80", frozenset({"a"}))), b"two")
    assert answers.get((1, 7, ("æ\udc80", frozenset({"a"})))) == b"two"
    assert answers.get((1, 8, ("æ\udc80", frozenset({"a"})))) is None


def test_the_answers_that_were_not_asked_for_longest_go_first():
    answers = Answers(max_octets=2 * (OVERHEAD + 1))
    for number in (1, 2):
        answers.put(number, b"x")
    assert answers.get(1) == b"x"
    answers.put(3, b"x")
    assert [answers.get(number) for number in (1, 2, 3)] == [b"x", None, b"x"]


def test_a_long_question_is_not_kept():
    answers = Answers()
    question = tuple((n, n) for n in range(20_000))
    answers.put(question, b"x")
    held = list(answers._known)
    assert [len(key) for key in held] == [32]
