"""Every link leads somewhere, and nowhere else (S01, S02)."""

import re
from urllib.parse import urlsplit

import pytest

from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
_HTMX = re.compile(r'<script src="/static/htmx\.min\.js\?v=[0-9a-f]{10}" defer>')
# the webmail's one script holds in-place.js with its own (portal/webmail/views.py)
_IN_PLACE = re.compile(r'<script src="(?:/in-place\.js|/mail/keys\.js)\?v=[0-9a-f]+" defer>')
NAMED = {"/login", "/order", "/faq", "/clients", "/password", "/quota", "/forwarding", "/help", "/status"}


@pytest.mark.parametrize("role", site.ROLES, ids=["stranger", "person", "desk", "admin"])
def test_s01_every_link_resolves_and_none_leads_to_another_host(pages, role):
    assert {path: code for path, (code, _) in pages[role].items() if code != 200} == {}
    assert set(pages[role]) >= NAMED


@pytest.mark.parametrize("role", site.ROLES, ids=["stranger", "person", "desk", "admin"])
def test_s02_the_language_link_leads_to_the_same_page(portal, pages, role):
    base, app = portal
    visitor = site.Visitor(base, role)
    for path in site.one_of_each(app, pages, role):
        text = visitor.get(path)[1]
        if path.endswith("/print"):  # a sheet without menus, in the language of the page it was printed from
            continue
        [here] = re.findall(r'<html lang="(\w+)"', text)
        links = {language: link for link, language in re.findall(r'<a [^>]*href="([^"]+)" hreflang="(\w+)"', text)}
        links |= re.findall(r'<link rel="alternate" hreflang="(\w+)" href="([^"]+)"', text)  # not in the webmail
        assert set(links) | {here} == set(site.LANGUAGES), path
        for language, link in links.items():
            code, shown, _ = visitor.get(link.replace("&amp;", "&"))
            assert (code, urlsplit(link).path) == (200, urlsplit(path).path)
            assert f'<html lang="{language}"' in shown, path


@pytest.mark.parametrize("role", site.ROLES, ids=["stranger", "person", "desk", "admin"])
def test_no_page_has_inline_script_or_style(pages, role):
    for path, (_, text) in pages[role].items():
        if urlsplit(path).path.endswith("/html"):
            continue  # a stranger's message, in a sandboxed frame with a policy of its own
        assert not re.search(r'\sstyle="|\son\w+="|<style|<script(?![^>]* src="/[a-z])', text), path


@pytest.mark.parametrize("role", site.ROLES, ids=["stranger", "person", "desk", "admin"])
def test_a_page_that_uses_htmx_brings_it_by_a_name_of_its_content_and_no_other_does(pages, role):
    for path, (_, text) in pages[role].items():
        uses = bool(re.search(r"\shx-(get|post|target)=", text))
        assert uses == bool(_HTMX.search(text)) == ("htmx.min.js" in text), path
        assert not uses or _IN_PLACE.search(text), path
