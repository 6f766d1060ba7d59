"""The page of a run: what was tried, what must never be and was not, and plots by year."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from portal.plot_svg import draw_bars
from tests.lifetime.owners import WAYS
from tests.lifetime.tally import Invariant, Tally
from tests.lifetime.world import State

# a title, and the counts that are stacked in it
PLOTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("People with an account", ("people with an account",)),
    ("Asleep, of a hundred", ("asleep, of a hundred",)),
    ("Log-ins", ("log-ins",)),
    ("Ways back in", tuple(f"by {way}" for way in WAYS)),
    ("Messages acknowledged", ("messages acknowledged",)),
    ("Break-ins tried", ("break-ins tried",)),
    ("Contact addresses that others were given", ("contact addresses taken over",)),
    ("Names grabbed at", ("names grabbed at",)),
)
_STYLE = """body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
table{border-collapse:collapse}
th,td{text-align:left;padding:.2rem 1rem .2rem 0;border-bottom:1px solid #ccc}td.n{text-align:right}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1.5rem}
figure{margin:0}figcaption{font-weight:600}
.plot{width:100%;height:auto}.plot path{stroke:#888;fill:none}.plot text{font-size:10px;fill:#555}
.p0{fill:#1f5fa8}.p1{fill:#b45f06}.p2{fill:#38761d}.p3{fill:#741b47}.bad{color:#a40000;font-weight:700}"""
_LIMITS = (
    "Thieves come from another part of the world than their owners, or from networks where a wave of guesses runs. A thief who"
    " has the password of today and sits in a network of the owner, or near an owner who moves about, is told from the owner only"
    " by a second step; those in other networks near an owner who does not are held up in test_second_way, not here.",
    "A contact address is dead for two hundred days at least before somebody else is given it, as the large providers have it.",
    "What was acknowledged after the backup that was restored went with the disk; the table counts it.",
    "Passwords are hashed with a cheap Argon2id, and the queue hears the answers of other servers without a line between.",
)


def write_report(state: State, file: Path, seconds: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(make_report(state, seconds)), "utf-8")


def make_report(state: State, seconds: float) -> Markup:
    tally, plan = state.tally, state.plan
    years = [str(number + 1) for number in range(len(tally.years))]
    title = f"{plan.people:,} people, {len(years)} years"
    parts = [
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{}</title><style>{}</style><h1>{}</h1>'
        ).format(title, Markup(_STYLE), title),
        _invariants(tally),
        Markup("<h2>{}</h2>").format("Year by year"),
        Markup('<div class="plots">'),
        *(_plot(tally, years, name, counts) for name, counts in PLOTS),
        Markup("</div>"),
        _totals(state, seconds),
        Markup("<h2>What it does not show</h2><ul>{}</ul>").format(
            Markup("").join(Markup("<li>{}</li>").format(limit) for limit in _LIMITS)
        ),
    ]
    return Markup("\n").join(parts)


def _invariants(tally: Tally) -> Markup:
    rows = []
    for invariant in Invariant:
        breaches = tally.breaches_of(invariant)
        what = "; ".join(f"year {one.year}: {one.what}" for one in breaches[:10])
        rows.append(
            Markup('<tr><th scope="row">{}</th><td class="n{}">{}</td><td>{}</td></tr>').format(
                invariant.value, " bad" if breaches else "", len(breaches), what
            )
        )
    return Markup("<table>{}</table>").format(Markup("").join(rows))


def _plot(tally: Tally, years: Sequence[str], name: str, counts: Sequence[str]) -> Markup:
    stacks = [[year[count] for year in tally.years] for count in counts]
    most = max((sum(values) for values in zip(*stacks, strict=True)), default=0)
    keys = Markup(" ").join(
        Markup('<span><svg width="10" height="10"><rect class="p{}" width="10" height="10"/></svg> {}</span>').format(
            number, count
        )
        for number, count in enumerate(counts)
    )
    legend = keys if len(counts) > 1 else ""
    return Markup("<figure><figcaption>{}</figcaption>{}{}</figure>").format(
        name, draw_bars(years, stacks, name, f"{most:,}"), legend
    )


def _totals(state: State, seconds: float) -> Markup:
    tally = state.tally
    names = sorted({name for year in tally.years for name in year} - {"people with an account", "asleep, of a hundred"})
    rows = [(name, tally.total(name)) for name in names]
    rows += [("letters that went out", state.outside.letters), ("messages gone with a disk", state.ledger.gone)]
    rows += [("seconds of processor time", round(seconds))]
    lines = [
        Markup('<tr><th scope="row">{}</th><td class="n">{:,}</td></tr>').format(name, number) for name, number in rows
    ]
    return Markup("<h2>In all</h2><table>{}</table>").format(Markup("").join(lines))
