"""CWE-400: pictures from servers that do not answer hold some threads of the web server, and never those of all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.limits.turns import Turns
from mailcore.services.webmail import list_leaving, remote_pictures
from portal.webmail import reading
from tests.attacks.portal.conftest import Site

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
HOLDS = "https://outside.example/holds"
THREADS = 128  # of a process of the web server


def ask(site: Site, reader: Account, url: str) -> int:
    with site.app.test_request_context():
        signature = remote_pictures.sign_address(site.core, reading._key(), url, reader.id)
    client = site.app.test_client()
    return client.get(f"/mail/picture?{urlencode({'u': url, 's': signature})}").status_code


def test_who_waits_for_slow_pictures_keeps_nobody_from_theirs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = threading.Semaphore(0), threading.Event()

    def get(_core: Core, url: str) -> bytes:
        if url == HOLDS:
            begun.release()
            assert over.wait(60)
        return PNG

    monkeypatch.setattr(remote_pictures, "_get", get)
    monkeypatch.setattr(remote_pictures, "_turns", Turns(at_once=3, of_one=2, here=4, here_of_one=3, seconds=60))
    with ThreadPoolExecutor(3) as pool:
        try:
            holding = [pool.submit(ask, site, site.ola, HOLDS) for _ in range(3)]
            for _ in range(2):
                assert begun.acquire(timeout=60)
            while sum(remote_pictures._turns._here.values()) < 3:  # the third waits
                threading.Event().wait(0.01)
            assert ask(site, site.ola, f"{HOLDS}/more") == 429  # and the fourth hears so at once
            assert ask(site, site.kari, "https://outside.example/quick") == 200
        finally:
            over.set()
        assert [one.result() for one in holding] == [200] * 3
    assert ask(site, site.ola, "https://outside.example/quick") == 200  # every turn was given back


@pytest.mark.parametrize("turns", [remote_pictures._turns, list_leaving._turns])
def test_no_kind_of_waiting_holds_more_than_half_of_the_threads(turns: Turns) -> None:
    assert turns._here_of_one < turns._most_here <= THREADS // 2
    assert turns._of_one < turns._at_once
