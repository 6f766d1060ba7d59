"""Figures in administration (N37): counted by a job, drawn as SVG on the server, with a table beside them."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from mailcore.services.operations import figures
from mailcore.services.operations.figures import Figure, Span
from mailcore.store.engine.db import Tx
from portal import timing
from portal.plot_svg import draw_bars
from tests.portal.conftest import Browser

NOW = datetime(2026, 10, 25, 12, 20, tzinfo=UTC)  # the day on which summer time ends in Oslo


class _Time:
    def __init__(self, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(type(core.clock), "now", lambda _: self.now)
        monkeypatch.setattr(type(core.clock), "seconds", lambda _: int(self.now.timestamp()))


@pytest.fixture
def at(core: Core, monkeypatch: pytest.MonkeyPatch) -> _Time:
    return _Time(core, monkeypatch)


def _deliver(core: Core, at: datetime, outcome: str = "filed") -> None:
    columns = core.db.read(lambda tx: tx.columns("delivery"))
    values = {"at": int(at.timestamp()), "outcome": outcome, "account_id": 1}
    names = [name for name in columns if name in values]
    marks = ",".join("?" * len(names))
    others = [name for name in columns if name not in values and name != "id"]
    blank = ",'0'"  # of any type
    core.db.write(
        lambda tx: tx.run(
            f"INSERT INTO delivery ({','.join(names + others)}) VALUES ({marks}{blank * len(others)})",  # noqa: S608
            *[values[name] for name in names],
        )
    )


def _total(core: Core, span: Span) -> int:
    return sum(sum(values) for values in figures.read_series(core, Figure.DELIVERIES, span).counts.values())


def test_n37_what_came_in_stays_counted_when_its_rows_are_gone(core: Core, at: _Time):
    for minutes, outcome in ((1, "filed"), (2, "filed"), (5, "rejected"), (50, "filed")):
        _deliver(core, NOW - timedelta(minutes=minutes), outcome)
    figures.collect_figures(core)
    figures.collect_figures(core)  # twice counts nothing twice
    core.db.write(lambda tx: tx.run("DELETE FROM delivery"))
    figures.collect_figures(core)
    series = figures.read_series(core, Figure.DELIVERIES, Span.DAY)
    assert series.counts["filed"][-2:] == (1, 2)
    assert series.counts["rejected"][-1] == 1
    assert [_total(core, span) for span in Span] == [4, 4, 4]
    at.now = NOW + timedelta(days=3)
    figures.collect_figures(core)
    assert [_total(core, span) for span in Span] == [0, 4, 4]
    at.now = NOW + timedelta(days=40)
    figures.collect_figures(core)
    assert [_total(core, span) for span in Span] == [0, 0, 4]
    at.now = NOW + timedelta(days=500)
    figures.collect_figures(core)
    assert core.db.read(lambda tx: tx.rows("SELECT 1 FROM figure WHERE at<?", int(NOW.timestamp()))) == []


def test_n37_spam_is_counted_of_what_reached_somebody(core: Core, at: _Time):
    rules = ('[["spam", "97 %"]]', '[["junk", ""]]', "", '[["fileinto", "[\\"spam\\", x"]]')
    for number, written in enumerate(rules):
        _deliver(core, NOW - timedelta(minutes=number + 1), "filed" if number else "forwarded")
        core.db.write(lambda tx, w=written: tx.run("UPDATE delivery SET rules=? WHERE rules='0'", w))
    _deliver(core, NOW - timedelta(minutes=9), "rejected")
    figures.collect_figures(core)
    counts = figures.read_series(core, Figure.SPAM, Span.DAY).counts
    assert (sum(counts["spam"]), sum(counts["other"])) == (2, 2)


def test_n37_forwardings_are_those_of_the_end_of_each_step(core: Core, at: _Time):
    """Not the sum over a day, and not its largest: they grow and shrink."""

    def set_states(*states: str) -> None:
        def write(tx: Tx) -> None:
            tx.run("DELETE FROM forwarding")
            for number, state in enumerate(states):
                columns = "account_id,target,state,copy,failures,last_reply,token,unsafe,digest,rolling_days"
                values = "?,'x@y.example',?,1,0,'','','rewrite',1,90"
                tx.run(f"INSERT INTO forwarding ({columns}) VALUES ({values})", number + 1, state)  # noqa: S608

        core.db.write(write)

    for day, states in enumerate((("healthy",) * 5, ("healthy", "failing"), ("healthy", "paused"))):
        at.now = NOW + timedelta(days=day)
        set_states(*states)
        figures.collect_figures(core)
    found = figures.read_series(core, Figure.FORWARDS, Span.WEEK).counts
    assert {label: values[-3:] for label, values in found.items()} == {
        "healthy": (5, 1, 1),
        "unconfirmed": (0, 0, 0),
        "failing": (0, 1, 0),
        "paused": (0, 0, 1),
    }
    assert [sum(values) for values in figures.read_series(core, Figure.FORWARDS, Span.YEAR).counts.values()] == [
        1,
        0,
        0,
        1,
    ]


@pytest.mark.parametrize(("span", "steps"), [(Span.DAY, 24), (Span.WEEK, 7), (Span.YEAR, 12)])
def test_n37_a_span_has_its_steps_also_where_the_clock_changes(core: Core, at: _Time, span: Span, steps: int):
    found = figures.read_series(core, Figure.LOGINS, span).steps
    assert len({step.timestamp() for step in found}) == steps
    assert sorted(found) == list(found)
    if span is Span.WEEK:
        assert {step.hour for step in found} == {0}


def test_n37_the_age_of_the_queue_is_the_largest_of_its_hours(core: Core, at: _Time):
    for hours, count in ((3, 40), (2, 900), (1, 20)):
        begin = int(NOW.timestamp()) // 3600 * 3600 - hours * 3600
        core.db.write(
            lambda tx, at=begin, n=count: tx.run("INSERT INTO figure VALUES ('queue age','oldest','hour',?,?)", at, n)
        )
    figures.collect_figures(core)
    assert max(figures.read_series(core, Figure.QUEUE_AGE, Span.WEEK).counts["oldest"]) == 900
    assert max(figures.read_series(core, Figure.QUEUE_AGE, Span.YEAR).counts["oldest"]) == 900


def test_n37_log_ins_are_counted(eva: Browser, core: Core):
    figures.collect_figures(core)
    assert sum(figures.read_series(core, Figure.LOGINS, Span.DAY).counts["right"]) == 1


def test_n37_response_times_are_counted_in_memory_and_saved_together(eva: Browser, core: Core, monkeypatch):
    monkeypatch.setattr(timing, "SAVE_SECONDS", 0)
    for _ in range(3):
        eva.get("/admin/")
    core.db.write(lambda _: None)  # what was posted before is written before
    counted = figures.read_series(core, Figure.RESPONSES, Span.DAY).counts
    assert sum(map(sum, counted.values())) >= 3


def test_n37_only_pages_are_counted(eva: Browser, monkeypatch):
    """A probe asks for /health every second: its answers would hide how slow pages are."""
    counted: list[float] = []
    monkeypatch.setattr(timing.ResponseTimes, "count", lambda _self, seconds: counted.append(seconds))
    for path in ("/health", "/look.css", "/forms.css", "/mail/keys.js", "/scim/v2/Users", "/robots.txt"):
        eva.get(path)
    assert counted == []
    eva.get("/admin/")
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("seconds", "label"), [(0.0, "0.1"), (0.1, "0.1"), (0.2, "0.3"), (0.9, "1"), (2.9, "3"), (3.1, "more")]
)
def test_n37_a_response_time_has_its_place(core: Core, seconds: float, label: str):
    times = timing.ResponseTimes(core)
    times.count(seconds)
    assert [dict(counts) for counts in times._counts.values()] == [{label: 1}]


def test_n37_quotas_are_spread_by_tenths(eva: Browser, core: Core):
    for name, used in (("a1", 0), ("a2", 5), ("a3", 95), ("a4", 100), ("a5", 130)):
        account = accounts.add_account(core, name, quota=100)
        core.db.write(lambda tx, a=account.id, n=used: tx.run("UPDATE account SET used=? WHERE id=?", n, a))
    accounts.add_account(core, "a6", quota=0)
    assert figures.count_quota_spread(core) == (3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2)  # eva's, too
    assert "full" in eva.get("/admin/plots/quota").text


@pytest.mark.parametrize("name", ["deliveries", "spam", "forwards", "queue-age", "log-ins", "responses"])
@pytest.mark.parametrize("span", ["day", "week", "year", "nonsense"])
def test_n37_a_plot_is_well_formed_and_its_numbers_stand_in_a_table(
    eva: Browser, core: Core, ola: Account, name: str, span: str
):
    _deliver(core, core.clock.now())
    figures.collect_figures(core)
    page = eva.get(f"/admin/plots/{name}?span={span}").text
    picture = re.search(r'<svg class="plot".*?</svg>', page, re.DOTALL)
    assert picture
    root = ET.fromstring(picture[0])  # noqa: S314 - ours
    assert root.get("aria-label")
    assert not re.search(r"style=|<script|<style", picture[0])
    assert page.count('<th scope="row">') == {"week": 7, "year": 12}.get(span, 24)
    if name == "deliveries":
        assert re.search(r'<td class="number"[^>]*>1</td>', page)
        assert "<rect" in picture[0]


def test_n37_there_is_no_plot_of_anything_else(eva: Browser):
    assert eva.get("/admin/plots/passwords").status_code == 404


def test_n37_what_stands_in_a_plot_is_text():
    drawn = draw_bars(["<b>"], [[1]], '"><script>', "<i>")
    assert "<script>" not in drawn
    assert "&lt;b&gt;" in drawn


def test_n37_bars_stand_on_each_other_and_fit():
    drawn = draw_bars(["a", "b"], [[1, 0], [3, 2]], "x", "4")
    heights = [float(one) for one in re.findall(r'<rect class="p\d" [^>]*height="([\d.]+)"', drawn)]
    assert [round(one / heights[0]) for one in heights] == [1, 3, 2]
    assert draw_bars([], [], "x", "0")
