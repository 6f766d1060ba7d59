"""HTML as text: words apart where a reader sees them apart, nothing of what is hidden, and linear in any input."""

import pytest

from mailcore.mail.showing.html_scan import Tag, scan
from mailcore.mail.showing.html_text import from_html
from tests.processor import costs_under


@pytest.mark.parametrize(("html", "text"), [
    ("<p>First<p>Second", "First\n\nSecond\n"),
    ("<ul><li>Apples<li>Pears</ul>", "Apples\nPears\n"),
    ("<table><tr><td>Sum</td><td>100 kr</td></tr><tr><th>a<th>b</table>", "Sum 100 kr\na b\n"),
    ("<div>A<div>B</div></div>", "A\nB\n"),
    ("x<hr>y", "x\n\ny\n"),
    ("<pre>a\n  b</pre>", "a\n  b\n"),
    ("<pre>\nfirst\n\nlast</pre>end", "first\n\nlast\n\nend\n"),
    ('<p style="white-space: pre-wrap">a\n  b</p>', "a\n  b\n"),
    ("<section>a</section><article>b</article><nav>c</nav><form>d</form>e", "a\nb\nc\nd\ne\n"),
    ("<h1>Title</h1>text", "Title\n\ntext\n"),
    ("<dl><dt>a<dd>b</dl>", "a\nb\n"),
    ("<select><option>a<option>b</select>", "a\nb\n"),
    ('<span style="display:block">a</span><span style="display: block">b</span>', "a\nb\n"),
    ("a<br>b<br/>c<BR >d", "a\nb\nc\nd\n"),
    ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo\n"),
    ("ett\n  ord\tog&nbsp;et", "ett ord og et\n"),
    ("å<b>rs</b>m&oslash;te", "årsmøte\n"),
    ("ord&shy;deling ord&#8203;deling ord<wbr>deling", "orddeling orddeling orddeling\n"),
    ("می\u200cخواهم", "می\u200cخواهم\n"),
    ("&zwnj;&nbsp;&zwnj;&nbsp;Hei&nbsp;&#847;", "Hei\n"),
    ("1 < 2 &lt;b&gt; <3", "1 < 2 <b> <3\n"),
    ("a<!-- b -->c<!--[if mso]>d<![endif]--><!--> e -->", "ac e -->\n"),
    ("<title>t</title><style>p{}</style><script>if (a<b) c</script>d<template>e</template>", "d\n"),
    ('<a href="https://y.example/z?a&amp;b">les</a>', "les <https://y.example/z?a&b>\n"),
    ("<a href=https://y.example>https://y.example/</a>", "https://y.example/\n"),
    ('<a href="javascript:x()">les</a> <a href="/inn">her</a>', "les her\n"),
    ('<a href="https://x.example/a"><img src="x" alt="Pay now"></a>', "[Pay now] <https://x.example/a>\n"),
    ('Hi <img src="cid:l" alt="logo"> there <img src="x" alt="">', "Hi [logo] there\n"),
    ('<p title="a > b">c</p>', "c\n"),
    ("a &#99999999999; b &#xD800; c &#0;", "a \ufffd b \ufffd c \ufffd\n"),
    ("a\x00b\x01c", "abc\n"),
    ("<a <a <a", "<a <a <a\n"),
    ("", "\n"),
])  # fmt: skip
def test_words_stand_as_a_reader_sees_them(html, text):
    assert from_html(html) == text


@pytest.mark.parametrize(
    "html",
    [
        '<div style="display:none">hidden<div>hidden</div>hidden</div>seen',
        "<span hidden>hidden</span>seen",
        '<p style="color:red; DISPLAY : none">hidden<p>seen',
        '<ul><li style="display:none">hidden<ul><li>hidden</ul>hidden<li>seen</ul>',
        '<table><tr><td style="display:none">hidden<table><tr><td>hidden</table><td>seen</table>',
        '<table><tr style="display:none"><td>hidden<tr><td>seen</table>',
        '<div><p style="display:none">hidden</div>seen',
    ],
)
def test_what_is_hidden_is_left_out_up_to_its_end(html):
    assert from_html(html) == "seen\n"


def test_a_long_page_is_read_as_far_as_asked():
    assert len(from_html("<p>word " * 100_000, most=1000)) < 2000


ENDLESS = {
    "br": "<br " * 50_000, "break": "<br>" * 50_000, "a": "<a href='" * 40_000, "comment": "<!--" * 60_000,
    "declaration": "<!" * 100_000, "style": "<style>" * 40_000, "quoted end": '<a <a b=">"' * 20_000,
    "quote": '<a b="' * 40_000 + ">", "div": "<div>" * 40_000, "hidden": '<p style="display:none">' * 20_000,
    "number": "&#" + "9" * 100_000, "ampersands": "&" * 200_000, "equals": "<a " + "=" * 200_000, "slashes": "</" * 100_000,
    "pre": "<pre>" * 20_000 + "a\n" * 20_000, "zero width": "\u200c" * 200_000, "title": "<title>" + "</titl" * 50_000,
    "links": "<a href=http://x>" * 20_000, "spaces": "<td" + " " * 200_000, "style end": "<p style='" + ";  " * 50_000 + "'>",
}  # fmt: skip


@pytest.mark.parametrize("html", ENDLESS.values(), ids=ENDLESS)
def test_text_of_any_html_is_made_in_linear_time(html):
    with costs_under(1):  # what goes back takes minutes
        from_html(html)


def test_the_content_of_a_sheet_comes_with_its_tag():
    tags = [piece for piece in scan("<!--<style>a</style>--><style media=print>p{x}</style>") if isinstance(piece, Tag)]
    assert [(tag.name, tag.is_end, tag.content) for tag in tags] == [("style", False, "p{x}"), ("style", True, "")]
    assert tags[0].attributes() == {"media": "print"}
