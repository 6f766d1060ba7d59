"""A collector of spans on loopback: takes them by OTLP over HTTP, as that of OpenTelemetry does, and can be told to misbehave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.post_server import serving


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it came; ids in hexadecimal digits, `parent` "" where it is the first."""

    process: str
    name: str
    trace: str
    id: str
    parent: str
    facts: dict[str, str | int]


@dataclass(slots=True)
class Collector:
    """`answer` is the status of all answers; while `may_answer` is not set, none comes."""

    spans: list[Span] = field(default_factory=list)
    url: str = ""
    answer: int = 200
    may_answer: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def take(self, octets: bytes) -> None:
        for of_process in ExportTraceServiceRequest.FromString(octets).resource_spans:
            process = {one.key: one.value.string_value for one in of_process.resource.attributes}
            for span in (span for scope in of_process.scope_spans for span in scope.spans):
                facts = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                self.spans.append(Span(process["process.kind"], span.name, *ids, facts))


@contextmanager
def running() -> Iterator[Collector]:
    collector = Collector()
    collector.may_answer.set()

    def take(path: str, fields: dict[str, str], octets: bytes) -> int:
        collector.asked.set()
        collector.may_answer.wait()
        if collector.answer == 200:
            collector.take(octets)
        return collector.answer

    with serving(take) as port:
        collector.url = f"http://127.0.0.1:{port}/v1/traces"
        try:
            yield collector
        finally:
            collector.may_answer.set()
