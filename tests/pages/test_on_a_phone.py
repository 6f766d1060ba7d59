"""The webmail on a phone: the list comes first, the rest is one press away and large enough, without JavaScript (N45)."""

import json

import pytest

from tests.pages import site
from tests.pages.test_by_hand import browse  # noqa: F401 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.interop]
WIDTHS = (320, 360, 430)
PAGES = (
    "/mail/", "/mail/#boxes", "/mail/INBOX/53", "/mail/INBOX/53#message", "/mail/INBOX/54", "/mail/search?q=pdf", "/mail/compose",
    "/mail/compose?to=a@x.example,b@x.example", "/mail/boxes", "/mail/contacts", "/mail/settings", "/mail/INBOX/?view=threads",
)  # fmt: skip
# What is pressed and seen, smaller than 44 px; links within a sentence are as high as its line (WCAG 2.2, 2.5.8)
SMALL = """[...document.querySelectorAll('a[href], button, select, summary, textarea, input')].filter(e => {
    const s = getComputedStyle(e), inside = e.closest('p, dd, label.hint');
    if (e.type === 'hidden' || s.visibility === 'hidden' || !e.getClientRects().length) return false;
    if (e.closest('.skip, .brand, .hidden')) return false;
    if (e.tagName === 'A' && inside && !e.matches('.button') && inside.textContent.trim() !== e.textContent.trim()
        && !inside.matches('.links')) return false;
    if (e.matches('p button.link') || e.matches('.field.check *, label *')) return false;
    const box = (e.closest('.messages li') && e.tagName === 'A' ? e.closest('li') : e).getBoundingClientRect();
    return box.height < 43.9 || box.width < 43.9;
}).map(e => [e.outerHTML.slice(0, 120), e.getBoundingClientRect().width, e.getBoundingClientRect().height].join(' '))"""


@pytest.fixture
def phone(browse):  # noqa: F811 - a fixture
    def start(width=320, height=568, **settings):
        return browse("ola", viewport={"width": width, "height": height}, **settings)

    return start


@pytest.mark.parametrize("width", WIDTHS)
def test_n45_the_list_begins_within_the_first_screen(phone, base, width):
    page = phone(width, java_script_enabled=False)
    page.goto(f"{base}/mail/")
    row, bar = page.locator(".messages li").first.bounding_box(), page.locator(".thumb").bounding_box()
    assert row["y"] + row["height"] < bar["y"]
    assert bar["y"] + bar["height"] == pytest.approx(568, abs=1)


@pytest.mark.parametrize("width", WIDTHS)
def test_n45_what_is_pressed_is_44_px_and_nothing_scrolls_sideways(phone, base, width):
    page = phone(width)
    small = {}
    for path in PAGES:
        page.goto("about:blank")
        page.goto(f"{base}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if found := page.evaluate(SMALL):
            small[path] = found
    assert [f"{path} {one}" for path, found in small.items() for one in found] == []


def test_n45_the_mailboxes_and_menus_stand_behind_one_link_without_javascript(phone, base):
    page = phone(java_script_enabled=False)
    page.goto(f"{base}/mail/?lang=nb")
    hidden = page.locator(".mailboxes a, nav.main a, nav.languages, .more a")
    assert not any(one.is_visible() for one in hidden.all())
    page.click(".thumb a:first-child")
    assert all(one.is_visible() for one in page.locator(".mailboxes a, nav.main a, .more a").all())
    assert not page.locator(".messages").is_visible()
    page.click(".mailboxes a >> text=Sendt")
    page.wait_for_url("**/mail/Sent/")
    assert not page.locator(".mailboxes").is_visible()


def test_n45_a_message_is_answered_and_filed_by_the_thumb(phone, base):
    page = phone(java_script_enabled=False)
    page.goto(f"{base}/mail/INBOX/5?lang=nb")
    assert not page.locator("#message button[value=junk]").is_visible()
    page.click('.thumb a[href="#message"]')
    assert page.locator("#message button[value=junk]").is_visible()
    page.click(".thumb a:first-child")
    page.wait_for_url("**/mail/compose?reply=INBOX/5")
    page.go_back()
    page.click(".thumb button[value=archive]:not(.hidden)")
    page.wait_for_url("**/mail/INBOX/")
    page.click("form.undo button")
    page.wait_for_url("**/mail/INBOX/")


def test_n45_the_webmail_can_be_put_among_the_programs_of_a_phone(phone, base):
    page = phone()
    page.goto(f"{base}/mail/")
    manifest = page.request.get(base + page.get_attribute("link[rel=manifest]", "href"))
    assert manifest.headers["content-type"] == "application/manifest+json"
    told = json.loads(manifest.text())
    assert (told["start_url"], told["display"]) == ("/mail/", "standalone")
    for icon in told["icons"]:
        answer = page.request.get(base + icon["src"])
        assert answer.headers["content-type"].startswith(icon["type"])
        if icon["type"] == "image/png":  # width and height stand in the first chunk
            octets = answer.body()
            assert icon["sizes"] == f"{int.from_bytes(octets[16:20])}x{int.from_bytes(octets[20:24])}"
    colours = {page.get_attribute(f'meta[name=theme-color][media*="{look}"]', "content") for look in ("light", "dark")}
    assert len(colours) == 2


def test_n45_lists_show_how_messages_begin_if_their_owner_wants_it(phone, base):
    visitor = site.Visitor(base, "ola")
    assert "<em>" not in visitor.get("/mail/")[1]
    page = phone(java_script_enabled=False)
    page.goto(f"{base}/mail/settings")
    page.check("[name=snippets]")
    page.click("button[value=reading]:not(.hidden)")
    page.goto(f"{base}/mail/")
    assert page.locator(".messages em", has_text="Hei! Hei!").count() > 30
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.goto(f"{base}/mail/settings")
    page.uncheck("[name=snippets]")
    page.click("button[value=reading]:not(.hidden)")


@pytest.mark.parametrize(("role", "path"), [("ola", "/forwarding"), ("eva", "/admin/log")])
def test_the_menu_of_settings_stands_behind_one_link_without_javascript(browse, base, role, path):  # noqa: F811 - a fixture
    page = browse(role, viewport={"width": 320, "height": 568}, java_script_enabled=False)
    page.goto(f"{base}{path}")
    places = page.locator(".side li a")
    assert not any(one.is_visible() for one in places.all())
    assert page.locator("main h1").bounding_box()["y"] < 400  # two banners and the head are above it
    page.click(".side > a")
    assert all(one.is_visible() and one.bounding_box()["height"] >= 43.9 for one in places.all())
    places.last.click()
    page.wait_for_function("!location.hash")
    assert not any(one.is_visible() for one in page.locator(".side li a").all())
