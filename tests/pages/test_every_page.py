"""Every page that can be reached, in three languages, looked at in Chromium (issue 4, N16).

Rules of WCAG 2.2 AA (axe-core), no sideways scrolling at 320 px, no word to another host, nothing against our own policy,
under 50 kB with everything.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
AXE = (Path(__file__).parent / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_OCTETS = 50_000
# Each language is looked at in another way, so that every look is had without looking nine times.
LOOKS = {"nb": (1200, "light"), "nn": (320, "light"), "en": (1200, "dark")}
TOO_WIDE = (
    "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 320).slice(-3)"
    ".map(e => e.outerHTML.slice(0, 90)).join(' ')"
)
# A browser sends nothing of a form while a control in it is invalid: each of several boxes that stand for one question, or
# one that nobody can see.
NEVER_SENT = (
    "[...document.querySelectorAll('main :is(input,select,textarea):invalid')]"
    ".filter(e => e.type == 'checkbox' ? [...e.form.elements].filter(o => o.name == e.name).length > 1"
    " : e.type != 'radio' && !e.checkVisibility()).map(e => e.outerHTML.slice(0, 90)).join(' ')"
)


@dataclass
class Seen:
    """Result of one visit of a page."""

    octets: int = 0
    problems: list[str] = field(default_factory=list)


def log_in(page: Any, base: str, role: str) -> None:
    page.goto(f"{base}/login")
    page.fill("[name=username]", role)
    page.fill("[name=password]", site.PASSWORD)
    page.click("main button")


def visit(page: Any, base: str, path: str, language: str) -> Seen:
    seen = Seen()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.on(
        "Network.loadingFinished", lambda done: setattr(seen, "octets", seen.octets + int(done["encodedDataLength"]))
    )
    page.on("console", lambda m: seen.problems.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
    page.on("request", lambda r: None if r.url.startswith((base, "data:")) else seen.problems.append(f"asks {r.url}"))
    page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}", wait_until="load")
    found = page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: tags, iframes: false, resultTypes: ['violations']})).violations.map("
        "v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))",
        TAGS,
    )
    seen.problems += [f"axe {one}" for one in found]
    if page.evaluate("document.documentElement.lang") != language:
        seen.problems.append("not in the language that was asked for")
    if unsendable := page.evaluate(NEVER_SENT):
        seen.problems.append(f"a form that no browser sends: {unsendable}")
    page.set_viewport_size({"width": 320, "height": 640})
    if (width := page.evaluate("document.documentElement.scrollWidth")) > 320:
        seen.problems.append(f"{width} px wide at 320: {page.evaluate(TOO_WIDE)}")
    if seen.octets > MOST_OCTETS:
        seen.problems.append(f"{seen.octets} octets")
    return seen


@pytest.mark.parametrize("role", site.ROLES, ids=["stranger", "person", "desk", "admin"])
@pytest.mark.parametrize("language", site.LANGUAGES)
def test_every_page_in_a_browser(chromium, portal, pages, language, role):
    base, app = portal
    width, scheme = LOOKS[language]
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=False)
    context.add_init_script(AXE)  # runs beside the page's own policy, which allows nothing inline
    context.set_default_timeout(60_000)
    first = context.new_page()
    if role:
        log_in(first, base, role)
    found: dict[str, list[str]] = {}
    for path in site.one_of_each(app, pages, role):
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 800})
        if problems := visit(page, base, path, language).problems:
            found[path] = problems
        page.close()
    context.close()
    assert not found, "\n".join(f"{path}: {one}" for path, problems in found.items() for one in problems)
