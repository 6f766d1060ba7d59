"""Spans of OpenTelemetry: one trace of a message from SMTP to the last try, wherever its parts were made, without an address."""

import asyncio
import dataclasses
import logging
import sys
from collections import Counter

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from mailcore import core as cores
from mailcore.config import Config, OpenTelemetry
from mailcore.config_file import parse_config
from mailcore.domain import Envelope
from mailcore.errors import ConfigError, NotAllowed
from mailcore.log import about_mail, log_message
from mailcore.process import span_export
from mailcore.process.tracing import check_tracing
from mailcore.services.accounts import accounts
from mailcore.services.delivery import submission
from mailcore.services.forwarding import forwarding
from mailcore.spans import open_span
from mailcore.store.queue.items import list_items
from tests import collector, queueing
from tests.services.test_mail_ids import FRIEND, receive
from tests.services.test_queue_worker import at_work, until
from tests.smtp_talk import build


@pytest.fixture
def core(tmp_path):
    built = build(tmp_path)
    yield built
    cores.close(built)


@pytest.fixture
def start():
    """Start a tracer as a process of `serve` does, and end it with the test."""
    tracers: list[span_export.MessageTracer] = []

    def begin(exporter=None, kind: str = "mail", **settings) -> span_export.MessageTracer:
        config = Config(opentelemetry=OpenTelemetry(**settings))
        tracers.append(span_export.start(config, kind, exporter))
        return tracers[-1]

    level = logging.getLogger("opentelemetry").level
    yield begin
    for tracer in tracers:
        tracer.close()
    logging.getLogger("opentelemetry").setLevel(level)


def send_all(core, *answers: str) -> None:
    """Let the queue send what waits; the peer gives these answers in turn."""

    async def send() -> None:
        async with at_work(core) as (_here, worker, peer):
            for n, answer in enumerate(answers):
                peer.answers[FRIEND] = answer
                core.db.write(lambda tx: tx.run("UPDATE queue SET next_at=0"))
                worker.wake()
                await until(lambda tries=n: all(one.tries > tries for one in core.db.read(list_items)))

    asyncio.run(send())


def tree(spans) -> Counter[tuple[str, str]]:
    """Count the spans by their names and those of what they stand below; fails where one stands below nothing known."""
    names = {span.context.span_id: span.name for span in spans}
    assert len(names) == len(spans)
    return Counter((span.name, names[span.parent.span_id] if span.parent else "") for span in spans)


def test_a_forwarded_message_is_one_trace_from_smtp_to_the_last_try(core, start):
    """Also where the queue is another process: its tracer knows nothing but the item."""
    forwarding.set_forwarding(core, accounts.find_account(core, "ola").id, FRIEND, copy=True, confirmed=True)
    here, there = InMemorySpanExporter(), InMemorySpanExporter()
    tracer = start(here)
    mail_id = receive(core)
    tracer.close()
    tracer = start(there, "queue")
    send_all(core, "451 4.7.1 later", "250 OK")
    tracer.close()
    spans = [*here.get_finished_spans(), *there.get_finished_spans()]
    assert {span.attributes["mail.id"] for span in spans} == {mail_id}
    assert len({span.context.trace_id for span in spans}) == 1
    assert tree(spans) == {
        ("receive", ""): 1,
        **{(step, "receive"): 1 for step in ("authenticate", "scan", "judge", "write", "delivered", "received")},
        ("attempt", "receive"): 2,
        ("send", "attempt"): 2,
        ("deferred", "attempt"): 1,
        ("sent", "attempt"): 1,
    }
    told = repr([span.to_json() for span in spans])
    assert "@" not in told
    assert "secret words" not in told
    [sent] = [span for span in spans if span.name == "sent"]
    assert sent.attributes["mail.code"] == 250


def test_what_the_webmail_sends_and_what_we_write_ourselves_begin_traces_of_their_own(core, start):
    exporter = InMemorySpanExporter()
    tracer = start(exporter)
    ola = accounts.find_account(core, "ola")
    octets = b"From: ola@alumni.example\r\nSubject: secret words\r\n\r\nhei\r\n"
    asyncio.run(submission.submit(core, ola, Envelope("ola@alumni.example", (FRIEND,)), octets))
    queueing.enqueue(core, FRIEND, octets=octets)
    tracer.flush()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans if span.parent is None] == ["submit", "write"]
    assert {span.attributes["mail.id"] for span in spans} == {item.mail_id for item in core.db.read(list_items)}


def test_a_message_within_the_time_of_another_stands_in_its_own_trace(start):
    exporter = InMemorySpanExporter()
    tracer = start(exporter)
    with about_mail("one"), open_span("attempt"), about_mail("other"):
        log_message("deferred", item=2)
    tracer.flush()
    deferred, attempt = exporter.get_finished_spans()
    assert deferred.context.trace_id == span_export.derive_ids("other")[0] != attempt.context.trace_id


def test_what_goes_wrong_is_told_by_its_kind_alone(start):
    exporter = InMemorySpanExporter()
    tracer = start(exporter)
    with pytest.raises(NotAllowed), about_mail("one"), open_span("submit", first=True):
        raise NotAllowed("ola@alumni.example may not")
    tracer.flush()
    [span] = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "NotAllowed")
    assert "@" not in span.to_json()


def test_a_share_of_the_messages_is_the_same_share_in_each_process(start):
    traced = []
    for kind in ("mail", "queue"):
        exporter = InMemorySpanExporter()
        tracer = start(exporter, kind, percent=50)
        for number in range(100):
            with about_mail(f"{number:012x}"), open_span("receive", first=kind == "mail"):
                pass
        tracer.close()
        traced.append({span.attributes["mail.id"] for span in exporter.get_finished_spans()})
    assert traced[0] == traced[1]
    assert 20 < len(traced[0]) < 80  # follows from the ids, so it is always the same


def test_without_the_setting_a_span_is_nothing():
    with about_mail("one"):
        assert open_span("receive", first=True) is open_span("write")


def test_a_collector_that_hangs_or_refuses_costs_nothing_but_spans(start, caplog, monkeypatch):
    monkeypatch.setattr(span_export, "CLOSE_SECONDS", 0.1)
    with collector.running() as sink:

        def say(name: str) -> None:
            with about_mail("one"), open_span(name):
                pass

        tracer = start(endpoint=sink.url)
        sink.answer = 400
        for name in ("lost", "lost, too"):
            say(name)
            tracer.flush()
        sink.answer = 200
        say("taken")
        tracer.flush()
        assert [span.name for span in sink.spans] == ["taken"]
        assert [record.message for record in caplog.records] == [
            "spans are lost: the collector does not take them",
            "spans are exported again",
        ]
        sink.asked.clear()
        sink.may_answer.clear()
        say("told too late")
        tracer.close()
        assert sink.asked.is_set()
        say("after the end")


def test_without_the_extra_it_is_said_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "mailcore.process.span_export", None)
    config = Config(opentelemetry=OpenTelemetry("http://127.0.0.1:4318/v1/traces"))
    with pytest.raises(ConfigError, match=r"opentelemetry\.endpoint.*alumnimail\[otel\]"):
        check_tracing(config)
    check_tracing(dataclasses.replace(config, opentelemetry=OpenTelemetry()))


@pytest.mark.parametrize("setting", ['endpoint = "collector"', "percent = 0", "percent = 101", 'percent = "all"'])
def test_settings_that_cannot_be_are_refused(setting):
    with pytest.raises(ConfigError, match=r"opentelemetry\."):
        parse_config(f"[opentelemetry]\n{setting}\n")


def test_an_exporter_that_fails_at_once_is_told_once(caplog):
    class Failing(InMemorySpanExporter):
        def export(self, spans) -> SpanExportResult:
            return SpanExportResult.FAILURE

    exporter = span_export._Exporter(Failing())
    for _ in range(3):
        exporter.export([])
    assert len(caplog.records) == 1
