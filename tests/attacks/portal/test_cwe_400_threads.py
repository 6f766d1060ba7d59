"""CWE-400: whoever asks for slow pages again and again holds a share of the web server's threads, and never all."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailcore.services import data_inventory
from portal import shares
from tests.attacks.portal.conftest import Site
from tests.portal.conftest import Browser

THREADS = 128  # of a process of the web server
SLOW = "/privacy"


class Gate:
    """A page that takes until the gate is opened."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Semaphore(0), threading.Event()

    def list_tables(self) -> list[object]:
        self.begun.release()
        assert self.over.wait(60)
        return []


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(data_inventory, "list_tables", gate.list_tables)
    yield gate
    gate.over.set()


def ask(browser: Browser, path: str, peer: str) -> int:
    return browser.client.get(path, environ_base={"REMOTE_ADDR": peer}).status_code


@pytest.mark.parametrize("who", ["ola", ""])
def test_one_account_or_place_leaves_threads_for_others(
    site: Site, gate: Gate, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr(shares, "OF_ACCOUNT", 2)
    monkeypatch.setattr(shares, "OF_PLACE", 2)
    here, elsewhere = "2001:db8::1", "192.0.2.77"
    browsers = [site.browser(who) for _ in range(3)]
    with ThreadPoolExecutor(2) as pool:
        holding = [pool.submit(ask, one, SLOW, here) for one in browsers[:2]]
        for _ in holding:
            assert gate.begun.acquire(timeout=60)
        # at another address of the same network, and of an account wherever it is
        assert ask(browsers[2], "/accessibility", elsewhere if who else "2001:db8::2") == 503
        assert ask(browsers[2], "/health", here) == 200
        assert ask(site.browser("kari"), "/accessibility", here) == 200
        assert ask(site.browser(), "/accessibility", elsewhere) == 200
        gate.over.set()
        assert [one.result() for one in holding] == [200, 200]
    assert ask(browsers[2], "/accessibility", here) == 200
    assert not site.app.extensions["shares"]._taken


def test_trusted_networks_have_no_share(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "OF_PLACE", 0)
    assert ask(site.browser(), "/accessibility", "127.0.0.1") == 200
    assert ask(site.browser(), "/accessibility", "192.0.2.77") == 503
    assert ask(site.browser(), "/forms.css", "192.0.2.77") == 503  # what is the same for all, too


def test_nobody_s_share_is_more_than_half() -> None:
    assert max(shares.OF_ACCOUNT, shares.OF_PLACE) <= THREADS // 2
