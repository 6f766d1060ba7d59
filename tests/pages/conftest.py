"""Chromium without a screen, and a portal that it looks at, which stands once for all tests of a run."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.machine import program
from tests.pages import site


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Flask]]:
    with site.served(tmp_path_factory.mktemp("portal")) as served:
        yield served


@pytest.fixture(scope="session")
def base(portal: tuple[str, Flask]) -> str:
    return portal[0]


@pytest.fixture(scope="session")
def pages(portal: tuple[str, Flask]) -> dict[str, dict[str, tuple[int, str]]]:
    """By role, every page that can be reached."""
    return {role: site.crawl(*portal, role) for role in site.ROLES}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One for each file of tests: as long as it is there an event loop runs, and other tests want their own.

    Without Chromium the tests are skipped by name, and fail with CI=true.
    """
    from playwright.sync_api import expect, sync_playwright

    path = program("chromium")
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()
