"""As much of PromQL as our rules use, over samples of one moment: a second reader of deploy/monitoring beside Prometheus.

The grammar is Prometheus's own, by promql-parser; what is not known here raises, so that a rule cannot pass unread.  Counters are
taken to have begun at 0 within the range of a `rate`.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as grammar

Node = Any  # of promql_parser, which has no common type
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "count": lambda values: float(len(values)),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of one moment; `name` is "" in results."""

    name: str
    labels: frozenset[tuple[str, str]]
    value: float


def scraped(name: str, labels: dict[str, str], value: float, *, job: str = "alumnimail") -> Sample:
    """Return a sample as Prometheus saves it: labels of the target come to it, and ours of the same names are renamed."""
    ours = {(f"exported_{label}" if label in ("job", "instance") else label): text for label, text in labels.items()}
    return Sample(name, frozenset({**ours, "job": job, "instance": "mx:9099"}.items()), value)


def list_selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric that an expression names, with the labels that it asks for there."""
    waiting: list[Node] = [grammar.parse(expression)]
    while waiting:
        node = waiting.pop()
        match node:
            case grammar.VectorSelector():
                yield node.name, {matcher.name for matcher in node.matchers.matchers}
            case grammar.BinaryExpr():
                waiting += [node.lhs, node.rhs]
            case grammar.AggregateExpr() | grammar.ParenExpr():
                waiting.append(node.expr)
            case grammar.MatrixSelector():
                waiting.append(node.vector_selector)
            case grammar.Call():
                waiting += node.args
            case grammar.NumberLiteral():
                pass
            case _:
                raise NotImplementedError(f"{type(node)} in {expression}")


def list_grouping_labels(expression: str) -> set[str]:
    """Return the labels that the outermost aggregation leaves, if there is one."""
    node: Node = grammar.parse(expression)
    while isinstance(node, grammar.BinaryExpr | grammar.ParenExpr | grammar.Call):
        match node:
            case grammar.BinaryExpr():
                node = node.lhs
            case grammar.ParenExpr():
                node = node.expr
            case _:
                node = node.args[-1] if node.args else None
    return set(node.modifier.labels) if isinstance(node, grammar.AggregateExpr) and node.modifier else set()


def evaluate(expression: str, samples: Iterable[Sample], now: float) -> list[Sample]:
    """Return the vector that an expression is now."""
    result = _evaluate(grammar.parse(expression), list(samples), now)
    assert isinstance(result, list), f"{expression} is a number"
    return result


def _evaluate(node: Node, samples: list[Sample], now: float) -> list[Sample] | float:
    match node:
        case grammar.NumberLiteral():
            return float(node.val)
        case grammar.ParenExpr():
            return _evaluate(node.expr, samples, now)
        case grammar.VectorSelector():
            return [sample for sample in samples if sample.name == node.name and _matches(node, sample)]
        case grammar.Call() if node.func.name == "time":
            return float(now)
        case grammar.Call() if node.func.name == "rate":
            [of] = node.args
            seconds = of.range.total_seconds()
            return [
                Sample("", sample.labels, sample.value / seconds)
                for sample in samples
                if sample.name == of.vector_selector.name and _matches(of.vector_selector, sample)
            ]
        case grammar.Call() if node.func.name == "histogram_quantile":
            return _find_quantile(node.args[0].val, _evaluate(node.args[1], samples, now))
        case grammar.Call() if node.func.name == "vector":
            return [Sample("", frozenset(), float(node.args[0].val))]
        case grammar.AggregateExpr():
            return _aggregate(node, _evaluate(node.expr, samples, now))
        case grammar.BinaryExpr():
            return _combine(node, _evaluate(node.lhs, samples, now), _evaluate(node.rhs, samples, now))
        case _:
            raise NotImplementedError(type(node))


def _matches(node: Node, sample: Sample) -> bool:
    labels = dict(sample.labels)
    for matcher in node.matchers.matchers:
        if str(matcher.op) != "MatchOp.Equal":
            raise NotImplementedError(matcher.op)
        if labels.get(matcher.name, "") != matcher.value:
            return False
    return True


def _aggregate(node: Node, vector: list[Sample] | float) -> list[Sample]:
    assert isinstance(vector, list)
    labels = set(node.modifier.labels) if node.modifier else set()
    groups: dict[frozenset[tuple[str, str]], list[float]] = {}
    for sample in vector:
        groups.setdefault(frozenset(pair for pair in sample.labels if pair[0] in labels), []).append(sample.value)
    return [Sample("", group, _AGGREGATES[str(node.op)](values)) for group, values in groups.items()]


def _find_quantile(share: float, vector: list[Sample] | float) -> list[Sample]:
    """Find the upper bound of the bucket that a quantile falls into; Prometheus goes on to guess where within it."""
    assert isinstance(vector, list)
    groups: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
    for sample in vector:
        labels = dict(sample.labels)
        bound = float(labels.pop("le"))
        groups.setdefault(frozenset(labels.items()), []).append((bound, sample.value))
    found = []
    for group, buckets in groups.items():
        wanted = share * max(count for _, count in buckets)
        found += [Sample("", group, min(bound for bound, count in buckets if count >= wanted))] if wanted else []
    return found


def _combine(node: Node, left: list[Sample] | float, right: list[Sample] | float) -> list[Sample] | float:
    operation = str(node.op)
    if operation in ("or", "unless"):
        assert isinstance(left, list)
        assert isinstance(right, list)
        if operation == "unless":
            taken = {sample.labels for sample in right}
            return [sample for sample in left if sample.labels not in taken]
        taken = {sample.labels for sample in left}
        return left + [sample for sample in right if sample.labels not in taken]
    if operation in _ARITHMETIC:
        compute = _ARITHMETIC[operation]
        if isinstance(left, float) and isinstance(right, float):
            return compute(left, right)
        return [Sample("", labels, compute(one, other)) for labels, one, other, _ in _pair(left, right)]
    compare = _COMPARISONS[operation]
    return [sample for _, one, other, sample in _pair(left, right) if compare(one, other)]


def _pair(
    left: list[Sample] | float, right: list[Sample] | float
) -> Iterator[tuple[frozenset[tuple[str, str]], float, float, Sample]]:
    """Yield the labels, both values and the sample that a comparison keeps."""
    if isinstance(left, float):
        assert isinstance(right, list)
        yield from ((sample.labels, left, sample.value, sample) for sample in right)
    elif isinstance(right, float):
        yield from ((sample.labels, sample.value, right, sample) for sample in left)
    else:
        others = {sample.labels: sample.value for sample in right}
        yield from (
            (sample.labels, sample.value, others[sample.labels], sample) for sample in left if sample.labels in others
        )
