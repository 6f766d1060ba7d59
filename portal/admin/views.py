"""Administration: the page that says what needs attention, from which the others are reached."""

from flask import Blueprint, current_app, render_template
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.operations import attention
from mailcore.services.signin import two_factor
from portal import current
from portal.access import admin_only
from portal.account.events import ROLES
from portal.addresses import url_for
from portal.admin import words as spoken

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
Answer = str | BaseResponse | tuple[str, int]


@blueprint.context_processor
def in_words() -> dict[str, object]:
    return {
        "queue_words": spoken.QUEUE_STATES,
        "role_words": ROLES,
        "state_words": spoken.STATES,
        "span": spoken.describe_seconds,
    }


def _address(trouble: attention.Trouble) -> str:
    """Return the address of the page where it is looked into, "" for what no page mends."""
    place = spoken.PLACES.get(trouble, "")
    return url_for(place) if place in current_app.view_functions else ""


@blueprint.get("/")
@admin_only
def index() -> str:
    core = current.core()
    return render_template(
        "admin/index.html",
        findings=[
            (finding, spoken.describe_finding(finding), _address(finding.trouble))
            for finding in attention.list_findings(core)
        ],
        figures=attention.count_everything(core),
        guarded=two_factor.is_on(core, current.owner().id),
    )
