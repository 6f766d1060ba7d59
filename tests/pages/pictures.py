"""Pictures of the main pages, to be looked at: three languages, light and dark, 320 and 1200 px, with JavaScript and without.

make pictures            # into build/pictures/
python -m tests.pages.pictures FOLDER [--languages nb] [--pages login,front]
make pictures PICTURES=--tour     # those alone that docs/tour.*.md show, in a minute; `make docs` takes them along
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.pages import site

PAGES = {
    "front": ("", "/"), "login": ("", "/login"), "order": ("", "/order"), "faq": ("", "/faq"), "help": ("", "/help"),
    "clients": ("", "/clients"), "status": ("", "/status"), "forgotten": ("", "/password/forgotten"),
    "list": ("ola", "/mail/"), "message": ("ola", "/mail/INBOX/53"), "compose": ("ola", "/mail/compose"),
    "threads": ("ola", "/mail/INBOX/?view=threads"), "reply": ("ola", "/mail/compose?reply=INBOX/53&all=1"),
    "attached": ("ola", "/mail/Archive/1"), "inside": ("ola", "/mail/Archive/1/inside/1"),
    "texts": ("ola", "/mail/texts"),
    "search": ("ola", "/mail/search?q=pdf"), "boxes": ("ola", "/mail/boxes"), "contacts": ("ola", "/mail/contacts"),
    "names": ("ola", "/mail/settings"), "snooze": ("ola", "/mail/snooze/INBOX?uid=51,52,53"),
    "account": ("ola", "/account"), "addresses": ("ola", "/account/addresses"), "desk-addresses": ("agnes", "/desk/addresses"),
    "password": ("ola", "/password"), "forwarding": ("ola", "/forwarding"),
    "vacation": ("ola", "/vacation"), "filters": ("ola", "/filters"), "quota": ("ola", "/quota"), "trace": ("ola", "/trace"),
    "takeout": ("ola", "/takeout"), "moving": ("ola", "/moving"), "people": ("ola", "/moving/people"),
    "cases": ("ola", "/tickets/"), "case": ("ola", "/tickets/1"),
    "doctor": ("ola", "/clients/doctor"),
    "desk": ("agnes", "/desk/"), "desk-cases": ("agnes", "/desk/cases?state=all"), "desk-case": ("agnes", "/desk/cases/2"),
    "desk-person": ("agnes", "/desk/people/ola"),
    "newsletters": ("agnes", "/newsletters/"), "newsletter": ("agnes", "/newsletters/2"),
    "newsletter-draft": ("agnes", "/newsletters/4"), "newsletter-send": ("agnes", "/newsletters/4/send"),
    "newsletter-correct": ("agnes", "/newsletters/1/correct"), "newsletter-results": ("agnes", "/newsletters/topic/1/results"),
    "admin-topic": ("eva", "/admin/topics/1"),
    "admin": ("eva", "/admin/"), "admin-account": ("eva", "/admin/accounts/ola"),
    "admin-act": ("eva", "/admin/accounts/ola/role"), "admin-webhooks": ("eva", "/admin/webhooks"),
    "admin-webhook": ("eva", "/admin/webhooks/1"),
    "admin-queue": ("eva", "/admin/queue"), "admin-plots": ("eva", "/admin/plots"),
}  # fmt: skip
TOUR = (
    "list", "search", "forwarding", "account", "moving", "desk", "desk-case", "desk-person", "newsletter-results", "admin",
    "admin-account", "admin-queue", "admin-plots", "admin-webhooks",
)  # fmt: skip
# name: width, colour scheme, JavaScript
LOOKS = {
    "wide": (1200, "light", True),
    "wide-dark": (1200, "dark", True),
    "narrow": (320, "light", True),
    "narrow-dark-noscript": (320, "dark", False),
    "tour": (1000, "light", True),  # what a window shows of it
}


def _log_in(page: Any, base: str, role: str) -> None:
    page.goto(f"{base}/login")
    page.fill("[name=username]", role)
    page.fill("[name=password]", site.PASSWORD)
    page.click("main button")
    page.wait_for_load_state()


def take(
    browser: Any, base: str, folder: Path, languages: list[str], names: list[str], looks: Iterable[str] = LOOKS
) -> int:
    """How many were taken."""
    taken = 0
    for look in looks:
        width, scheme, scripts = LOOKS[look]
        of_look = [name for name in names if look != "tour" or name in TOUR]
        for role in site.ROLES:
            wanted = {name: path for name, (whose, path) in PAGES.items() if whose == role and name in of_look}
            if not wanted:
                continue
            context = browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme=scheme,
                java_script_enabled=scripts,
                locale="nb-NO",
            )
            page = context.new_page()
            if role:
                _log_in(page, base, role)
            for language in languages:
                for name, path in wanted.items():
                    page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}")
                    page.screenshot(path=folder / f"{name}.{language}.{look}.png", full_page=look != "tour")
                    taken += 1
            context.close()
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages", default="nb,nn,en")
    parser.add_argument("--pages", default=",".join(PAGES))
    parser.add_argument("--tour", action="store_true")
    wish = parser.parse_args()
    path = shutil.which("chromium")
    if path is None:
        print("needs chromium")
        return 1
    wish.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, site.served(Path(data)) as (base, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        taken = take(
            browser,
            base,
            wish.folder,
            wish.languages.split(","),
            wish.pages.split(","),
            ("tour",) if wish.tour else LOOKS,
        )
        browser.close()
    print(f"{taken} pictures in {wish.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
