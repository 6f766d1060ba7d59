"""Pages as w3m and lynx show them (N16).  People review the dumps under `w3m/`: UPDATE_DUMPS=1 writes them anew."""

import os
import re
import shutil
import subprocess
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailcore.clock import Clock
from mailcore.services.accounts import accounts
from tests.machine import program
from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
DUMPS = Path(__file__).parent / "w3m"
PAGES = {
    "": ("/", "/login", "/faq", "/help", "/clients", "/status", "/password/forgotten", "/privacy", "/accessibility"),
    "ola": (
        "/tickets/",
        "/tickets/1",
        "/quota",
        "/forwarding",
        "/vacation",
        "/filters",
        "/trace",
        "/takeout",
        "/moving",
        "/imports",
        "/account/addresses",
        "/mail/Archive/1",
        "/mail/Archive/1/inside/1",
        "/mail/texts",
        "/mail/settings",
        "/mail/snooze/Archive?uid=1",
    ),
    "agnes": (
        "/desk/",
        "/desk/cases",
        "/desk/cases/1",
        "/desk/people?q=ola",
        "/desk/orders",
        "/desk/addresses",
        "/desk/risk",
        "/newsletters/",
        "/newsletters/1",
        "/newsletters/4",
        "/newsletters/4/send",
        "/newsletters/topic/1/results",
    ),
    "eva": (
        "/admin/",
        "/admin/accounts?q=ola",
        "/admin/accounts/ola/close",
        "/admin/accounts/new",
        "/admin/import",
        "/admin/queue",
        "/admin/domain",
        "/admin/domain/certificate",
        "/admin/plots/quota",
        "/admin/texts",
        "/admin/texts/status",
        "/admin/texts/tags",
        "/admin/queue/to?domain=alumni.example",
        "/admin/webhooks",
    ),
}


class Standing(Clock):
    """It is always the first of June, so that dumps stay the same."""

    def now(self) -> datetime:
        return datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    usage = namedtuple("usage", "total used free")
    with (
        pytest.MonkeyPatch.context() as patch,
        site.served(tmp_path_factory.mktemp("dumps"), Standing()) as (base, app),
    ):
        patch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**11, 9 * 10**11))
        made = {role: site.Visitor(base, role) for role in PAGES}
        yield made, app.extensions["core"]


@pytest.fixture
def visitors(standing):
    """Reset the language of all visitors to English, since one case leaves another language behind."""
    made, core = standing
    for name in ("ola", "agnes", "eva"):
        accounts.set_language(core, accounts.find_account(core, name).id, "en")
    return made


def w3m(text: str) -> str:
    done = subprocess.run([program("w3m"), "-dump", "-cols", "80", "-T", "text/html", "-I", "utf-8", "-O", "utf-8"],
                          input=text, capture_output=True, text=True, timeout=120, check=True)  # fmt: skip
    return re.sub(r"[ \t]+\n", "\n", done.stdout)


@pytest.mark.parametrize("language", site.LANGUAGES)
@pytest.mark.parametrize(("role", "path"), [(role, path) for role, paths in PAGES.items() for path in paths])
def test_n16_pages_read_well_in_w3m(visitors, role, path, language):
    shown = w3m(visitors[role].get(f"{path}{'&' if '?' in path else '?'}lang={language}")[1])
    file = DUMPS / f"{re.sub(r'[^a-z0-9]+', '-', path).strip('-') or 'front'}.{language}.txt"
    if os.environ.get("UPDATE_DUMPS"):
        DUMPS.mkdir(exist_ok=True)
        file.write_text(shown)
    dumped = file.read_text() if file.exists() else ""
    assert shown == dumped, f"if {file.name} should change: UPDATE_DUMPS=1 writes it anew, and you read it"


def test_s19_in_w3m_the_quota_is_a_line_after_the_mailboxes(visitors):
    lines = [line.strip() for line in w3m(visitors["ola"].get("/mail/INBOX/?lang=nb")[1]).splitlines()]
    trash = next(number for number, line in enumerate(lines) if "Papirkurv" in line)
    quota = next(number for number, line in enumerate(lines) if re.search(r"av 1 MB brukt \(\d+ %\)", line))
    assert 0 < quota - trash < 4


@pytest.mark.parametrize("path", ["/", "/faq", "/help", "/clients", "/login"])
def test_n16_pages_read_well_in_lynx(visitors, path):
    text = visitors[""].get(f"{path}?lang=en")[1]
    words = ["-dump", "-stdin", "-force_html", "-assume_charset=utf-8", "-display_charset=utf-8", "-nolist"]
    done = subprocess.run(
        [program("lynx"), *words], input=text, capture_output=True, text=True, timeout=120, check=True
    )
    assert "[INLINE]" not in done.stdout
    assert not re.search(r"\w+\.(svg|png)", done.stdout)
    assert "Log in" in done.stdout
    assert "Order an account" in done.stdout
