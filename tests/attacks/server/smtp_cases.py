"""Attacks on port 25 and on submission; `right` are the replies to what is sent after EHLO."""

import base64

from tests.attacks.server.case import Case
from tests.journeys.conftest import PASSWORD

START = b"MAIL FROM:<a@outside.example>\r\nRCPT TO:<kari@alumni.example>\r\n"
HEAD = b"From: a@outside.example\r\nSubject: hei\r\n\r\n"
SMUGGLED = b"MAIL FROM:<evil@outside.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
SMUGGLING = "CVE-2023-51764, CVE-2023-51765, CVE-2023-51766"


def smuggle(name: str, end: bytes, right: str = "250 250 354 550 250", source: str = SMUGGLING) -> Case:
    """A message with an end that some server or other takes for one, and a second message behind it."""
    octets = START + b"DATA\r\n" + HEAD + b"first" + end + SMUGGLED + b"\r\n.\r\nNOOP\r\n"
    return Case(f"smuggling: {name}", source, octets, right)


def coded(text: bytes) -> bytes:
    return base64.b64encode(text)


SPLIT = "250 250 354 250 250"  # one message, in whose text the second stands
SMUGGLING_CASES = [
    smuggle("LF . LF", b"\n.\n"),
    smuggle("LF . CRLF", b"\n.\r\n"),
    smuggle("CRLF . LF", b"\r\n.\n"),
    smuggle("CR . CR", b"\r.\r"),
    smuggle("CR . CRLF", b"\r.\r\n"),
    smuggle("CR . LF", b"\r.\n"),
    smuggle("CRLF . CR", b"\r\n.\r"),
    smuggle("CRLF CR . CRLF", b"\r\n\r.\r\n"),
    smuggle("CR CRLF . CR CRLF", b"\r\r\n.\r\r\n"),
    smuggle("LF LF . LF LF", b"\n\n.\n\n"),
    smuggle("CRLF LF . LF CRLF", b"\r\n\n.\n\r\n"),
    smuggle("LF CR . LF CR", b"\n\r.\n\r"),
    smuggle("CRLF . CR CR LF", b"\r\n.\r\r\n"),
    smuggle("NUL before the dot", b"\r\n\0.\r\n", "250 250 354 554 250", "CVE-2024-27305"),
    smuggle("NUL behind the dot", b"\r\n.\0\r\n", "250 250 354 550|554|250 250", "CVE-2024-27305"),
    smuggle("NUL within the line end", b"\r\0\n.\r\0\n", "250 250 354 550 250"),
    smuggle("vertical tab", b"\r\n\x0b.\x0b\r\n", SPLIT, "RFC 5321 section 4.1.1.4"),
    smuggle("form feed", b"\x0c.\x0c", SPLIT, "RFC 5321 section 4.1.1.4"),
    smuggle("NEL of Latin-1", b"\x85.\x85", SPLIT, "RFC 5321 section 4.1.1.4"),
    smuggle("LINE SEPARATOR of Unicode", b"\xe2\x80\xa8.\xe2\x80\xa8", SPLIT, "RFC 6532 section 3.1"),
    smuggle("a full-width dot", b"\r\n\xef\xbc\x8e\r\n", SPLIT, "RFC 6532 section 3.1"),
    smuggle("a dot and a space", b"\r\n. \r\n", SPLIT, "RFC 5321 section 4.5.2"),
    smuggle("a space and a dot", b"\r\n .\r\n", SPLIT, "RFC 5321 section 4.5.2"),
    smuggle("two dots", b"\r\n..\r\n", SPLIT, "RFC 5321 section 4.5.2"),
    smuggle("two dots and LF", b"\r\n..\n", source="RFC 5321 section 4.5.2"),
    smuggle("a dot in quoted-printable", b"\r\n=2E\r\n", SPLIT, "RFC 2045 section 6.7"),
    smuggle("EOF of DOS", b"\r\n\x1a\r\n", SPLIT, "RFC 5321 section 4.1.1.4"),
    smuggle("backspace over the dot", b"\r\n.\x08.\r\n", SPLIT, "RFC 5321 section 4.1.1.4"),
    smuggle("DEL behind the dot", b"\r\n.\x7f\r\n", SPLIT, "RFC 5321 section 4.1.1.4"),
]


def bdat(name: str, octets: bytes, right: str, source: str = "RFC 3030 section 2") -> Case:
    return Case(f"BDAT: {name}", source, START + octets, "250 250 " + right)


BDAT_CASES = [
    bdat("less than was said, then silence of the rest", b"BDAT 10 LAST\r\nSubject: xNOOP\r\n", "250 250"),
    bdat("more than was said", b"BDAT 3 LAST\r\nA:bNOOP\r\n", "250 250"),
    bdat("zero and LAST", b"BDAT 0 LAST\r\nNOOP\r\n", "250 250"),
    bdat("negative", b"BDAT -1 LAST\r\nNOOP\r\n", "501 250"),
    bdat("hexadecimal", b"BDAT 0x10 LAST\r\nNOOP\r\n", "501 250"),
    bdat("with a plus", b"BDAT +5 LAST\r\nNOOP\r\n", "501 250"),
    bdat("digits of another script", "BDAT ٣ LAST\r\nNOOP\r\n".encode(), "501 250"),
    bdat("of 2^64", b"BDAT 18446744073709551616 LAST\r\nNOOP\r\n", "501|552", "CWE-190"),
    bdat("of more than we take", b"BDAT 9999999 LAST\r\n" + b"A: bcdef\r\n" * 999_999 + b"x" * 9 + b"NOOP\r\n", "552 250", "RFC 1870 section 6.1"),
    bdat("another word than LAST", b"BDAT 3 FIRST\r\nNOOP\r\n", "501 250"),
    bdat("without a size", b"BDAT\r\nNOOP\r\n", "501 250"),
    bdat("a DATA between", b"BDAT 3\r\nA:bDATA\r\nRSET\r\n", "250 503 250"),
    bdat("a RCPT between", b"BDAT 3\r\nA:bRCPT TO:<ola@alumni.example>\r\nRSET\r\n", "250 503 250"),
    bdat("a MAIL between", b"BDAT 3\r\nA:bMAIL FROM:<x@y.example>\r\nRSET\r\n", "250 503 250"),
    bdat("bare LF at the seam of two", b"BDAT 8\r\nA: b\r\n\r\nBDAT 3 LAST\r\n\n.\nNOOP\r\n", "250 550 250", SMUGGLING),
    bdat("an end of DATA in it is text", b"BDAT 12\r\nA: b\r\n\r\n.\r\nxBDAT 1 LAST\r\nyNOOP\r\n", "250 250 250"),
    bdat("NUL in the header", b"BDAT 9 LAST\r\nA: \0b\r\n\r\nNOOP\r\n", "554 250", "CWE-158"),
    Case("BDAT: without a transaction its octets are no commands", "RFC 3030 section 2",
         b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "503 250"),
    Case("BDAT: after a refused recipient its octets are no commands", "RFC 3030 section 2",
         b"MAIL FROM:<a@outside.example>\r\nRCPT TO:<nobody@alumni.example>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 550 503|554 250"),
]  # fmt: skip

LINES = "RFC 5321 section 4.5.3.1.4"
COMMAND_CASES = [
    Case("a command of 3,000 octets", LINES, b"NOOP " + b"x" * 3000 + b"\r\nNOOP\r\n", "500 250"),
    Case("a command without an end", "CWE-770", b"x" * 200_000, "500 -"),
    Case("a command that ends with LF", "RFC 5321 section 2.3.8", b"NOOP\nNOOP\r\n", "500 250"),
    Case("a command that ends with CR", "RFC 5321 section 2.3.8", b"NOOP\rNOOP\r\nNOOP\r\n", "500 250"),
    Case("LF within MAIL", "CWE-93", b"MAIL FROM:<a@b.example>\nRCPT TO:<x@y.example>\r\nNOOP\r\n", "500 502|503|250|550 250"),
    Case("NUL in a command", "CWE-158", b"NO\0OP\r\nNOOP\r\n", "500 250"),
    Case("NUL in an address", "CWE-158", b"MAIL FROM:<a\0@b.example>\r\nNOOP\r\n", "500 250"),
    Case("octets that are no UTF-8", "RFC 6531 section 3.3", b"MAIL FROM:<\xff\xfe@b.example> SMTPUTF8\r\nNOOP\r\n", "500 250"),
    Case("a surrogate in UTF-8", "RFC 3629 section 3", b"MAIL FROM:<\xed\xa0\x80@b.example> SMTPUTF8\r\nNOOP\r\n", "500 250"),
    Case("an overlong slash", "RFC 3629 section 10", b"MAIL FROM:<\xc0\xaf@b.example> SMTPUTF8\r\nNOOP\r\n", "500 250"),
    Case("telnet's options", "RFC 5321 section 4.1.1", b"\xff\xfb\x01NOOP\r\nNOOP\r\n", "500 250"),
    Case("a web page speaks", "CVE-2006-4335, CWE-444", b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n", "421 -"),
    Case("TLS from the first octet", "RFC 3207 section 4", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n" + b"NOOP\r\n", "500 250"),
    Case("HELO of nothing", "RFC 5321 section 4.1.1.1", b"EHLO\r\nHELO \r\nNOOP\r\n", "501 501 250"),
    Case("HELO forgets the transaction", "RFC 5321 section 4.1.4", START + b"HELO x\r\nDATA\r\n", "250 250 250 503"),
    Case("MAIL within MAIL", "RFC 5321 section 4.1.4", START + b"MAIL FROM:<b@b.example>\r\nRSET\r\n", "250 250 503 250"),
    Case("RCPT before MAIL", "RFC 5321 section 4.1.4", b"RCPT TO:<kari@alumni.example>\r\nDATA\r\n", "503 503"),
    Case("twenty-five commands that are none", "CWE-770", b"X\r\n" * 25, "502 " * 21 + "421 -"),
    Case("three hundred NOOPs", "CWE-770", b"NOOP\r\n" * 300, "250 " * 200 + "421 -"),
    Case("EXPN of a list", "CVE-1999-0531", b"EXPN staff\r\nNOOP\r\n", "502 250"),
    Case("VRFY tells nobody apart", "CVE-1999-0531", b"VRFY kari\r\nVRFY nobody\r\n", "252 252"),
    Case("DEBUG", "CVE-1999-0095", b"DEBUG\r\nNOOP\r\n", "502 250"),
    Case("WIZ", "CVE-1999-0145", b"WIZ\r\nNOOP\r\n", "502 250"),
    Case("ETRN of a shell", "RFC 1985 section 5.3", b"ETRN ;id\r\nNOOP\r\n", "502 250"),
    Case("TURN", "RFC 5321 appendix F.1", b"TURN\r\nNOOP\r\n", "502 250"),
    Case("XCLIENT of a stranger", "CWE-290", b"XCLIENT ADDR=192.0.2.1 LOGIN=ola\r\nNOOP\r\n", "502 250"),
    Case("XFORWARD of a stranger", "CWE-290", b"XFORWARD ADDR=192.0.2.1\r\nNOOP\r\n", "502 250"),
    Case("PROXY in the middle", "CWE-290", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\nNOOP\r\n", "502 250"),
    Case("AUTH where nobody logs in", "RFC 4954 section 4", b"AUTH PLAIN AG9sYQB4\r\nNOOP\r\n", "502 250"),
]  # fmt: skip


def envelope(name: str, sender: str, recipient: str, right: str, source: str) -> Case:
    octets = f"MAIL FROM:{sender}\r\n" + (f"RCPT TO:{recipient}\r\n" if recipient else "") + "NOOP\r\n"
    return Case(f"envelope: {name}", source, octets.encode(), right + " 250")


A, RELAY = "<a@outside.example>", "CWE-441, RFC 5321 section 7.9"
ENVELOPE_CASES = [
    envelope("a stranger's relay", A, "<x@elsewhere.example>", "250 550|554", RELAY),
    envelope("percent hack", A, "<x%elsewhere.example@alumni.example>", "250 550", RELAY),
    envelope("bang path", A, "<elsewhere.example!x@alumni.example>", "250 550", RELAY),
    envelope("source route", A, "<@alumni.example:x@elsewhere.example>", "250 550|554", RELAY),
    envelope("two at signs", A, "<x@elsewhere.example@alumni.example>", "250 501", RELAY),
    envelope("a quoted address within", A, '<"x@elsewhere.example"@alumni.example>', "250 550", RELAY),
    envelope("an address literal", A, "<kari@[127.0.0.1]>", "250 550|501|554", RELAY),
    envelope("an address literal of IPv6", A, "<kari@[IPv6:::1]>", "250 550|501|554", RELAY),
    envelope("our name with a dot and more", A, "<kari@alumni.example.evil.example>", "250 550|554", RELAY),
    envelope("localhost", A, "<root@localhost>", "250 550|554|501", RELAY),
    envelope("a pipe", A, '<"|/bin/sh -c id"@alumni.example>', "250 550", "CVE-2014-6271"),
    envelope("a file", A, "</etc/passwd@alumni.example>", "250 550", "CVE-1999-0096"),
    envelope("a shell's expansion", A, "<${run{id}}@alumni.example>", "250 550|501", "CVE-2019-10149"),
    envelope("a shell in the sender", "<;for i in 0 1;do read r;done;sh;exit 0;>", "", "501", "CVE-2020-7247"),
    envelope("an option for a program", "<-oQ/tmp@outside.example>", "<kari@alumni.example>", "250 250", "CVE-2016-10033"),
    envelope("a path to other people's mail", A, "<../../etc/passwd@alumni.example>", "250 550|501", "CWE-22"),
    envelope("a template", A, "<{{7*7}}@alumni.example>", "250 550", "CWE-1336"),
    envelope("SQL", A, "<'or'1'='1@alumni.example>", "250 550", "CWE-89"),
    envelope("LDAP", A, "<*)(uid=*@alumni.example>", "250 550|501", "CWE-90"),
    envelope("a format", A, "<%s%n%x@alumni.example>", "250 550", "CWE-134"),
    envelope("a localpart of 65", f"<{'a' * 65}@outside.example>", "", "250", "RFC 5321 section 4.5.3.1.1"),
    envelope("a localpart of 1,000", f"<{'a' * 1000}@outside.example>", "", "501", "RFC 5321 section 4.5.3.1.3"),
    envelope("a domain of 300", f"<a@{'b' * 300}>", "", "501", "RFC 5321 section 4.5.3.1.2"),
    envelope("a hundred labels", f"<a@{'b.' * 120}example>", "", "250", "RFC 1035 section 2.3.4"),
    envelope("an unclosed path", "<a@b.example", "", "501", "RFC 5321 section 4.1.2"),
    envelope("no brackets", "a@b.example", "", "501", "RFC 5321 section 4.1.2"),
    envelope("two addresses", "<a@b.example>,<c@d.example>", "", "501", "RFC 5321 section 4.1.2"),
    envelope("a display name", '"x" <a@b.example>', "", "501", "RFC 5321 section 4.1.2"),
    envelope("a comment", "<a(x)@b.example>", "", "501|250", "RFC 5321 section 4.1.2"),
    envelope("a null recipient", A, "<>", "250 501", "RFC 5321 section 4.1.1.3"),
    envelope("letters without SMTPUTF8", A, "<ø@alumni.example>", "250 553", "RFC 6531 section 3.4"),
    envelope("letters with SMTPUTF8", "<ø@outside.example> SMTPUTF8", "<kari@alumni.example>", "250 250", "RFC 6531 section 3.4"),
    envelope("our domain in full-width letters", A + " SMTPUTF8", "<kari@ａlumni.example>", "250 550|250", "RFC 5895 section 2"),
    envelope("a name with a zero-width joiner", A + " SMTPUTF8", "<ka\u200dri@alumni.example>", "250 550", "CVE-2017-7760"),
    envelope("a name that turns right to left", A + " SMTPUTF8", "<\u202eirak@alumni.example>", "250 550|501", "CWE-451"),
    envelope("SIZE that is none", A + " SIZE=1e9", "", "501", "RFC 1870 section 5"),
    envelope("SIZE that is negative", A + " SIZE=-5", "", "501", "RFC 1870 section 5"),
    envelope("SIZE of digits without end", A + " SIZE=" + "9" * 500, "", "501", "CWE-190"),
    envelope("SIZE above the limit", A + " SIZE=99999999", "", "552", "RFC 1870 section 6.1"),
    envelope("SIZE twice", A + " SIZE=1 SIZE=2", "", "501", "RFC 5321 section 4.1.1.11"),
    envelope("BODY that is none", A + " BODY=BINARYMIME", "", "501|555", "RFC 3030 section 3"),
    envelope("BODY and SMTPUTF8 with a value", A + " SMTPUTF8=1", "", "501", "RFC 6531 section 3.4"),
    envelope("a parameter that is none", A + " X=Y", "", "555", "RFC 5321 section 4.1.1.11"),
    envelope("ENVID that breaks out", A + " ENVID=a+0D+0ABcc:+20x", "", "501", "CWE-93, RFC 3461 section 4.4"),
    envelope("ORCPT that breaks out", A, "<kari@alumni.example> ORCPT=rfc822;a+0D+0AX:+20y", "250 501", "CWE-93, RFC 3461 section 4.2"),
    envelope("NOTIFY of all at once", A, "<kari@alumni.example> NOTIFY=NEVER,SUCCESS", "250 501", "RFC 3461 section 4.1"),
    envelope("NOTIFY a thousand times", A, "<kari@alumni.example> NOTIFY=" + ",".join(["DELAY"] * 100), "250 501", "RFC 3461 section 4.1"),
    envelope("REQUIRETLS in the clear", A + " REQUIRETLS", "", "530", "RFC 8689 section 4.1"),
    envelope("AUTH= of somebody else", A + " AUTH=ola@alumni.example", "", "250", "RFC 4954 section 5"),
]  # fmt: skip


def message(name: str, octets: bytes, right: str, source: str) -> Case:
    sent = START + b"DATA\r\n" + octets + b"\r\n.\r\nNOOP\r\n"
    return Case(f"message: {name}", source, sent, f"250 250 354 {right} 250")


MESSAGE_CASES = [
    message("two authors", b"From: a@outside.example\r\nFrom: b@outside.example\r\n\r\nx", "550", "RFC 7489 section 6.6.1"),
    message("sixty Received", b"Received: from x by y; now\r\n" * 60 + HEAD, "554", "RFC 5321 section 6.3"),
    message("a header of 100,000 fields", b"X: y\r\n" * 100_000 + HEAD, "552|554", "CVE-2023-36053"),
    message("a header that never ends", b"X: y\r\n" * 20_000, "552|554", "CWE-770"),
    message("a line of the header of 70,000", b"X: " + b"y" * 70_000 + b"\r\n\r\n", "554|552", "RFC 5322 section 2.1.1"),
    message("a fold of 20,000 lines", b"X: y" + b"\r\n " * 10_000 + HEAD, "250|552|554", "CVE-2024-6923"),
    message("a line of a megabyte", HEAD + b"x" * 2**20, "554", "RFC 5321 section 4.5.3.1.6"),
    message("more than we take", HEAD + (b"x" * 76 + b"\r\n") * 60_000, "552", "RFC 1870 section 6.1"),
    message("a NUL in the header", b"From: a@outside.example\r\nX: \0\r\n\r\nx", "554", "CWE-158"),
    message("a bare CR in a field", b"From: a@outside.example\rBcc: x@y.example\r\n\r\nx", "550", "CWE-93"),
    message("results in our name", b"Authentication-Results: mx.alumni.example; dmarc=pass\r\n" + HEAD, "250", "RFC 8601 section 5"),
    message("our own author", b"From: rektor@alumni.example\r\nSubject: forged\r\n\r\nx", "550|250", "RFC 7489 section 6.6.2"),
    message("no header at all", b"\r\n\r\n", "250", "RFC 5322 section 2.1"),
    message("nothing at all", b"", "250", "RFC 5322 section 2.1"),
    message("a first line that is a fold", b" folded\r\n" + HEAD, "250|554", "RFC 5322 section 2.2.3"),
    message("From of mbox", b"From evil Mon Nov 30 2026\r\n" + HEAD, "250", "RFC 4155 section 4"),
    message("a thousand recipients in To", b"To: " + b",\r\n ".join([b"x@y.example"] * 1000) + b"\r\n" + HEAD, "250|552|554", "CWE-400"),
    message("ten thousand addresses in groups", b"To: " + b"g:" * 3000 + b"x;" * 3000 + b"\r\n" + HEAD, "250|552|554", "CVE-2023-27043"),
    message("a hundred signatures", b"DKIM-Signature: v=1; a=rsa-sha256; d=outside.example; s=k; h=from; bh=x; b=y\r\n" * 100 + HEAD,
            "250|554", "RFC 6376 section 8.4"),
    message("a signature of a host's root", b"DKIM-Signature: v=1; a=rsa-sha256; d=.; s=.; h=from; bh=x; b=y\r\n" + HEAD, "250",
            "RFC 6376 section 3.5"),
    message("a signature with tags twice", b"DKIM-Signature: v=1; d=a.example; d=b.example; s=k; s=l; a=x; bh=; b=\r\n" + HEAD, "250",
            "RFC 6376 section 3.2"),
    message("an ARC set of instance 51", b"ARC-Seal: i=51; a=rsa-sha256; cv=pass; d=x.example; s=k; b=x\r\n" + HEAD, "250",
            "RFC 8617 section 4.2.1"),
    message("ARC sets without end", b"".join(b"ARC-Seal: i=%d; cv=pass; d=x.example; s=k; b=x\r\n" % n for n in range(1, 60)) + HEAD,
            "250", "RFC 8617 section 5.1.1.1"),
]  # fmt: skip

MISTAKE = "RFC 4954 section 4"
PLAIN = coded(b"\0ola\0" + PASSWORD.encode())
LOGIN_CASES = [
    Case("AUTH: an answer that is no base64", MISTAKE, b"AUTH PLAIN ****\r\nNOOP\r\n", "501 250"),
    Case("AUTH: cancelled", MISTAKE, b"AUTH PLAIN\r\n*\r\nNOOP\r\n", "334 501 250"),
    Case("AUTH: nothing", MISTAKE, b"AUTH\r\nNOOP\r\n", "501|504 250"),
    Case("AUTH: a mechanism that is none", MISTAKE, b"AUTH NTLM\r\nNOOP\r\n", "504 250"),
    Case("AUTH: a mechanism with a path", MISTAKE, b"AUTH ../PLAIN\r\nNOOP\r\n", "504 250"),
    Case("AUTH: two NULs missing", "RFC 4616 section 2", b"AUTH PLAIN " + coded(b"ola") + b"\r\nNOOP\r\n", "501|535 250"),
    Case("AUTH: five NULs", "RFC 4616 section 2", b"AUTH PLAIN " + coded(b"\0ola\0x\0y\0z") + b"\r\nNOOP\r\n", "501|535 250"),
    Case("AUTH: on behalf of somebody else", "RFC 4616 section 2, CWE-863",
         b"AUTH PLAIN " + coded(b"kari\0ola\0" + PASSWORD.encode()) + b"\r\nNOOP\r\n", "535|501 250"),
    Case("AUTH: a password of a megabyte", "CWE-400", b"AUTH PLAIN\r\n" + coded(b"\0ola\0" + b"x" * 2**20) + b"\r\n", "334 500 -"),
    Case("AUTH: no UTF-8", "RFC 4616 section 2", b"AUTH PLAIN " + coded(b"\0\xff\0\xfe") + b"\r\nNOOP\r\n", "501|535 250"),
    Case("AUTH: an empty password", "RFC 4616 section 2, CWE-287", b"AUTH PLAIN " + coded(b"\0ola\0") + b"\r\nNOOP\r\n", "501|535 250"),
    Case("AUTH: a second time", MISTAKE, b"AUTH PLAIN " + PLAIN + b"\r\nAUTH PLAIN " + PLAIN + b"\r\n", "235 503"),
    Case("AUTH: within a transaction", MISTAKE, b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<ola@alumni.example>\r\nAUTH PLAIN "
         + PLAIN + b"\r\n", "235 250 503"),
    Case("AUTH: SCRAM with a channel that is none", "RFC 5802 section 6",
         b"AUTH SCRAM-SHA-256 " + coded(b"p=tls-x,,n=ola,r=abc") + b"\r\nNOOP\r\n", "501|535|504 250"),
    Case("AUTH: SCRAM without a nonce", "RFC 5802 section 7", b"AUTH SCRAM-SHA-256 " + coded(b"n,,n=ola") + b"\r\nNOOP\r\n", "501|535|504 250"),
    Case("AUTH: a bearer that is none", "RFC 7628 section 3.1",
         b"AUTH OAUTHBEARER " + coded(b"n,a=ola,\x01auth=Bearer x\x01\x01") + b"\r\n", "334|535|501|504"),
    Case("AUTH: guesses end", "CWE-307", (b"AUTH PLAIN " + coded(b"\0ola\0wrong") + b"\r\n") * 30, "", "guesses"),
    Case("sender of somebody else", "CWE-290", b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<kari@alumni.example>\r\n", "235 550|553|535"),
    Case("sender of another domain", "CWE-290", b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<ola@elsewhere.example>\r\n", "235 550|553"),
    Case("sending without a log-in", "RFC 6409 section 4.3", b"MAIL FROM:<ola@alumni.example>\r\n", "530"),
    Case("author of somebody else", "RFC 6409 section 6.1, CWE-290", b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<ola@alumni.example>\r\n"
         b"RCPT TO:<liv@alumni.example>\r\nDATA\r\nFrom: kari@alumni.example\r\nSubject: forged\r\n\r\nx\r\n.\r\n", "235 250 250 354 550|553|554"),
    Case("a second author", "RFC 6409 section 6.1, CWE-290", b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<ola@alumni.example>\r\n"
         b"RCPT TO:<liv@alumni.example>\r\nDATA\r\nFrom: ola@alumni.example, kari@alumni.example\r\nSubject: forged\r\n\r\nx\r\n.\r\n",
         "235 250 250 354 550|553|554"),
    Case("smuggling by somebody who has logged in", SMUGGLING, b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<ola@alumni.example>\r\n"
         b"RCPT TO:<liv@alumni.example>\r\nDATA\r\nFrom: ola@alumni.example\r\n\r\nx\n.\nMAIL FROM:<kari@alumni.example>\r\n.\r\n",
         "235 250 250 354 550"),
]  # fmt: skip

# What is sent in the clear together with STARTTLS, or behind it; `right` is what NOOP hears within TLS.
INJECTED = [
    Case("STARTTLS: commands behind it", "CVE-2011-0411", b"STARTTLS\r\nRSET\r\nMAIL FROM:<a@b.example>\r\n", "250"),
    Case("STARTTLS: half a command behind it", "CVE-2021-33515", b"STARTTLS\r\nMAIL FROM:<a@b.example", "250"),
    Case("STARTTLS: EHLO behind it", "CVE-2021-38371", b"STARTTLS\r\nEHLO evil.example\r\n", "250"),
    Case("STARTTLS: a transaction before it is forgotten", "RFC 3207 section 4.2", b"MAIL FROM:<a@b.example>\r\nSTARTTLS\r\n", "250"),
]  # fmt: skip
