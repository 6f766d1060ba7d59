"""Words for the desk in its own language: the topic of a case, the state of a forwarding, ties to the university."""

from typing import Any

from flask_babel import lazy_gettext as _l

from portal.help.forms import KINDS

Words = Any  # flask-babel's LazyString, which has no types

ABOUT: dict[str, Words] = KINDS | {
    "question": _l("A question"),
    "order": _l("An order"),
    "recovery": _l("Getting in again"),
    "postmaster": _l("To postmaster"),
}
FORWARDING: dict[str, Words] = {
    "unconfirmed": _l("not confirmed"),
    "healthy": _l("works"),
    "failing": _l("refused now"),
    "paused": _l("paused"),
}
# values of eduPersonAffiliation; others are shown as the directory has them
TIES: dict[str, Words] = {
    "student": _l("student"),
    "staff": _l("staff"),
    "employee": _l("staff"),
    "faculty": _l("academic staff"),
    "alum": _l("former student"),
    "affiliate": _l("associate"),
    "member": _l("member"),
}
