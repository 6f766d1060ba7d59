"""spamtest, spamtestplus and virustest (RFC 5235): what checkers before us found."""

from collections.abc import Callable

from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State
from sieve.signature import Bound, Kind, Signature, TagSpec


def _test(value: Callable[[State, bool], str]) -> Callable[[Builder, Bound], Check]:
    def built(build: Builder, bound: Bound) -> Check:
        matcher = build.matcher(bound, (bound.string("value"),))
        percent = "percent" in bound.tags

        def check(state: State) -> bool:
            if bound.one_of("count"):  # section 2.2: nothing was tested, nothing is counted
                return matcher(state, () if value(state, False) == "0" else ("1",))
            return matcher(state, (value(state, percent),))

        return check

    return built


def _spam(state: State, percent: bool) -> str:
    score = state.message.spam_percent()
    if score is None:
        return "0"
    return str(round(score)) if percent else str(1 + round(score * 9 / 100))


def _virus(state: State, _percent: bool) -> str:
    return str(state.message.virus_level())


_SIGNATURE = Signature((("value", Kind.STRING),), families=("match",))
SPAM = Extension("spamtest", tests={"spamtest": TestDef(_SIGNATURE, _test(_spam))})
SPAM_PLUS = Extension("spamtestplus", tags={"spamtest": {"percent": TagSpec()}}, implies=("spamtest",))
VIRUS = Extension("virustest", tests={"virustest": TestDef(_SIGNATURE, _test(_virus))})
