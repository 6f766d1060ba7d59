"""Banners on every page: the end of a tie to the university (N9), the end of the service (N11)."""

from datetime import timedelta

import pytest

from mailcore.domain import Affiliation
from mailcore.services.accounts import accounts, leaving, sunset
from mailcore.store.people import affiliations
from tests.pages import site
from tests.pages.test_every_page import AXE, LOOKS, log_in, visit

pytestmark = [pytest.mark.slow, pytest.mark.interop]
PATHS = {"": ("/", "/order", "/sunset"), "ola": ("/sunset", "/mail/", "/account/logins", "/password/choose")}


@pytest.fixture(scope="module")
def ending(tmp_path_factory):
    """The portal of a service that ends, with somebody in it whom the university's password let in."""
    with site.served(tmp_path_factory.mktemp("ending")) as (base, app), pytest.MonkeyPatch.context() as patch:
        core = app.extensions["core"]
        ola, today = accounts.find_account(core, "ola"), core.clock.now().date()
        words = dict.fromkeys(site.LANGUAGES, "Fordi det ikke er flere igjen. " * 5)
        found = sunset.announce_end(
            core, today + timedelta(days=400), words=words, successor="https://new.example/a/long/address"
        )
        patch.setattr(leaving, "is_on", lambda config: True)
        person = Affiliation("p1", "ola", ("student",), today + timedelta(days=20), True)

        def leave(tx):
            tx.run("UPDATE account SET person='p1' WHERE id=?", ola.id)
            affiliations.save_affiliations(tx, [person], core.clock.seconds())

        core.db.write(leave)
        yield base, core, sunset.format_link(core, found, ola.id).removeprefix(core.config.url)


@pytest.mark.parametrize("language", site.LANGUAGES)
def test_n9_n11_the_banners_keep_the_rules_of_all_pages(chromium, ending, language):
    base, core, link = ending
    width, scheme = LOOKS[language]
    found: dict[str, list[str]] = {}
    for role, paths in PATHS.items():
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.add_init_script(AXE)
        if role:
            log_in(context.new_page(), base, role)
            core.db.write(lambda tx: tx.run("UPDATE web_session SET source='directory' WHERE account_id IS NOT NULL"))
            core.db.write(lambda tx: tx.run("UPDATE credential SET last_used_at=NULL"))
        for path in (*paths, link):
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": 800})
            problems = visit(page, base, path, language).problems
            shown = page.locator(".status.bad").count()
            if problems or shown != (2 if role and path != link else 1 + bool(role)):
                found[f"{role} {path}"] = [*problems, f"{shown} banners"]
            page.close()
        context.close()
    assert found == {}


@pytest.mark.parametrize("language", site.LANGUAGES)
def test_n11_the_desks_page_of_it_keeps_the_rules_of_all_pages(chromium, ending, language):
    base, _core, _link = ending
    width, scheme = LOOKS[language]
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.add_init_script(AXE)
    log_in(context.new_page(), base, "agnes")
    page = context.new_page()
    for path in ("/desk/sunset", "/desk/people/ola", "/desk/"):
        assert visit(page, base, path, language).problems == [], path
    context.close()
