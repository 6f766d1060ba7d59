"""Export spans of messages (spans.py) by OTLP over HTTP; needs the extra `otel`, and is imported where the settings ask for it.

A collector that is down or hangs costs spans and nothing else: they wait in a queue of bounded length, in a thread that nobody
waits for longer than CLOSE_SECONDS.  The log is told once when it begins and once when it is over.
"""

import atexit
import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from mailcore import spans
from mailcore.config import Config
from mailcore.log import log_for

log = log_for(__name__)
EXPORT_SECONDS = 5  # for one request, with its tries
CLOSE_SECONDS = 3
FAILED = "failed"  # an event of the queue


def start(config: Config, kind: str, exporter: SpanExporter | None = None) -> "MessageTracer":
    """Trace messages in this process until it ends.

    Args:
        kind: what the process does: mail, queue, portal, or one = all of it.
    """
    logging.getLogger("opentelemetry").setLevel(
        logging.CRITICAL
    )  # it repeats itself with each batch; _Exporter does not
    exporter = exporter or OTLPSpanExporter(config.opentelemetry.endpoint, timeout=EXPORT_SECONDS)
    resource = Resource.create(
        {
            "service.name": "alumnimail",
            "service.version": version("alumnimail"),
            "host.name": config.node_name,
            "process.kind": kind,
        }
    )
    tracer = MessageTracer(_Exporter(exporter), resource, config.opentelemetry.percent / 100)
    spans.set_tracer(tracer)
    atexit.register(tracer.close)
    return tracer


class MessageTracer:
    """Makes spans whose ids follow from their message's, so that all of it is one trace wherever they were made."""

    def __init__(self, exporter: SpanExporter, resource: Resource, share: float) -> None:
        self._ids = _Ids()
        # by the trace's id alone: every process comes to the same decision
        provider = TracerProvider(
            sampler=TraceIdRatioBased(share), resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._processor = BatchSpanProcessor(exporter)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("alumnimail")

    @contextmanager
    def open_span(self, mail_id: str, name: str, facts: dict[str, int | str], *, first: bool) -> Iterator[None]:
        """Open a span below the one that is open of this message, else below the first.

        What goes wrong within is named by its kind: the words of an error may tell an address.
        """
        trace_id, first_id = derive_ids(mail_id)
        context = trace.set_span_in_context(NonRecordingSpan(trace.INVALID_SPAN_CONTEXT))
        here = trace.get_current_span()
        if first:
            self._ids.begin(trace_id, first_id)
        elif here.get_span_context().trace_id == trace_id:
            context = trace.set_span_in_context(here)
        else:
            parent = SpanContext(trace_id, first_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            context = trace.set_span_in_context(NonRecordingSpan(parent))
        with self._tracer.start_as_current_span(
            name,
            context,
            SpanKind.SERVER if first else SpanKind.INTERNAL,
            {"mail.id": mail_id, **{f"mail.{key}": value for key, value in facts.items()}},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            if name == FAILED:
                span.set_status(Status(StatusCode.ERROR))
            try:
                yield
            except Exception as problem:
                span.set_status(Status(StatusCode.ERROR, type(problem).__name__))
                raise

    def flush(self) -> None:
        self._processor.force_flush()

    def close(self) -> None:
        """Export what waits, for a few seconds; nobody traces from now on."""
        spans.set_tracer(None)
        atexit.unregister(self.close)
        closing = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def derive_ids(mail_id: str) -> tuple[int, int]:
    """Derive the ids of a message's trace and of its first span."""
    octets = hashlib.sha256(mail_id.encode()).digest()
    return int.from_bytes(octets[:16]), int.from_bytes(octets[16:24])


class _Ids(RandomIdGenerator):
    """Ids by chance, but for the next span of a thread that said `begin`."""

    def __init__(self) -> None:
        self._next = threading.local()

    def begin(self, trace_id: int, span_id: int) -> None:
        self._next.trace_id, self._next.span_id = trace_id, span_id

    def generate_trace_id(self) -> int:
        return self._next.__dict__.pop("trace_id", None) or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self._next.__dict__.pop("span_id", None) or super().generate_span_id()


class _Exporter(SpanExporter):
    """Another exporter, which tells the log when it begins to fail and when that is over."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter, self._fails = exporter, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails != self._fails:
            log.warning("spans are lost: the collector does not take them" if fails else "spans are exported again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
