"""The webmail in Chromium, with JavaScript and without: hostile messages change nothing, and everything can be done (S30)."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from mailcore import core as cores
from mailcore.config import Config
from mailcore.services.accounts import accounts
from mailcore.services.webmail import drafts as writing
from portal import create_app
from tests.machine import until
from tests.pages.site import standing
from tests.portal.mailing import MESSAGE, count, later, letter, put, queued
from tests.portal.test_webmail_reading import html_letter

pytestmark = [pytest.mark.slow, pytest.mark.interop]
ATTACKS = (Path(__file__).parents[1] / "services" / "attacks.txt").read_text().splitlines()
PASSWORD = "correct horse battery"
XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
# Hostile in other places than HTML: header fields, names of files and types, text that looks like a link
ELSEWHERE = [
    f"From: {XSS} <k@x.example>\r\nSubject: x\r\n\r\nx",
    f'From: "{XSS}" <k@x.example>\r\nSubject: {XSS}\r\nTo: {XSS}\r\nCc: {XSS}\r\n\r\nx',
    "From: k@x.example\r\nSubject: =?utf-8?q?=3Cimg_src=3Dx_onerror=3Dalert(1)=3E?=\r\n\r\n[<script>alert(1)</script>]",
    'From: k@x.example\r\n\r\nhttps://x.example/"onmouseover=alert(1)//<img src=x onerror=alert(1)>',
    "From: k@x.example\r\n\r\njavascript://x.example/%0aalert(1) https://x.example/<script>alert(1)</script>",
    f'From: k@x.example\r\nContent-Type: image/png; name="{XSS}.png"\r\nContent-Disposition: attachment\r\n\r\nx',
    f'From: k@x.example\r\nContent-Type: text/html; charset="{XSS}"\r\n\r\n{XSS}',
    "From: k@x.example\r\nContent-Type: text/html; charset=utf-7\r\n\r\n+ADw-img src+AD0-x onerror+AD0-alert(1)+AD4-",
    "From: k@x.example\r\nContent-Type: text/html; charset=utf-16\r\n\r\n\x00<\x00s\x00c\x00r\x00i\x00p\x00t\x00>",
    f"From: k@x.example\r\nList-Unsubscribe: <mailto:{XSS}>, <javascript:alert(1)>\r\n\r\nx",
    f"From: k@x.example\r\nMessage-ID: <{XSS}>\r\nReferences: <{XSS}>\r\nX-Evil: {XSS}\r\n\r\nx",
    "From: k@x.example\r\nContent-Type: image/svg+xml\r\n\r\n<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "From: k@x.example\r\nContent-Type: text/xml\r\n\r\n<x xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></x>",
    f"From: k@x.example\r\nContent-Type: text/enriched\r\n\r\n<color><param>{XSS}</param>x</color>{XSS}",
    f"From: k@x.example\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nDESCRIPTION:<details open"
    f" ontoggle=alert(1)>{XSS}<svg><animate onrepeat=alert(1)>\r\nEND:VCALENDAR",
    f'From: k@x.example\r\nContent-Type: application/ms-tnef; name="x{XSS}"\r\n\r\nx{XSS}',
    f'From: k@x.example\r\nContent-Type: text/html{XSS}; name="x"\r\n'
    f"Content-Disposition: attachment; filename={XSS}\r\n\r\n{XSS}",
    f"From: k@x.example\r\nContent-Disposition: attachment; filename*=utf-8''x%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a{XSS}.svg\r\n"
    f"Content-Type: image/svg+xml\r\n\r\n<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    f'From: "a\rBcc: all@x.example" <k@x.example>\r\nSubject: x\rX-Evil: {XSS}\r\n'
    f'Reply-To: "{XSS}\\r" <k@x.example>\r\n\r\nx',
    "From: k@x.example\r\n"
    "Subject: =?utf-8?b?PC9zY3JpcHQ+PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==?= =?utf-8?q?=00=0D=0AX:_y?=\r\n\r\nx",
    f'From: k@x.example\r\nContent-Type: message/external-body; access-type=URL; URL="https://evil.example/a"\r\n\r\n{XSS}',
    "From: k@x.example\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    "<img src='cid:a'>"
    "<img src='cid:b'>\r\n--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <a>\r\n\r\n<svg xmlns='http://www.w3.org/2000/svg'"
    " onload='alert(1)'><image href='https://evil.example/a'/></svg>\r\n--b\r\nContent-Type: image/png\r\n"
    f'Content-ID: <b"{XSS}>\r\n\r\n<script>alert(1)</script>\r\n--b--\r\n',
    f"From: {'=?utf-8?q?=E2=80=AE?='} <k@x.example>\r\nSubject: {'(' * 500}{XSS}\r\n"
    f"To: {'<' * 300}\r\nCc: :;:;{XSS}\r\n\r\n{'>' * 900}{XSS}",
    f"From: k@x.example\r\nList-Unsubscribe: <mailto:x@x.example?subject={XSS}&body=%0d%0aBcc:x>\r\n"
    f"Authentication-Results: {XSS}\r\n"
    f"Date: {XSS}\r\nReply-To: {XSS}\r\n\r\nx",
]
# Pages of ours with what a stranger's link may put into their address
LINKS = (
    "/mail/compose?to={0}&subject={0}&body={0}&cc={0}",
    "/mail/contacts?address={0}&name={0}",
    "/mail/search?q={0}",
    "/mail/INBOX/?order={0}&after={0}&view={0}&day={0}",
    "/mail/settings?name={0}",
    "/mail/{0}/",
    "/mail/picture?u={0}&s={0}",
)


class _Outside(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:  # noqa: N802
        type(self).asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def core(tmp_path):
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola Nordmann", password=PASSWORD, language="nb")


@pytest.fixture
def here(core) -> Iterator[str]:
    with standing(create_app(core)) as base:
        yield base


@pytest.fixture
def evil() -> Iterator[str]:
    _Outside.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Outside) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request, chromium, here, ola):
    context = chromium.new_context(java_script_enabled=request.param, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{here}/login")
    page.fill("[name=username]", "ola")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    yield page
    context.close()


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with JavaScript"])
def test_s30_no_script_runs_no_request_leaves_and_nothing_outside_the_frame_changes(core, ola, page, here, evil):
    attacks = [attack.replace("https://evil.example", evil).replace("//evil.example", evil[5:]) for attack in ATTACKS]
    letters = [html_letter(attack) for attack in attacks]
    letters += [one.encode("utf-8") for one in ELSEWHERE]
    assert len(letters) >= 250
    uids = [put(core, ola, one) for one in letters]
    told: list[str] = []
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
    page.context.on("page", lambda new: told.append(f"window {new.url}"))
    page.context.on(
        "request", lambda r: None if r.url.startswith((here, "data:", "about:")) else told.append(f"asks {r.url}")
    )
    for uid, octets in zip(uids, letters, strict=True):
        address = f"{here}/mail/INBOX/{uid}"
        page.goto(address, wait_until="load")
        head, title = page.inner_text("header.top"), page.title()
        for frame in page.frames[1:]:
            frame.wait_for_load_state("load")
        assert (page.url, page.title(), page.inner_text("header.top")) == (address, title, head), octets
        assert "owned" not in page.title()
        assert page.locator("main img, main script, main [onerror], main [onload]").count() == 0, octets
        assert not told, (octets, told)
        for link in page.locator("section.files a").all()[:1]:
            answer = page.request.get(here + str(link.get_attribute("href")))
            assert answer.headers["x-content-type-options"] == "nosniff"
    last = uids[-len(ELSEWHERE) :]
    paths = [
        "/mail/INBOX/",
        "/mail/INBOX/?view=threads",
        "/mail/search?q=alert",
        *(link.format(quote(XSS)) for link in LINKS),
    ]
    paths += [f"/mail/INBOX/{uid}/{what}" for uid in last for what in ("header", "print")]
    paths += [f"/mail/compose?{how}=INBOX/{uid}" for uid in last for how in ("reply", "forward")]
    drafts = [put(core, ola, one.encode(), "Drafts") for one in ELSEWHERE]
    paths += [f"/mail/compose?draft={uid}" for uid in drafts]
    for path in paths:
        page.goto(here + path, wait_until="load")
        assert not told, (path, told)
    assert _Outside.asked == []


def test_s30_read_write_file_move_delete_and_search(core, ola, page, here):
    put(core, ola, MESSAGE)
    page.goto(f"{here}/mail/")
    page.click("text=Møte i Ås")
    assert "Vi ses i grønn sal." in page.inner_text("pre.body")
    assert page.locator("iframe.message").count() == 1
    page.click("a:has-text('Svar') >> nth=0")
    page.fill("#body", "Ja, æøå!\n" + page.input_value("#body"))
    page.set_input_files("#files", {"name": "blåbær.txt", "mimeType": "text/plain", "buffer": "søt".encode()})
    page.click("button[value=send]:not(.hidden)")
    expect(page.locator("main")).to_contain_text("blir sendt")
    page.click("text=Angre: ikke send")
    assert page.input_value("#body").startswith("Ja, æøå!")
    assert "blåbær.txt" in page.inner_text("form.compose")
    page.click("button[value=send]:not(.hidden)")
    # this thread has Chromium's loop
    sending = threading.Thread(target=writing.send_due, args=(later(core, seconds=20),))
    sending.start()
    sending.join()
    assert len(queued(core)) == 1
    assert count(core, ola, "Sent") == 1
    page.goto(f"{here}/mail/")
    page.check(".messages li:has-text('Møte i Ås') input")
    page.click("button[value=delete]:not(.hidden)")
    assert until(lambda: count(core, ola, "Trash") == 1)
    page.click("text=Angre flyttingen")
    assert until(lambda: count(core, ola, "Trash") == 0)
    page.fill("#q", "grønn")
    page.press("#q", "Enter")
    expect(page.locator(".found li")).to_have_count(2)
    assert page.locator("mark").first.inner_text().lower() == "grønn"


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with JavaScript"])
def test_keys_and_live_lists_where_scripts_run(core, ola, page, here):
    uids = [put(core, ola, letter(n, subject=f"nummer {n}")) for n in range(3)]
    page.goto(f"{here}/mail/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator(".messages input:checked").get_attribute("value") == str(uids[1])
    page.keyboard.press("e")
    page.wait_for_selector("form.undo")
    assert count(core, ola, "Archive") == 1
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    put(core, ola, letter(9, subject="kom nå"))
    page.wait_for_selector("a:has-text('kom nå')")
    page.keyboard.press("n")
    page.wait_for_url("**/mail/compose")


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with JavaScript"])
def test_names_are_offered_while_one_writes(core, ola, page, here):
    from mailcore.services.webmail import address_book

    address_book.save(core, ola.id, "ase@outside.example", "Åse Ødegård", "")
    page.goto(f"{here}/mail/compose")
    page.locator("#to").press_sequentially("x@y.example, ås")
    page.click(".choices button")
    assert page.input_value("[name=to]") == "x@y.example, Åse Ødegård <ase@outside.example>"


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with JavaScript"])
def test_recipients_are_chips_and_the_form_has_them_all(core, ola, page, here):
    """A comma, Enter or leaving the field makes one; a cross or the backspace key takes it back."""
    page.goto(f"{here}/mail/compose?to=a@x.example")
    chips, whole = page.locator("label[for=to] ~ .chips li"), page.locator("[name=to]")
    expect(chips).to_have_count(1)
    page.locator("#to").press_sequentially('"Berg, Kari" <kari@x.example>, c@x.example')
    expect(chips).to_have_count(2)
    assert whole.input_value() == 'a@x.example, "Berg, Kari" <kari@x.example>, c@x.example'
    page.press("#to", "Enter")  # and does not send
    expect(chips).to_have_count(3)
    page.press("#to", "Backspace")
    assert page.input_value("#to") == "c@x.example"
    page.click("[aria-label='Fjern a@x.example']")
    expect(chips).to_have_count(1)
    page.fill("#subject", "Hei")
    expect(chips).to_have_count(2)
    page.fill("#body", "Hei!")
    page.click("button[data-key=send]:not(.hidden)")
    page.wait_for_url("**/mail/")
    [sent] = writing.list_writings(core, ola.id)
    assert sent.form.to == '"Berg, Kari" <kari@x.example>, c@x.example'


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with JavaScript"])
def test_pictures_from_the_network_come_by_way_of_us_when_asked(core, ola, page, here, evil, monkeypatch):
    from mailcore.services.webmail import remote_pictures

    monkeypatch.setattr(remote_pictures, "is_public", lambda address: True)
    monkeypatch.setattr(remote_pictures, "may_use", lambda port: True)
    uid = put(core, ola, html_letter(f'<img src="{evil}/a.png">'))
    asked: list[str] = []
    page.context.on("request", lambda r: asked.append(r.url))
    page.goto(f"{here}/mail/INBOX/{uid}", wait_until="load")
    assert _Outside.asked == []
    page.click("text=Vis dem gjennom tjenesten")

    def has_asked() -> bool:
        page.wait_for_timeout(50)
        return bool(_Outside.asked)

    assert until(has_asked)
    page.wait_for_timeout(200)  # for what should not come
    assert _Outside.asked == ["/a.png"]
    assert any("/mail/picture?" in url for url in asked)
    assert not any(url.startswith(evil) for url in asked)


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with JavaScript"])
def test_s30_no_style_hides_where_a_link_really_leads(core, ola, page, here):
    hide = (
        "display:none!important;font-size:0!important;color:#fff!important;background:#fff;width:0!important;height:0"
    )
    hidden = f"<style>small,a+small,p *{{{hide}}}p{{font-size:0;color:#fff;line-height:0}}</style>"
    uid = put(core, ola, html_letter(hidden + '<p><a href="https://evil.example/">https://bank.example</a></p>'))
    page.goto(f"{here}/mail/INBOX/{uid}/html")
    note = page.locator("small")
    assert note.inner_text() == "[evil.example]"
    look = note.evaluate(
        "e => { let s = getComputedStyle(e); return [s.fontSize, s.color, s.backgroundColor, s.display] }"
    )
    assert look == ["13px", "rgb(51, 51, 51)", "rgb(255, 255, 255)", "inline"]
    assert note.bounding_box()["width"] > 50
