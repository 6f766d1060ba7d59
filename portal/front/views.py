"""The front page, and the two addresses that balancers ask."""

from flask import Blueprint, abort, render_template
from flask_babel import format_decimal

from mailcore.errors import Busy
from mailcore.services import data_inventory
from mailcore.services.data_inventory import StoredTable
from mailcore.services.forwarding import arrivals
from mailcore.services.operations import acme_challenges, dns_records, nodes, service_status
from portal import current, formats, i18n, navigation
from portal.access import ROLES, any_host, open_to_ended, public, same_for_all
from portal.front import stored_words

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
@open_to_ended
@public
def index() -> str:
    quota = current.core().config.quota.default_octets
    return render_template("front/index.html", room=formats.size(quota) if quota else "")


@blueprint.get("/privacy")
@open_to_ended
@public
def privacy() -> str:
    """Tell what is stored, why and for how long, from the data inventory."""
    tables = [table for table in data_inventory.list_tables() if table.personal]
    sections = [
        (title, words, _by_term([table for table in tables if table.purpose is purpose]))
        for purpose, (title, words) in stored_words.PURPOSES.items()
        if any(table.purpose is purpose for table in tables)
    ]
    return render_template("front/privacy.html", sections=sections)


def _by_term(tables: list[StoredTable]) -> list[tuple[object, list[str]]]:
    return [
        (words, [table.name for table in tables if table.term is term])
        for term, words in stored_words.TERMS.items()
        if any(table.term is term for table in tables)
    ]


@blueprint.get("/accessibility")
@open_to_ended
@public
def accessibility() -> str:
    return render_template("front/accessibility.html")


@blueprint.get("/status")
@public
def status_page() -> str:
    """While the database is away, that itself is the news."""
    try:
        history = service_status.list_recent(current.core())
    except Busy:
        return render_template("front/status.html", history=[], away=True)
    shows = current.core().config.forwarding.publish_arrivals
    return render_template("front/status.html", history=history, away=False, publishes_arrivals=shows)


@blueprint.get("/status.xml")
@public
def status_feed() -> tuple[str, dict[str, str]]:
    return service_status.make_feed(current.core(), i18n.language()), {
        "Content-Type": "application/atom+xml; charset=utf-8"
    }


@blueprint.get("/arrives")
@public
def arrives() -> str:
    """Show how forwarded mail arrives: to everybody where the site publishes it, else to the desk."""
    core = current.core()
    is_public = core.config.forwarding.publish_arrivals
    if not is_public and navigation.web_role() not in ROLES:
        abort(404)
    return render_template(
        "front/arrives.html",
        arrivals=arrivals.find_arrivals(core),
        is_public=is_public,
        share=_format_share,
        least={"people": arrivals.PEOPLE, "messages": arrivals.MESSAGES},
    )


def _format_share(permille: int) -> str:
    return f"{format_decimal(permille / 10, '0.0')} %"


@blueprint.get("/health")
@same_for_all
@any_host
@public
def health() -> tuple[str, dict[str, str]]:
    """The process answers."""
    return "ok\n", {"Content-Type": "text/plain"}


@blueprint.get("/robots.txt")
@public
def robots() -> tuple[str, dict[str, str]]:
    """Search engines may show the public pages (RFC 9309); a log-in that is begun elsewhere is not for them."""
    closed = ("/oidc/", "/mail/", "/tickets/", "/desk/", "/order/", "/password/", "/forwarding/", "/account/")
    return "User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in closed), {"Content-Type": "text/plain"}


@blueprint.get("/.well-known/mta-sts.txt")
@public
def mta_sts() -> tuple[str, dict[str, str]]:
    """Serve the policy for other servers, at the host mta-sts.DOMAIN."""
    return dns_records.make_mta_sts_policy(current.core().config), {"Content-Type": "text/plain"}


@blueprint.get(f"{acme_challenges.PATH}<token>")
@same_for_all
@any_host
@open_to_ended
@public
def acme_challenge(token: str) -> tuple[str, dict[str, str]]:
    """Prove to a certificate authority that this name leads here (RFC 8555 section 8.3)."""
    answer = acme_challenges.find_answer(current.core(), token)
    return (answer or abort(404)), {"Content-Type": "text/plain"}


@blueprint.get("/ready")
@any_host
@public
def ready() -> tuple[str, int, dict[str, str]]:
    """The database answers, too, and the node is not fenced."""
    try:
        good = nodes.is_ready(current.core())
    except Busy:
        good = False
    return ("ready\n", 200, {"Content-Type": "text/plain"}) if good else ("busy\n", 503, {"Content-Type": "text/plain"})
