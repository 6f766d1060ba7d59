"""Attacks on the portal; requests as they go out, `right` is the status, or several, `-` = the server closes."""

from dataclasses import dataclass

from tests.attacks.server.case import Case

SMUGGLED = b"GET /static/smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
HTTP = "RFC 9112 section 6.1"
DESYNC = "RFC 9112 section 11.2, CWE-444"
HOST = b"Host: 127.0.0.1\r\n"
LAST = b"Connection: close\r\n\r\n"


def get(name: str, path: bytes, right: str, source: str, head: bytes = b"") -> Case:
    return Case(name, source, b"GET " + path + b" HTTP/1.1\r\n" + HOST + head + LAST, right)


def raw(name: str, octets: bytes, right: str, source: str) -> Case:
    return Case(name, source, octets, right)


def post(name: str, head: bytes, body: bytes, right: str, source: str, path: bytes = b"/login") -> Case:
    octets = b"POST " + path + b" HTTP/1.1\r\n" + HOST + head + b"Content-Length: %d\r\n" % len(body) + LAST + body
    return Case(name, source, octets, right)


def two_lengths(name: str, head: bytes, body: bytes, right: str = "400|501", source: str = DESYNC) -> Case:
    """A request whose end two servers see at different places, with a second one behind it that must not be answered."""
    octets = b"POST /login HTTP/1.1\r\n" + HOST + head + b"\r\n" + body + SMUGGLED
    return Case(f"desync: {name}", source, octets, right, "one answer")


CHUNKS = b"0\r\n\r\n"
DESYNCS = [
    two_lengths("both lengths", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
    two_lengths("both lengths, the other way round", b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", CHUNKS + b"X"),
    two_lengths("two lengths", b"Content-Length: 0\r\nContent-Length: 72\r\n", b""),
    two_lengths("two lengths in one field", b"Content-Length: 0, 72\r\n", b""),
    two_lengths("a length with a plus", b"Content-Length: +0\r\n", b"", source="CVE-2018-7159, CVE-2022-2880"),
    two_lengths("a negative length", b"Content-Length: -1\r\n", b""),
    two_lengths("a hexadecimal length", b"Content-Length: 0x0\r\n", b""),
    two_lengths("a length with a blank in it", b"Content-Length: 1 2\r\n", b""),
    two_lengths("a length of digits of another script", "Content-Length: ٠\r\n".encode(), b""),
    two_lengths("a length of nothing", b"Content-Length:\r\n", b""),
    two_lengths("a length of 2^64", b"Content-Length: 18446744073709551616\r\n", b"", "400|413", "CWE-190"),
    two_lengths("a length with an underscore", b"Content-Length: 1_0\r\n", b"", source="CVE-2023-37276"),
    two_lengths("a blank before the colon", b"Content-Length : 5\r\n", b"hello", source="RFC 9112 section 5.1"),
    two_lengths("a coding that is none", b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    two_lengths("a coding with a comma", b"Transfer-Encoding: chunked, identity\r\n", CHUNKS, source="CVE-2024-1135"),
    two_lengths("chunked twice", b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS, source="CVE-2024-1135"),
    two_lengths("two fields of codings", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CHUNKS, source="CVE-2024-1135"),
    two_lengths("a coding with a tab", b"Transfer-Encoding:\x0bchunked\r\n", CHUNKS),
    two_lengths("a coding in quotation marks", b'Transfer-Encoding: "chunked"\r\n', CHUNKS),
    two_lengths("a coding on a line of its own", b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS, source="RFC 9112 section 5.2"),
    two_lengths("a coding with a blank before the colon", b"Transfer-Encoding : chunked\r\n", CHUNKS, source="RFC 9112 section 5.1"),
    two_lengths("a field whose name ends in NUL", b"Content-Length\0: 5\r\n", b"hello"),
    two_lengths("a field with a CR within", b"X: a\rContent-Length: 5\r\n", b"hello", source="RFC 9112 section 2.2"),
    two_lengths("a length with a lone LF", b"X: a\nContent-Length: 5\r\n", b"hello", source="RFC 9112 section 2.2"),
    two_lengths("a size of a chunk that is none", b"Transfer-Encoding: chunked\r\n", b"x\r\n", "400|403|411"),
    two_lengths("a size of a chunk with 0x", b"Transfer-Encoding: chunked\r\n", b"0x1\r\na\r\n0\r\n\r\n", "400|403|411"),
    two_lengths("a negative size of a chunk", b"Transfer-Encoding: chunked\r\n", b"-1\r\n\r\n", "400|403|411"),
    two_lengths("a size of a chunk with an underscore", b"Transfer-Encoding: chunked\r\n", b"1_0\r\na\r\n0\r\n\r\n", "400|403|411"),
    two_lengths("a chunk longer than its size", b"Transfer-Encoding: chunked\r\n", b"1\r\nabc\r\n0\r\n\r\n", "400|403|411"),
    two_lengths("a chunk that ends with LF", b"Transfer-Encoding: chunked\r\n", b"1\na\n0\n\n", "400|403|411", "CVE-2025-22871"),
    two_lengths("a chunk's extension with LF", b"Transfer-Encoding: chunked\r\n", b"2;\nxx\r\n4c\r\n0\r\n\r\n", "400|403|411", "CVE-2025-22871"),
    two_lengths("a chunk of 2^64", b"Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFFF\r\n", "400|403|411|413", "CVE-2013-2028"),
]  # fmt: skip

REQUESTS = [
    raw("Host of another", b"GET /desk HTTP/1.1\r\nHost: evil.example\r\n" + LAST, "421|400", "CWE-644"),
    raw("two Hosts", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n" + LAST, "400|421", "RFC 9112 section 3.2"),
    raw("no Host", b"GET / HTTP/1.1\r\n" + LAST, "400|421", "RFC 9112 section 3.2"),
    raw("an address within the request line", b"GET http://evil.example/desk HTTP/1.1\r\n" + HOST + LAST, "400|421|404|302|303|308", "RFC 9112 section 3.2.2"),
    raw("Host with an at sign", b"GET / HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n" + LAST, "400|421", "CWE-644"),
    raw("Host with a path", b"GET / HTTP/1.1\r\nHost: 127.0.0.1/evil.example\r\n" + LAST, "400|421", "CWE-644"),
    get("X-Forwarded-Host", b"/desk", "302|303|308|404|403", "CWE-644", b"X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n"),
    get("X-Original-URL", b"/faq", "200", "CVE-2018-14773", b"X-Original-URL: /desk/\r\nX-Rewrite-URL: /desk/\r\n"),
    get("SCRIPT_NAME", b"/desk", "302|303|308|404|403", "CWE-644", b"Script-Name: /evil\r\nX-Script-Name: /evil\r\n"),
    raw("TRACE", b"TRACE / HTTP/1.1\r\n" + HOST + LAST, "405", "CVE-2004-2320"),
    raw("CONNECT", b"CONNECT evil.example:25 HTTP/1.1\r\n" + HOST + LAST, "400|404|405|421", "CWE-441"),
    raw("a method in small letters", b"get / HTTP/1.1\r\n" + HOST + LAST, "400|405|501", "RFC 9110 section 9.1"),
    raw("a method that is none", b"JEFF / HTTP/1.1\r\n" + HOST + LAST, "405|501", "RFC 9110 section 9.1"),
    raw("a method of 10,000 letters", b"A" * 10_000 + b" / HTTP/1.1\r\n" + HOST + LAST, "400|405|501|414", "CWE-770"),
    raw("DELETE of a page", b"DELETE /login HTTP/1.1\r\n" + HOST + LAST, "405", "RFC 9110 section 9.3.5"),
    raw("PUT of a file", b"PUT /static/x.html HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n" + LAST + b"x", "405", "CWE-434"),
    raw("a method by a field", b"POST /help HTTP/1.1\r\n" + HOST + b"X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n" + LAST, "400|403", "CWE-650"),
    raw("a method by a field of the form", b"POST /help?_method=GET HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n" + LAST, "400|403", "CWE-650"),
    raw("HTTP/0.9", b"GET /\r\n\r\n", "400|505|-", "RFC 9112 section 2.3"),
    raw("HTTP/9.9", b"GET / HTTP/9.9\r\n" + HOST + LAST, "400|505", "RFC 9112 section 2.3"),
    raw("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400|405|505|501", "RFC 9113 section 3.4"),
    raw("an upgrade to h2c", b"GET /faq HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" + LAST, "200", "CWE-444"),
    raw("TLS from the first octet", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400|-", "CWE-20"),
    raw("SMTP", b"EHLO evil.example\r\nMAIL FROM:<a@b>\r\n\r\n", "400|-", "CWE-20"),
    raw("a head of 200 KB", b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 200_000 + b"\r\n" + LAST, "400|431", "RFC 6585 section 5"),
    raw("ten thousand fields", b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 8000 + LAST, "400|431", "CVE-2011-3192"),
    raw("a path of 100 KB", b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n" + HOST + LAST, "400|414|431", "RFC 9110 section 15.5.15"),
    raw("NUL in a field", b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n" + LAST, "400", "RFC 9110 section 5.5"),
    raw("a field without a colon", b"GET / HTTP/1.1\r\n" + HOST + b"nothing\r\n" + LAST, "400", "RFC 9112 section 5"),
    raw("a field without a name", b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n" + LAST, "400", "RFC 9112 section 5"),
    raw("a folded field", b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n" + LAST, "400", "RFC 9112 section 5.2"),
    raw("a field's name with an underscore", b"GET /desk HTTP/1.1\r\n" + HOST + b"X_Forwarded_Host: evil.example\r\n" + LAST, "302|303|308|400|403|404", "CVE-2023-38037"),
    raw("lines that end with LF", b"GET /faq HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n", "200|400|408|-", "RFC 9112 section 2.2"),
    raw("a blank before the first field", b"GET / HTTP/1.1\r\n " + HOST + LAST, "400", "RFC 9112 section 2.2"),
    raw("an address with a line end", b"GET /a\rb HTTP/1.1\r\n" + HOST + LAST, "400|404", "RFC 9112 section 3.2"),
    # paths
    get("dots", b"/static/../../../../etc/passwd", "404|400", "CVE-2021-41773, CWE-22"),
    get("dots in percent signs", b"/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "404|400", "CVE-2021-41773, CWE-22"),
    get("dots in two percent signs", b"/static/%252e%252e/%252e%252e/etc/passwd", "404|400", "CVE-2021-42013, CWE-22"),
    get("a slash in percent signs", b"/static/..%2f..%2f..%2fetc%2fpasswd", "404|400", "CWE-22"),
    get("backslashes", b"/static/..\\..\\..\\etc\\passwd", "404|400", "CWE-22"),
    get("backslashes in percent signs", b"/static/..%5c..%5cetc%5cpasswd", "404|400", "CWE-22"),
    get("an absolute path", b"/static//etc/passwd", "404|400|308", "CWE-22"),
    get("an absolute path in percent signs", b"/static/%2fetc%2fpasswd", "404|400|308", "CWE-22"),
    get("overlong dots", b"/static/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "404|400", "CVE-2000-0884, CWE-22"),
    get("dots with a semicolon", b"/static/..;/..;/etc/passwd", "404|400", "CVE-2018-1271, CWE-22"),
    get("NUL at the end of a name", b"/static/icons.svg%00.html", "404|400", "CWE-158"),
    get("a stream of NTFS", b"/static/icons.svg::$DATA", "404|400", "CVE-1999-0278"),
    get("our own source", b"/static/../__init__.py", "404|400", "CWE-22"),
    get("a hidden file", b"/.git/config", "404", "CWE-538"),
    get("the environment", b"/.env", "404", "CWE-538"),
    get("the debugger", b"/?__debugger__=yes&cmd=resource&f=debugger.js", "200|302|303", "CVE-2016-10516"),
    get("a folder of static", b"/static/", "404|403", "CWE-548"),
    get("the metrics", b"/metrics", "404", "CWE-538"),
    # injection into what is answered
    get("a line end in a redirect", b"/desk%0d%0aX-Evil:%201", "404|400", "CWE-113"),
    get("a line end in a query", b"/login?next=%0d%0aX-Evil:%201", "200", "CWE-113"),
    get("a line end in Unicode", "/login?next=嘊X-Evil: 1".replace(" ", "%20").encode(), "200|400", "CWE-113"),
    get("two slashes", b"//evil.example/%2e%2e", "404|400|308|421|302", "CVE-2018-14574, CWE-601"),
    get("two slashes and a page", b"//evil.example/desk", "404|400|308|421|302", "CVE-2018-14574, CWE-601"),
    get("a backslash and a page", b"/\\evil.example/desk", "404|400|308", "CWE-601"),
    get("next to another site", b"/login?next=//evil.example/", "200", "CWE-601"),
    get("next to another scheme", b"/login?next=javascript:alert(1)", "200", "CWE-601"),
    get("a script in a path", b"/%3Cscript%3Ealert(1)%3C/script%3E", "404", "CWE-79"),
    get("a script in a query", b"/help?subject=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "200", "CWE-79"),
    get("a template in a path", b"/%7B%7B7*191%7D%7D", "404", "CWE-1336"),
    get("a template in a language", b"/faq?lang=%7B%7B7*191%7D%7D", "200|400|302|303", "CWE-1336"),
    get("a language that is a path", b"/faq", "200", "CWE-22", b"Accept-Language: ../../../etc/passwd\r\n"),
    get("ten thousand languages", b"/faq", "200", "CWE-400", b"Accept-Language: " + b",".join([b"xx;q=0.1"] * 900) + b"\r\n"),
    # fields
    get("a thousand ranges", b"/static/icons.svg", "200|206|416", "CVE-2011-3192", b"Range: bytes=" + b",".join(b"%d-" % n for n in range(900)) + b"\r\n"),
    get("a range that is none", b"/static/icons.svg", "200|206|416", "CVE-2017-7529", b"Range: bytes=-9223372036854775608,-17208\r\n"),
    get("a session that was made up", b"/mail/", "302|303", "CWE-384", b"Cookie: alumnimail_session=eyJhbGciOiJub25lIn0.eyJpZCI6MX0.; alumnimail_forms=x\r\n"),
    get("a session of a thousand cookies", b"/mail/", "302|303|400|431", "CWE-400", b"Cookie: " + b"; ".join([b"alumnimail_session=x"] * 900) + b"\r\n"),
    get("a session that is a pickle", b"/mail/", "302|303", "CWE-502", b"Cookie: alumnimail_session=gASVJAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==\r\n"),
    get("a date of year 99999", b"/static/icons.svg", "200|304", "CWE-20", b"If-Modified-Since: Mon, 99 Foo 99999 99:99:99 GMT\r\n"),
    get("a log-in by Basic", b"/mail/", "302|303|401", "CWE-287", b"Authorization: Basic b2xhOng=\r\n"),
    get("a log-in by Basic that is no base64", b"/dav/", "401|400", "CWE-20", b"Authorization: Basic \xff\xff\r\n"),
    get("a log-in by Bearer", b"/scim/v2/Users", "401|404", "CWE-287", b"Authorization: Bearer null\r\n"),
    get("an address of another's card", b"/dav/kari/contacts/", "401", "CWE-639"),
    get("Content-Encoding that is a bomb", b"/faq", "200", "CWE-409", b"Accept-Encoding: gzip;q=nan, *;q=99999999999\r\n"),
    # forms
    post("no token", b"Content-Type: application/x-www-form-urlencoded\r\n", b"username=ola&password=x", "400|403", "CWE-352"),
    post("a token of nobody", b"Content-Type: application/x-www-form-urlencoded\r\n", b"csrf_token=x&username=ola&password=x", "400|403", "CWE-352"),
    post("a token in the address", b"Content-Type: application/x-www-form-urlencoded\r\n", b"username=ola", "400|403", "CWE-352", b"/login?csrf_token=x"),
    post("a form as text", b"Content-Type: text/plain\r\n", b"username=ola&password=x", "400|403|415", "CWE-352"),
    post("a form as JSON", b"Content-Type: application/json\r\n", b'{"username":"ola"}', "400|403|415", "CWE-352"),
    post("JSON of 100,000 brackets", b"Content-Type: application/json\r\n", b"[" * 100_000, "400|403|413|415", "CVE-2020-10735, CWE-674", b"/login/passkey"),
    post("JSON of a number of 100,000 digits", b"Content-Type: application/json\r\n", b"9" * 100_000, "400|403|413|415", "CVE-2020-10735", b"/login/passkey"),
    post("a hundred thousand fields", b"Content-Type: application/x-www-form-urlencoded\r\n", b"a=b&" * 100_000, "400|403|413", "CVE-2023-25577"),
    post("fields whose names are alike", b"Content-Type: application/x-www-form-urlencoded\r\n", b"&".join(b"a[%d]=1" % n for n in range(20_000)), "400|403|413", "CVE-2011-4885"),
    post("two megabytes for a small form", b"Content-Type: application/x-www-form-urlencoded\r\n", b"a=" + b"x" * 2_000_000, "413", "CWE-770"),
    post("a multipart without an end", b"Content-Type: multipart/form-data; boundary=x\r\n", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"y" * 50_000, "400|403|413", "RFC 7578 section 4.1"),
    post("a multipart without a boundary", b"Content-Type: multipart/form-data\r\n", b"--x\r\n\r\n", "400|403", "RFC 2046 section 5.1.1"),
    post("a boundary of 10,000", b"Content-Type: multipart/form-data; boundary=" + b"x" * 7000 + b"\r\n", b"--" + b"x" * 7000 + b"--\r\n", "400|403", "RFC 2046 section 5.1.1"),
    post("ten thousand parts", b"Content-Type: multipart/form-data; boundary=x\r\n", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 10_000 + b"--x--\r\n", "400|403|413", "CVE-2023-25577"),
    post("a part's head of 900 KB", b"Content-Type: multipart/form-data; boundary=x\r\n", b"--x\r\nX: " + b"y" * 900_000 + b"\r\n\r\n\r\n--x--\r\n", "400|403|413", "CVE-2024-49767"),
    post("a part that is nearly its boundary", b"Content-Type: multipart/form-data; boundary=x\r\n", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"\r" * 500_000 + b"--x--\r\n", "400|403|413", "CVE-2023-46136"),
    post("a part's name with a line end", b"Content-Type: multipart/form-data; boundary=x\r\n", b'--x\r\nContent-Disposition: form-data; name="a\r\nX: b"\r\n\r\n\r\n--x--\r\n', "400|403", "CWE-93"),
    post("a file whose name is a path", b"Content-Type: multipart/form-data; boundary=x\r\n", b'--x\r\nContent-Disposition: form-data; name=file; filename="../../etc/cron.d/x"\r\n\r\nx\r\n--x--\r\n', "400|403", "CWE-22"),
    post("a packed form", b"Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n", b"\x1f\x8b" * 50, "400|403|415", "CWE-409"),
    post("XML with a file", b"Content-Type: text/xml\r\n", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Autodiscover><Request><EMailAddress>&b;</EMailAddress></Request></Autodiscover>', "200|400|403|404", "CWE-611", b"/autodiscover/autodiscover.xml"),
    post("XML that laughs a billion times", b"Content-Type: text/xml\r\n", b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(b'<!ENTITY a%d "%s">' % (n + 1, b"&a%d;" % n * 10 if n else b"&a;" * 10) for n in range(9)) + b"]><Autodiscover>&a9;</Autodiscover>", "200|400|403|404", "CVE-2003-1564, CWE-776", b"/autodiscover/autodiscover.xml"),
    post("XML of 50,000 elements within each other", b"Content-Type: text/xml\r\n", b"<a>" * 50_000, "200|400|403|404", "CVE-2022-25315, CWE-674", b"/autodiscover/autodiscover.xml"),
    post("XML in UTF-7", b"Content-Type: text/xml; charset=utf-7\r\n", b"+ADwAIQ-DOCTYPE", "200|400|403|404|415", "CWE-838", b"/autodiscover/autodiscover.xml"),
    raw("a body that is shorter than was said", b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 50\r\nContent-Type: application/x-www-form-urlencoded\r\n" + LAST + b"a=b", "400|403|408|-", "CWE-130"),
    raw("Expect of something else", b"POST /login HTTP/1.1\r\n" + HOST + b"Expect: 200-maybe\r\nContent-Length: 0\r\n" + LAST, "400|403|417", "RFC 9110 section 10.1.1"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who has logged in; `{token}` is that of the forms."""

    name: str
    source: str
    method: str
    path: str
    right: str
    form: str = ""
    head: str = ""

    def __str__(self) -> str:
        return self.name


BROKEN_ACCESS = "CWE-639"
VISITS = [
    Visit("the desk", "CWE-862", "GET", "/desk/", "403|404"),
    Visit("the desk's people", "CWE-862", "GET", "/desk/people/kari", "403|404"),
    Visit("a recovery by the desk", "CWE-862", "POST", "/desk/people/kari/recover", "403|404", "csrf_token={token}"),
    Visit("the administration", "CWE-862", "GET", "/admin/", "403|404"),
    Visit("an account of the administration", "CWE-862", "POST", "/admin/accounts/kari/close", "403|404", "csrf_token={token}"),
    Visit("the log of the administration", "CWE-862", "GET", "/admin/log", "403|404"),
    Visit("the settings of the administration", "CWE-862", "GET", "/admin/settings", "403|404"),
    Visit("a case of somebody else", BROKEN_ACCESS, "GET", "/tickets/1", "403|404"),
    Visit("a take-out of somebody else", BROKEN_ACCESS, "GET", "/takeout/file/1", "403|404|410"),
    Visit("a trace of somebody else", BROKEN_ACCESS, "GET", "/trace/1", "403|404|200"),
    Visit("an import of somebody else", BROKEN_ACCESS, "POST", "/imports/1/remove", "303|403|404", "csrf_token={token}"),
    Visit("a filter that is none", BROKEN_ACCESS, "GET", "/filters/999999999999999999999", "404"),
    Visit("a message of UID 2^64", "CWE-190", "GET", "/mail/INBOX/18446744073709551616/", "404"),
    Visit("a message of UID 0", "CWE-190", "GET", "/mail/INBOX/0", "404"),
    Visit("a mailbox that is a path", "CWE-22", "GET", "/mail/..%2f..%2fetc%2fpasswd/", "404|400"),
    Visit("a mailbox that is a script", "CWE-79", "GET", "/mail/%3Cscript%3Ealert(1)%3C%2Fscript%3E/", "404"),
    Visit("a mailbox of another's", BROKEN_ACCESS, "GET", "/mail/user%2Fkari%2FINBOX/", "404"),
    Visit("a file of a message that is none", BROKEN_ACCESS, "GET", "/mail/INBOX/1/file/99999999999999999999/", "404"),
    Visit("a picture of an address within", "CWE-918", "GET", "/mail/picture?url=http://127.0.0.1/&mac=x", "400|403|404"),
    Visit("a picture of the cloud's own address", "CWE-918", "GET", "/mail/picture?url=http://169.254.169.254/latest/", "400|403|404"),
    Visit("a search of 100,000 letters", "CWE-1333", "GET", "/mail/search?q=" + "a" * 6000, "200|400|414"),
    Visit("a search of brackets", "CWE-674", "GET", "/mail/search?q=" + "(" * 4000, "200|400"),
    Visit("a search of SQL", "CWE-89", "GET", "/mail/search?q='%20OR%201=1%20--", "200"),
    Visit("a search that is a script", "CWE-79", "GET", "/mail/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "200"),
    Visit("a log-out without a token", "CWE-352", "POST", "/logout", "400|403", "x=y"),
    Visit("forwarding without a token", "CWE-352", "POST", "/forwarding", "400|403", "target=evil@elsewhere.example"),
    Visit("an app password without a token", "CWE-352", "POST", "/account/apps", "400|403", "name=x"),
    Visit("a new password without a token", "CWE-352", "POST", "/password", "400|403", "current=x&password=y"),
    Visit("a message without a token", "CWE-352", "POST", "/mail/compose", "400|403", "to=x@y.example&action=send"),
    Visit("a script without a token", "CWE-352", "POST", "/filters/scripts/", "400|403", "name=x"),
    Visit("a closing without a token", "CWE-352", "POST", "/account/close", "400|403", "password=x"),
    Visit("a token of somebody else", "CWE-352", "POST", "/forwarding", "400|403", "csrf_token={other}&target=evil@elsewhere.example"),
    Visit("a method by a field", "CWE-650", "GET", "/logout?_method=POST", "404|405", "", "X-HTTP-Method-Override: POST\r\n"),
    Visit("forwarding with two targets", "CWE-93", "POST", "/forwarding", "200|303|302|400|422", "csrf_token={token}&target=a@elsewhere.example%0d%0ab@elsewhere.example"),
    Visit("a letter to Bcc by its subject", "CWE-93", "POST", "/mail/compose", "200|303|302|400|422", "csrf_token={token}&to=liv@alumni.example&subject=x%0d%0aBcc:%20evil@elsewhere.example&text=x&action=send"),
    Visit("a letter to a thousand", "CWE-770", "POST", "/mail/compose", "200|303|302|400|422", "csrf_token={token}&subject=x&text=x&action=send&to=" + ",".join(f"a{n}@elsewhere.example" for n in range(2000))),
    Visit("a script's name that is a path", "CWE-22", "GET", "/filters/scripts/..%2f..%2fetc%2fpasswd", "404|400"),
    Visit("an address of another's", BROKEN_ACCESS, "POST", "/account/addresses/remove", "200|303|302|400|403|404|422", "csrf_token={token}&address=kari@alumni.example"),
    Visit("an archive of a message that is none", BROKEN_ACCESS, "GET", "/mail/INBOX/999999/files.zip", "404"),
]  # fmt: skip
