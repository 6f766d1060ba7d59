"""A form costs what its bounds allow, however much is sent: every form class, every field, 300,000 characters."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import FileField, FormField, MultipleFileField
from wtforms.fields import FieldList

import portal
from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from portal import create_app, web_form
from portal.web_form import Form, longest

MUCH = 300_000
PUMPS = (".", " ", "a", "a@", "a.", "\u00a0", "9", "<br ", "\r\n", "@.", "=?", "\U0001f600")
STEPS = 20_000  # of Python for one form; a text of 300,000 characters must not even be walked through


def form_classes() -> list[type[FlaskForm]]:
    for info in pkgutil.walk_packages(portal.__path__, "portal."):
        importlib.import_module(info.name)

    def below(cls: type[FlaskForm]) -> Iterator[type[FlaskForm]]:
        for one in cls.__subclasses__():
            yield one
            yield from below(one)

    found = {one for one in below(FlaskForm) if one.__module__.startswith("portal.")}
    return sorted(found, key=lambda one: (one.__module__, one.__name__))


FORMS = form_classes()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    core: Core = cores.build(Config(data=str(tmp_path_factory.mktemp("forms"))))
    yield create_app(core)
    cores.close(core)


def text_fields(form: FlaskForm) -> list[str]:
    return [name for name, field in form._fields.items() if not isinstance(field, FileField | MultipleFileField)]


def make(cls: type[FlaskForm], sent: MultiDict | None) -> FlaskForm:
    """Select fields without choices get theirs in views."""
    form = cls(formdata=sent)
    for field in form:
        if hasattr(field, "choices") and field.choices is None:
            field.choices = []
    return form


def test_every_form_is_ours_and_holds_no_other_kind_of_field():
    assert len(FORMS) > 25
    for cls in FORMS:
        assert issubclass(cls, Form), f"{cls.__module__}.{cls.__name__} has no bounds"
    assert not [one for one in FORMS if "process" in vars(one) and one is not Form]


@pytest.mark.parametrize("cls", FORMS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_a_field_that_is_too_long_is_cut_refused_and_never_looked_at(app, cls):
    with app.test_request_context("/", method="POST"):
        names = text_fields(make(cls, None))
        assert not [field for field in make(cls, None) if isinstance(field, FieldList | FormField)], (
            "bounds do not reach into it"
        )
        for name in names:
            most = longest(make(cls, None)[name])
            for unit in PUMPS:
                value = (unit * (max(MUCH, most + 1) // len(unit) + 1))[: max(MUCH, most + 1)]
                asked: list[str] = []
                form = make(cls, MultiDict({name: value}))
                for field in form:
                    field.validators = [lambda form, field, asked=asked: asked.append(field.name), *field.validators]
                assert form.validate() is False
                assert asked == [], f"{name}: a validator was asked after the length was wrong"
                assert list(form.errors) == [name]
                shown = form[name].raw_data
                assert all(len(one) <= most for one in shown or ())


@pytest.mark.parametrize("cls", FORMS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_the_longest_of_everything_costs_little(app, cls):
    """Each field has as much as it may: the cost is bounded by the form, in steps and in calls of C."""
    with app.test_request_context("/", method="POST"):
        for unit in PUMPS:
            empty = make(cls, None)
            sent = MultiDict(
                {name: (unit * longest(empty[name]))[: min(longest(empty[name]), MUCH)] for name in text_fields(empty)}
            )
            steps = 0

            def count(frame, event, arg):
                nonlocal steps
                steps += 1

            old = sys.getprofile()
            sys.setprofile(count)
            try:
                make(cls, sent).validate()
            finally:
                sys.setprofile(old)
            assert steps < STEPS


def test_thousands_of_values_of_one_name_are_not_walked_through(app):
    with app.test_request_context("/", method="POST"):
        sent = MultiDict([("scopes", "imap")] * 100_000)
        form = importlib.import_module("portal.account.forms").AppForm(formdata=sent)
        assert form.validate() is False
        assert len(form.scopes.raw_data) == web_form.MAX_VALUES


def test_what_is_within_its_bounds_is_judged_as_ever(app):
    with app.test_request_context("/", method="POST"):
        cls = importlib.import_module("portal.account.forms").ContactForm
        form = cls(formdata=MultiDict({"address": " ann@example.org ", "current": "x" * 1024}))
        form.validate()
        assert set(form.errors) == {"csrf_token"}
        form = cls(formdata=MultiDict({"address": "ann at example.org", "current": "x"}))
        form.validate()
        assert set(form.errors) == {"csrf_token", "address"}


@pytest.mark.parametrize(("written", "good"), [
    ("ann@example.org", True), (" ann@example.org\n", True), ("ann@b.example.org", True), ("a.b+c@example.org", True),
    ("ærlig@blåbær.example", True), ("ann", False), ("ann@", False), ("ann@example", False), ("ann@@example.org", False),
    ("ann@example.org x", False), ("ann@.example.org", False), ("ann@example..org", False), ("", False), ("@example.org", False),
    ("ann@example.org" + " " * 200, True), ("ann@" + "." * 250, False), ("a" * 200 + "@" + "b." * 20, False),
])  # fmt: skip
def test_what_looks_like_an_address(app, written, good):
    from portal.orders.forms import AtOnceForm

    with app.test_request_context("/", method="POST"):
        form = AtOnceForm(formdata=MultiDict({"contact": written, "name": "ola", "terms": "y"}))
        form.validate()
        assert ("contact" not in form.errors) is good


def test_forms_are_found_by_their_modules():
    """A form made inside a function would escape: there is none."""
    for info in pkgutil.walk_packages(portal.__path__, "portal."):
        source = Path(str(importlib.import_module(info.name).__file__)).read_text()
        assert source.count("(FlaskForm)") == (1 if info.name == "portal.web_form" else 0), info.name
