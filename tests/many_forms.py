"""Many browsers that send forms with more in them than anybody writes, all at once.

python tests/many_forms.py URL [BROWSERS] [ROUNDS]
"""

import re
import sys
import threading
import urllib.error
import urllib.request
from urllib.parse import urlencode

PAGES = {
    "/login": ("username", "password", "next"),
    "/order": ("display_name", "name", "contact", "more"),
    "/help": ("subject", "text", "reply_to"),
}
PUMPS = (".", " ", "a@", "<br ")
LENGTH = 250_000  # characters of each field
ALL_AT_ONCE = 503  # what waits of forms of all together has a bound (docs/security.md)


class _Browser(threading.Thread):
    def __init__(self, url: str, rounds: int) -> None:
        super().__init__()
        self._url, self._rounds = url, rounds
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self.answers = 0

    def run(self) -> None:
        for number in range(self._rounds):
            for path, fields in PAGES.items():
                found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self._ask(path))
                value = (PUMPS[number % len(PUMPS)] * LENGTH)[:LENGTH]
                self._ask(path, {"csrf_token": found[1] if found else "", **dict.fromkeys(fields, value)})

    def _ask(self, path: str, form: dict[str, str] | None = None) -> str:
        data = urlencode(form).encode() if form else None
        try:
            with self._opener.open(self._url + path, data, timeout=120) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as refused:
            if refused.code >= 500 and refused.code != ALL_AT_ONCE:
                raise
            text = ""
        self.answers += 1
        return text


def attack(url: str, *, browsers: int, rounds: int) -> int:
    """How many requests were answered, by a page or a refusal; a fault of ours is none."""
    threads = [_Browser(url, rounds) for _ in range(browsers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(thread.answers for thread in threads)


if __name__ == "__main__":
    url, *numbers = sys.argv[1:]
    print(attack(url, browsers=int((numbers + ["64"])[0]), rounds=int((numbers + ["", "20"])[1] or 20)))
