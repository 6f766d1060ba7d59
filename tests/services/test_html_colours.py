"""A colour and its background stay or go together in HTML of strangers: no words are left that nobody can see."""

import re

import pytest

from mailcore.services.webmail import html_mail
from mailcore.services.webmail.css_mail import LOST, MAX_SHEET, safe_sheet, safe_style
from tests.machine import program
from tests.processor import costs_under


@pytest.mark.parametrize(("css", "kept"), [
    ("background:#003366;color:#ffffff", "background:#003366;color:#ffffff"),
    ("background:#036 url(https://x.example/y.png) no-repeat center/cover;color:#fff", "background:#036;color:#fff"),
    ("background:url(x) , url(y) navy;color:#fff", "background:navy;color:#fff"),
    ("background:url(x),linear-gradient(#036,#036);color:#fff", "background:linear-gradient(#036,#036);color:#fff"),
    ("background-image:linear-gradient(90deg,#036,rgb(1 2 3 / 50%));color:white",
     "background-image:linear-gradient(90deg,#036,rgb(1 2 3 / 50%));color:white"),
    ("background-color:#036;background-image:url(x);color:#fff", "background-color:#036;color:#fff"),
    ("background:rgb(0,51,102)!important;color:#fff", "background:rgb(0,51,102)!important;color:#fff"),
    ("background:hsl(210 100% 20%);color:hsl(0 0% 100%)", "background:hsl(210 100% 20%);color:hsl(0 0% 100%)"),
    ("background:url(x);color:#fff", f"background-color:{LOST}"),
    ("background-image:url(x);color:#fff", f"background-color:{LOST}"),
    ("background:var(--dark);color:#fff", f"background-color:{LOST}"),
    ("background:#111;color:var(--light)", f"background-color:{LOST}"),
    ("background:image-set('x' 1x);color:#fff", f"background-color:{LOST}"),
    ("background:none;color:#333", "background:none;color:#333"),
    ("color:transparent", ""), ("color:rgba(0,0,0,0)", ""),
    ("background:expression(alert(1)) #036", "background:#036"),
    ("background:" + "rgb(" * 3000, f"background-color:{LOST}"), ("color:" + "rgb(" * 3000, ""),
    ("color:#123;" * 5000, ""),  # nobody writes so much of one element
])  # fmt: skip
def test_a_declaration_keeps_both_or_neither(css, kept):
    assert safe_style(css) == kept


def page(html: str) -> str:
    return html_mail.clean(html, {}).html


@pytest.mark.parametrize("html", [
    '<body style="background-color:#111111"><p style="color:#ffffff">Words</p></body>',
    '<BODY BGCOLOR="#111111"><p style="color:#ffffff">Words</p>',
    '<body bgcolor=111111 text=ffffff>Words',
    '<html style="background:#111111"><body><p style="color:#ffffff">Words',
    "<style>body{background:#111111;color:#ffffff}</style><p>Words",
    '<style>.dark{background:#111111}</style><body class="dark"><p style="color:#ffffff">Words',
    '<style>#all{background:#111111}</style><body id=all><p style="color:#ffffff">Words',
    '<table bgcolor="#111111"><tr><td><font color="#ffffff">Words</font></td></tr></table>',
    '<table style="background:#111111 url(x)"><tr><td style="color:#ffffff">Words</table>',
    '<style>td[class^="a"], u + #b .sm\\:c, p:not(.x){background:#111111;color:#ffffff}</style><p>Words',
    '<style media="screen and (min-width:1px)">p{background:#111111;color:#ffffff}</style><p>Words',
])  # fmt: skip
def test_white_words_keep_their_dark_background(html):
    assert {"#111111", "#ffffff"} <= set(re.findall(r"#\w{6}", page(html).replace('"111111"', '"#111111"')))


@pytest.mark.parametrize(
    "html",
    [
        '<table background="https://x.example/dark.png"><tr><td><font color="#fff">Words</font></table>',
        '<table><tr><td background="cid:nowhere"><b style="color:#fff">Words',
        '<table><tr><td style="background-image:url(https://x.example/dark.png)"><p style="color:white">Words</table>',
        '<body background="https://x.example/dark.png"><p style="color:#ffffff">Words',
        "<style>.h{background:url(x)} .h p{color:#FFF}</style><div class=h><p>Words</div>",
    ],
)
def test_white_words_on_a_picture_that_is_left_out_get_a_grey_one(html):
    assert "background-color:#767676" in page(html)
    assert LOST not in page(html)


def test_dark_words_on_a_picture_that_is_left_out_stand_on_the_page():
    html = page('<body background="https://x.example/paper.png"><p style="color:#333">Words')
    assert "#767676" not in html
    assert LOST not in html


def test_a_background_of_its_own_is_not_painted_over():
    html = page('<table><td background="x" bgcolor="#036"><font color=white>Words')
    assert ':where([background="data:,"]:not([bgcolor]))' in html


def test_the_page_is_light_whatever_the_reader_prefers():
    sheet = (
        "<style>@media (prefers-color-scheme: dark){p{color:#fff}} @media screen and (Prefers-Color-Scheme:light)"
        "{p{background:#111}}</style>"
    )
    assert safe_sheet(sheet) == (
        "<style>@media (max-width:0){p{color:#fff}}\n@media screen and (min-width:0){p{background:#111}}</style>"
    )
    assert "color-scheme:only light" in page("x")


def test_a_sheet_is_read_whole_or_not_at_all():
    rule = "p{background:#111}"
    assert safe_sheet(f"<style>{rule * 1000}</style><style>{'p{color:#fff}' * (MAX_SHEET // 10)}</style>") == ""
    assert rule in safe_sheet(f"<style>{rule}</style>")


@pytest.mark.parametrize(
    "html",
    [
        "<!--[if mso]><style>p{color:#fff}</style><![endif]-->Words",
        "<script><style>p{color:#fff}</style></script>Words",
    ],
)
def test_a_sheet_in_a_comment_is_none(html):
    assert safe_sheet(html) == ""


@pytest.mark.parametrize("html", [
    "<style>" + "(" * 5000 + "{}", "<style>p{color:" + "rgb(" * 5000 + "}", "<style>" + ":is(" * 3000 + "{color:red}",
    "<style>" + "[" * 5000 + "{color:red}", "<style>" + "@media x{" * 3000, "<p style='color:" + "rgb(" * 5000 + "'>",
    "<div>" * 20_000, "<div></b>" * 20_000, "<table><td>" * 5000, "<b><p>" * 3000, "src=" + " " * 50_000, "url(" * 20_000,
    "<img src=x>" * 5000, "<a href=https://x.example>" * 3000,
])  # fmt: skip
def test_no_html_breaks_the_page_or_takes_long(html):
    with costs_under(1):
        assert page(html).endswith("</body></html>")
        html_mail.has_remote(html)


def test_an_attribute_that_cannot_be_read_does_not_pass(monkeypatch):
    monkeypatch.setattr(html_mail, "safe_style", lambda *_: 1 / 0)
    assert "position" not in page('<p style="position:fixed">Words</p>')


_CONTRASTS = """() => {
  const lights = css => {
    const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number);
    const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return [0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b), a];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    let element = walker.currentNode.parentElement;
    const [words] = lights(getComputedStyle(element).color);
    let behind = 1;
    for (; element; element = element.parentElement) {
      const style = getComputedStyle(element);
      const gradient = style.backgroundImage.match(/gradient\\(.*?(rgb[^)]*\\))/);
      if (gradient) { behind = lights(gradient[1])[0]; break; }
      const [light, alpha] = lights(style.backgroundColor);
      if (alpha > 0) { behind = light; break; }
    }
    found.push((Math.max(words, behind) + 0.05) / (Math.min(words, behind) + 0.05));
  }
  return found;
}"""
SEEN = [
    '<body bgcolor="#111111"><p style="color:#fff">Words', '<body bgcolor="111111" text="fefefe">Words',
    '<html style="background:#111"><body><font color=white>Words', "<style>body{background:#111;color:#fff}</style>Words",
    '<p style="background:#036 url(x) no-repeat;color:#fff">Words', '<p style="background:url(x);color:#fff">Words',
    '<p style="background-image:linear-gradient(#036,#036);color:#fff">Words',
    '<p style="background:var(--x,#036);color:#fff">Words', '<p style="background:#111;color:var(--light)">Words',
    '<div style="background-image:url(x)"><p style="color:#fff">Words<p style="color:#000">Words</div>',
    '<table background="x"><tr><td><font color="#fff">Words</font></table>', '<body background=x><p style="color:white">Words',
    '<table><tr bgcolor=navy><td style="color:#eee">Words</table>',
    '<table bgcolor="#036"><td><a href="https://x" style="color:#fff">W</a>',
    "<style>.a{background:#036}.a p{color:#fff}</style><div class=a><p>Words</div>",
    "<style>.a{background:url(x)}.a p{color:#fff}</style><div class=a><p>Words</div>",
    "<style>:root{color-scheme:light dark}@media (prefers-color-scheme:dark){p{color:#fff}}</style><p>Words",
    "<style>@media (prefers-color-scheme:light){body{background:#111}}</style><p style='color:#fff'>Words",
    "<style>body.n{background:#111}</style><body class=n><p style='color:#fff'>Words",
    '<p style="color:transparent">Words', '<meta name="color-scheme" content="dark"><p style="color:light-dark(#000,#fff)">Words',
    '<p style="background:CanvasText;color:Canvas">Words',
    "<style>@supports (display:grid){body{background:#111}}</style><p style='color:#fff'>Words",
    "<style>@layer{@layer a.b{body{background:#111}}}</style><p style='color:#fff'>Words",
    "<style>html{background:#111}body{color:#fff}</style>Words", "<style>:root{background:#111}p{color:#fff}</style><p>Words",
    "<style>html,body{background:#111}</style><p style='color:#fff'>Words", "<style>*{background:#111;color:#fff}</style>Words",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.interop
def test_in_a_real_browser_all_words_are_seen_in_light_and_in_dark():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        poor = []
        for scheme in ("light", "dark"):
            shown = browser.new_page(color_scheme=scheme)
            for html in SEEN:
                shown.set_content(page(html))
                contrasts = shown.evaluate(_CONTRASTS)
                if not contrasts or min(contrasts) < 3:
                    poor.append((scheme, html, contrasts))
        browser.close()
    assert poor == []
