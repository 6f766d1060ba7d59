"""A form that keeps what was written when the language is changed (S02).

On a page whose template says `{% set keeps = "ID" %}` the language links of the head are buttons of the form with that id:
they send it with `switch-language`, and it is shown again, unjudged, in the other language.
"""

from flask import request
from flask_wtf import FlaskForm

SWITCH = "switch-language"


class Form(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    def is_submitted(self) -> bool:
        return bool(super().is_submitted()) and SWITCH not in request.form
