"""HTML of any make: its text is made, its page holds nothing to act on, and what both show are the same words."""

import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.mail.judging import links
from mailcore.mail.showing import html_scan
from mailcore.mail.showing.html_text import from_html
from mailcore.services.webmail import html_mail
from mailcore.services.webmail.css_mail import safe_sheet, safe_style

_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<div>",
                "</div>",
                "<br>",
                "<pre>",
                "</pre>",
                "<td>",
                "<table>",
                "<li>",
                "<a href='https://x.example/'>",
                "</a>",
                "<a ",
                "<!--",
                "-->",
                "<style>",
                "</style>",
                "<script>",
                "</script>",
                "<svg>",
                "<title>",
                "</title>",
                "<body ",
                "<html>",
                'style="',
                "style='display:none'",
                "hidden",
                "background:url(x)",
                "color:#fff",
                "bgcolor=#036",
                '"',
                "'",
                ">",
                "<",
                "=",
                "/",
                "&",
                "&#",
                "&amp;",
                "&#x110000;",
                "99999999",
                ";",
                "{",
                "}",
                "(",
                ")",
                "rgb(",
                "url(",
                "@media",
                "</",
                "<img src=cid:a>",
                "<img src='data:image/png;base64,AAAA'>",
                "\u200c",
                "\u00ad",
                "\0",
                "\ud800",
                " ",
                "\n",
                "ord",
                "ø",
                "<p onclick=x>",
                "<p style='position:fixed'>",
                "background='//x'",
                "<noscript>",
                "<xmp>",
                "<plaintext>",
                "<textarea>",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=40,
).map("".join)


class _Acts(HTMLParser):
    """Notes what could ask for something or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "svg", "math", "link", "base", "meta"):
            self.found.append(tag)
        for name, value in attrs:
            asks = name in ("src", "background", "srcset", "poster") and not (value or "").startswith(
                ("data:image/", "data:,")
            )
            if (
                name.startswith("on")
                or asks
                or (name == "style" and re.search(r"(?i)position|expression|url\(", value or ""))
            ):
                self.found.append(f"{tag} {name}={value}")


@settings(max_examples=300, deadline=None)
@given(_PIECES)
def test_any_html_has_a_text_and_a_page_that_asks_for_nothing(html):
    words = from_html(html)
    assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f]", words)
    assert len(words) <= 2 * len(html) + 10
    links.mismatches(html)
    list(html_scan.elements(html, "style"))
    clean = html.encode("utf-8", "replace").decode()  # no text that leaves mailcore.mail has lone surrogates
    page = html_mail.clean(clean, {}).html
    reader = _Acts()
    reader.feed(page.partition("</style>")[2].partition("<body")[2])
    assert reader.found == []
    sheet = page.partition("</style>")[2].partition("</head>")[0]
    assert not re.search(r"(?i)url\(|@import|position\s*:", sheet)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "background",
                "background-color",
                "background-image",
                "color",
                ":",
                ";",
                "#036",
                "#fff",
                "white",
                "url(x)",
                "url(",
                "var(--x)",
                "rgb(1,2,3)",
                "rgb(",
                ")",
                "(",
                "!important",
                "linear-gradient(",
                ",",
                "'",
                '"',
                "\\",
                "{",
                "}",
                "/",
                "none",
                "transparent",
                " ",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_declarations_keep_a_light_colour_only_beside_what_covers(css):
    kept = safe_style(css)
    assert "url(" not in kept
    assert "alumnimail-lost" not in kept or not re.search(r"(?:^|;)color:", kept)
    safe_sheet(f"<style>p{{{css}}}</style>")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["ord", "hei", "<p>", "</p>", "<b>", "</b>", "<div>", "</div>", "<td>", "<br>", " ", "&aring;"]
        ),
        max_size=30,
    )
)
def test_page_and_text_show_the_same_letters(pieces):
    def letters(text: str) -> str:
        return "".join(text.split())

    html = "".join(pieces)
    shown = html_mail.clean(html, {}).html.partition("<body>")[2].removesuffix("</body></html>")
    assert letters(from_html(html)) == letters(html_scan.unescaped(re.sub(r"<[^>]*>", "", shown)))
