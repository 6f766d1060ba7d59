"""Pages of the webmail as a whole: their weight, their requests, what they look like in w3m, what stands in them for whom."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailcore.services.webmail import mail_settings
from tests.machine import program
from tests.portal.mailing import letter, put

GOLDEN = Path(__file__).parent / "w3m"
LIMIT = 50_000  # octets of a page with everything, uncompressed


def fill(core, ola, number: int = 50) -> None:
    sender = "Åse Ødegård <ase.odegard@outside.example>"
    for n in range(number):
        put(
            core,
            ola,
            letter(n, subject=f"Møte om budsjettet for {n}. kvartal", sender=sender),
            flags=frozenset({"\\Seen"} if n % 4 else {"\\Flagged"}),
            at=datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=n),
        )


def loaded(page: str) -> list[str]:
    """Return what a browser fetches for a page, without the contents of its frames."""
    found = re.findall(r'<(?:script|img)[^>]* src="([^"]+)"', page)
    found += re.findall(r'<link rel="(?:stylesheet|icon)"[^>]* href="([^"]+)"', page)
    return [address for address in dict.fromkeys(found) if not address.startswith("data:")]


@pytest.mark.parametrize("path", [
    "/mail/", "/mail/INBOX/?view=threads", "/mail/INBOX/5", "/mail/search?q=møte", "/mail/boxes", "/mail/contacts",
    "/mail/settings", "/mail/compose", "/mail/compose?reply=INBOX/5",
])  # fmt: skip
def test_n16_a_page_with_everything_is_three_requests_or_four_and_50_kb(inside, core, ola, path):
    fill(core, ola)
    page = inside.get(path).text
    # HTMX comes once a year, and is counted apart (tests/pages/test_weight.py)
    others = [address for address in loaded(page) if not address.startswith("/static/htmx.min.js")]
    assert len(others) <= (3 if "compose" in path or "settings" in path else 2)
    fetched = [inside.get(address.replace("&amp;", "&"), buffered=True) for address in others]
    assert all("max-age=31536000" in one.headers["Cache-Control"] for one in fetched)
    assert not any(re.search(rb"url\((?!\"data:)", one.data) for one in fetched)
    assert len(page.encode()) + sum(len(one.data) for one in fetched) < LIMIT


def test_the_quota_stands_on_every_page_of_the_webmail(inside, core, ola):
    pages = ("", "INBOX/1", "compose", "search?q=x", "boxes", "contacts", "settings")
    for path in (f"/mail/{page}" for page in pages):
        assert '<div id="quota" role="meter"' in inside.get(path).text


def dump(page: str) -> str:
    """As w3m shows it, 80 columns wide."""
    done = subprocess.run(
        [program("w3m"), "-dump", "-T", "text/html", "-I", "utf-8", "-O", "utf-8", "-cols", "80"],
        input=page.encode(), capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return re.sub(r"[ \t]+$", "", done.stdout.decode(), flags=re.MULTILINE)


PAGES = {
    "list": "/mail/Archive/", "threads": "/mail/Archive/?view=threads", "message": "/mail/Archive/2",
    "html": "/mail/Archive/5", "compose": "/mail/compose?reply=Archive/2", "boxes": "/mail/boxes",
    "contacts": "/mail/contacts", "settings": "/mail/settings", "search": "/mail/search?q=budsjett",
}  # fmt: skip


@pytest.mark.interop
@pytest.mark.parametrize("name", PAGES)
def test_n16_pages_in_w3m_are_as_they_were_read(inside, core, ola, name):
    """Golden files, read by people; `rm tests/portal/w3m/NAME.txt` and a run make a new one."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for n in range(4):
        more = f"References: <n{n - 1}@x.example>\r\n" if n % 2 else ""
        sender, text = "Åse Ødegård <ase@outside.example>", "Hei.\n\n> Før\nNå"
        put(
            core,
            ola,
            letter(n, subject=f"Budsjettet {n}", more=more, sender=sender, text=text),
            "Archive",
            flags=frozenset({"\\Seen"} if n % 2 else {"\\Flagged"}),
            at=at + timedelta(days=n),
        )
    put(core, ola, mailbox="Archive", at=at + timedelta(days=9))
    page = inside.get(PAGES[name]).text
    page = re.sub(
        r'<details class="how"><summary>Vis igjen senere.*?</details>', "", page, flags=re.DOTALL
    )  # days to come
    end = max(page.index("</main>"), page.index("</aside>"))
    shown = dump(page[page.index('<div class="mailframe"') : end])  # head and foot are everybody's
    shown = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d", "(soon)", shown)
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


FOR_ALL = {
    "webmail.picture",
    "webmail.stylesheet",
    "webmail.script",
    "webmail.writing_script",
    "webmail.push_worker",
    "forwarding.ask",
    "forwarding.confirm",
}  # or by a link
FOR_OWNERS = {"webmail", "quota", "filters", "vacation", "trace", "takeout", "forwarding"}


def test_s30_a_stranger_is_led_to_the_log_in_whatever_is_asked_for(browser, core, ola):
    put(core, ola)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login").text)[1]
    values = {"mailbox": "INBOX", "uid": 1, "number": 1, "name": "x", "inside": "1", "token": "x", "action": "delete"}
    values["language"] = "nb"
    app = browser.client.application
    asked = 0
    urls = app.url_map.bind("localhost")
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in FOR_OWNERS]
    paths = [(rule, urls.build(rule.endpoint, {name: values[name] for name in rule.arguments})) for rule in rules]
    for rule, path in paths:
        for method in (rule.methods & {"GET", "POST"}) if rule.endpoint not in FOR_ALL else ():
            answer = browser.client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
            assert answer.status_code == (303 if method == "POST" else 302), (method, path)
            assert answer.headers["Location"].startswith("/login?next="), (method, path)
            asked += 1
    assert asked > 40


@pytest.mark.parametrize("path", ["/mail/", "/mail/INBOX/1", "/mail/settings"])
def test_the_settings_are_read_once_for_a_page(inside, core, ola, monkeypatch, path):
    """They are asked for by the view, and by the mailboxes beside it for the searches that are kept."""
    put(core, ola, letter())
    reads: list[object] = []
    read = mail_settings.read_settings
    monkeypatch.setattr(mail_settings, "read_settings", lambda *about: (reads.append(about), read(*about))[1])
    assert inside.get(path).status_code == 200
    assert len(reads) == 1
