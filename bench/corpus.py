"""Mail as people have it, the same at every run: plain letters, newsletters in two forms, attachments.

10,000 messages have a median of about 6 kB and a mean of about 22 kB; a few words are rare on purpose.
"""

import base64
import random

RARE = "kvernbekk"  # stands in the text of one message of 2,000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


class Corpus:
    """Messages by number; number n is the same octets in every run."""

    def __init__(self, file_octets: tuple[int, int] = (60_000, 180_000)) -> None:
        self._file_octets = file_octets
        source = random.Random(1)  # noqa: S311 - not for secrets
        letters = "abcdefghijklmnoprstuvæøå"
        self._words = ["".join(source.choices(letters, k=source.randint(2, 11))) for _ in range(4000)]

    def message(self, number: int) -> bytes:
        source = random.Random(number)  # noqa: S311 - not for secrets
        kind = source.random()
        if kind < 0.55:
            body = self._plain(source, number)
        elif kind < 0.91:
            body = self._newsletter(source, number)
        else:
            body = self._with_attachment(source, number)
        return (self._head(source, number) + body).encode()

    def _text(self, source: random.Random, octets: int) -> str:
        lines: list[str] = []
        while octets > 0:
            lines.append(" ".join(source.choices(self._words, k=9)))
            octets -= len(lines[-1]) + 2
        return "\r\n".join(lines) + "\r\n"

    def _head(self, source: random.Random, number: int) -> str:
        words = source.choices(self._words, k=4)
        first = number - number % 4  # threads of four
        lines = [
            f"Received: from mail.outside.example (mail.outside.example [192.0.2.{number % 250}])\r\n"
            f"\tby relay.outside.example with ESMTPS id {number:08x};\r\n\tTue, 24 Nov 2026 10:00:00 +0000",
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=outside.example; s=s1;\r\n"
            f"\th=from:to:subject:date:message-id;\r\n\tbh={base64.b64encode(source.randbytes(32)).decode()};\r\n"
            f"\tb={base64.b64encode(source.randbytes(256)).decode()}",
            f"From: {words[0].title()} {words[1].title()} <s{number % 97}@outside.example>",
            "To: Ola Nordmann <ola@alumni.example>",
            f"Subject: {'Re: ' if number % 4 else ''}{self._words[first % 4000]} {self._words[first // 7 % 4000]} {first}",
            f"Date: {_DAYS[number % 5]}, {1 + number % 28} {_MONTHS[number % 6]} 2026"
            f" {number % 24:02d}:{number % 60:02d}:00 +0100",
            f"Message-ID: <{number}.x@outside.example>",
        ]
        if number % 3 == 0:
            lines.append(f"Cc: Kari <kari@alumni.example>, p{number % 13}@outside.example")
        if number % 4:
            lines.append(f"In-Reply-To: <{number - 1}.x@outside.example>")
            lines.append("References: " + " ".join(f"<{n}.x@outside.example>" for n in range(first, number)))
        return "\r\n".join([*lines, "MIME-Version: 1.0", ""])

    def _plain(self, source: random.Random, number: int) -> str:
        rare = f"{RARE}\r\n" if number % 2000 == 77 else ""
        return (
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            + self._text(source, source.randint(500, 6000))
            + rare
        )

    def _newsletter(self, source: random.Random, number: int) -> str:
        plain, html = self._text(source, source.randint(800, 3000)), self._text(source, source.randint(1500, 8000))
        paragraphs = "".join(f'<p style="margin:0">{line}</p>\r\n' for line in html.splitlines())
        mark = f"b{number}"
        return (
            f'Content-Type: multipart/alternative; boundary="{mark}"\r\n\r\n'
            f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
            f"--{mark}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n{paragraphs}</body></html>\r\n"
            f"--{mark}--\r\n"
        )

    def _with_attachment(self, source: random.Random, number: int) -> str:
        octets = (
            base64.encodebytes(source.randbytes(source.randint(*self._file_octets))).replace(b"\n", b"\r\n").decode()
        )
        mark = f"b{number}"
        return (
            f'Content-Type: multipart/mixed; boundary="{mark}"\r\n\r\n'
            f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{self._text(source, 1500)}\r\n"
            f'--{mark}\r\nContent-Type: application/pdf; name="f.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="f.pdf"\r\n\r\n{octets}\r\n--{mark}--\r\n'
        )
