"""reject and ereject (RFC 5429)."""

from collections.abc import Callable

from sieve.actions import Ereject, Reject
from sieve.builder import Builder, CommandDef, Extension
from sieve.interpreter import State, Step
from sieve.signature import Bound, Kind, Signature


def _refusal(action: type[Reject] | type[Ereject]) -> Callable[[Builder, Bound], Step]:
    def built(build: Builder, bound: Bound) -> Step:
        reason = build.text(bound.string("reason"), bound.line)

        def refuse(state: State) -> None:
            state.add(action(reason(state)))
            state.implicit_keep = False

        return refuse

    return built


_SIGNATURE = Signature((("reason", Kind.STRING),))

REJECT = Extension("reject", commands={"reject": CommandDef(_SIGNATURE, _refusal(Reject))})
EREJECT = Extension("ereject", commands={"ereject": CommandDef(_SIGNATURE, _refusal(Ereject))})
