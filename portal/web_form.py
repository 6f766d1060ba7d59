"""The form that all forms are, which bounds what is sent before anything looks at it.

No field is read, matched or shown beyond its own `Length`, or MAX_LENGTH where it has none: what is longer is cut, the form is
not valid, and no validator of any field is asked, since each may cost time by the length of what it is given.
"""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, SelectMultipleField
from wtforms.validators import Length, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

MAX_LENGTH = 2000  # characters of a field that has no Length of its own
MAX_VALUES = 1000  # of one name
_ADDRESS = r"\s*+[^@\s]++@[^@\s.]++(?:\.[^@\s.]++)++\s*+\Z"
TOO_LONG = _l("This is too long.")


def longest(field: Field) -> int:
    """Characters that a field may have."""
    own = [one.max for one in field.validators if isinstance(one, Length) and one.max > 0]
    return min(own) if own else MAX_LENGTH


def like_an_address(*, or_nothing: bool = False) -> Regexp:
    """A first look at an e-mail address; which one is taken, the services decide."""
    words = _l("This is not an e-mail address.")
    return Regexp(rf"\s*+\Z|{_ADDRESS}", message=words) if or_nothing else Regexp(_ADDRESS, message=words)


class _Box(CheckboxInput):  # type: ignore[misc]  # wtforms has no types
    """A box of several for one question: `required` would ask the browser for each of them."""

    validation_attrs = ("disabled",)


class BoxesField(SelectMultipleField):  # type: ignore[misc]  # the same
    """Any number of choices, each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = _Box()


class Form(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    def process(self, formdata: Any = None, *args: Any, **more: Any) -> None:  # Any: as wtforms has them
        """Fill the fields from what was sent, within their bounds."""
        sent = self.meta.wrap_formdata(self, formdata)
        self._too_long: set[str] = set()
        super().process(self._bounded(sent) if sent else sent, *args, **more)

    def _bounded(self, sent: MultiDict[str, Any]) -> MultiDict[str, Any]:
        cut: dict[str, list[Any]] = {}
        for name, field in self._fields.items():
            values, most = sent.getlist(name), longest(field)
            if len(values) > MAX_VALUES or any(isinstance(value, str) and len(value) > most for value in values):
                self._too_long.add(name)
                cut[name] = [value[:most] if isinstance(value, str) else value for value in values[:MAX_VALUES]]
        if not cut:
            return sent
        bounded = MultiDict((name, value) for name, value in sent.items(multi=True) if name not in cut)
        for name, values in cut.items():
            bounded.setlist(name, values)
        return bounded

    def validate(self, extra_validators: Any = None) -> bool:
        if not self._too_long:
            return bool(super().validate(extra_validators))
        for name in self._too_long:
            field = self._fields[name]
            said = next((one.message for one in field.validators if isinstance(one, Length) and one.message), TOO_LONG)
            field.errors = (said,)
        return False


class EmptyForm(Form):
    """A button: what protects forms, and no field."""
