"""Notifications in Chromium: asked for by a button, shown by the service worker while no page looks (N46).

Chromium's own push service is another company's, which a test does not ask: it is stood in for where the browser would talk to
it, and what it would deliver is delivered by the developer tools.
"""

import pytest
from playwright.sync_api import expect

from tests.machine import until
from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
STAND_IN = """
PushManager.prototype.subscribe = async options => {
    window.name = JSON.stringify([options.userVisibleOnly, options.applicationServerKey.length]);
    return { endpoint: "https://push.example/one" };
};
"""
SHOWN = """async () => {
    const here = await navigator.serviceWorker.getRegistration("/mail/");
    return (await here.getNotifications()).map(one => [one.title, one.body, one.lang]);
}"""


@pytest.fixture
def context(chromium):
    made = chromium.new_context(viewport={"width": 1000, "height": 800}, locale="nb-NO")
    made.set_default_timeout(60_000)
    yield made
    made.close()


@pytest.fixture
def page(context, base):
    page = context.new_page()
    page.problems = []
    page.on("console", lambda m: page.problems.append(m.text) if m.type in ("error", "warning") else None)
    page.goto(f"{base}/login")
    page.fill("[name=username]", "ola")
    page.fill("[name=password]", site.PASSWORD)
    page.click("main button")
    yield page
    assert page.problems == []


def test_n46_a_push_shows_that_there_is_new_mail_and_nothing_else(context, page, base, portal):
    core = portal[1].extensions["core"]
    context.grant_permissions(["notifications"], origin=base)
    page.add_init_script(STAND_IN)
    tools = context.new_cdp_session(page)
    registrations = []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda told: registrations.extend(told["registrations"]))
    tools.send("ServiceWorker.enable")
    page.goto(f"{base}/mail/settings?lang=nn")
    expect(page.locator("#push-cannot")).to_have_count(0)
    page.click("#push button:not(.hidden)")
    expect(page.locator("#notices")).to_contain_text("varslar deg om ny e-post")
    try:
        assert page.evaluate("window.name") == "[true,65]"
        [row] = core.db.read(lambda tx: tx.rows("SELECT endpoint FROM push_subscription"))
        assert row[0] == "https://push.example/one"
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")  # an event for a worker that installs is lost

        def list_numbers() -> set[str]:
            page.wait_for_timeout(50)  # what the tools tell is read while one waits
            return {one["registrationId"] for one in registrations if one["scopeURL"] == f"{base}/mail/"}

        assert until(lambda: bool(list_numbers()))
        [number] = list_numbers()

        def deliver() -> bool:
            """Deliver a push; the tools drop one whose worker is not up soon, as on a busy machine."""
            tools.send("ServiceWorker.deliverPushMessage", {"origin": base, "registrationId": number, "data": ""})
            return until(lambda: bool(page.evaluate(SHOWN)), seconds=10)

        assert until(deliver)
        assert {tuple(one) for one in page.evaluate(SHOWN)} == {("Alumnimail", "Du har fått ny e-post.", "nn")}
        page.click("text=Slå av")
        expect(page.locator("#notices")).to_contain_text("får ikkje fleire varsel")
    finally:
        core.db.write(lambda tx: tx.run("DELETE FROM push_subscription"))


def test_n46_who_says_no_to_the_browser_is_told_how_to_change_it(context, page, base):
    page.add_init_script(f"{STAND_IN}; Notification.requestPermission = async () => 'denied';")
    page.goto(f"{base}/mail/settings?lang=nb")
    page.click("#push button:not(.hidden)")
    expect(page.locator("#push [role=alert]")).to_contain_text("Tillat varsler fra dette nettstedet")


def test_without_javascript_the_page_says_what_it_takes(chromium, page, context, base):
    plain = chromium.new_context(java_script_enabled=False, storage_state=context.storage_state())
    here = plain.new_page()
    here.goto(f"{base}/mail/settings?lang=nb")
    expect(here.locator("#push button:not(.hidden)")).to_have_count(0)
    expect(here.locator("#push-cannot")).to_be_visible()
    plain.close()
