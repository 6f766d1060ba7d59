"""Formats by which mail programs set themselves up: autoconfig, Autodiscover, Apple's profile, PACC; the table as text.

The same list of servers stands behind all of them (services/client_settings.py).  None of it is secret, so none asks for a
log-in; an address in a question only shapes the answer and is not looked up.
"""

import re
from xml.sax.saxutils import unescape

from flask import Blueprint, Response, abort, jsonify, request

from mailcore.services import client_settings
from portal import current, downloads
from portal.access import public

blueprint = Blueprint("setup", __name__)
_ASKED = re.compile(rb"<EMailAddress>\s*([^<\s]{1,320})\s*</EMailAddress>", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}")


def _answer(text: str, kind: str) -> Response:
    response = Response(text, mimetype=kind)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _address(asked: str) -> str:
    """An address of ours, or 404: nothing is said about others' domains."""
    if not _ADDRESS.fullmatch(asked) or asked.rpartition("@")[2].lower() not in current.core().config.mail_domains:
        abort(404)
    return asked


@blueprint.get("/mail/config-v1.1.xml")
@blueprint.get("/.well-known/autoconfig/mail/config-v1.1.xml")
@public
def autoconfig() -> Response:
    return _answer(client_settings.format_autoconfig(current.core().config), "text/xml")


@blueprint.route("/autodiscover/autodiscover.xml", methods=["GET", "POST"])
@blueprint.route("/Autodiscover/Autodiscover.xml", methods=["GET", "POST"])
@public
def autodiscover() -> Response:
    """The address is found without an XML parser: entities in strangers' XML have no use here."""
    found = _ASKED.search(request.get_data(cache=False)[:65_536]) if request.method == "POST" else None
    asked = unescape(found[1].decode("utf-8", "replace")) if found else request.args.get("email", "")
    return _answer(client_settings.format_autodiscover(current.core().config, _address(asked)), "text/xml")


@blueprint.get("/autodiscover/autodiscover.json")
@blueprint.get("/autodiscover/autodiscover.json/v1.0/<address>")
@public
def autodiscover_v2(address: str = "") -> Response | tuple[Response, int]:  # noqa: ARG001 - programs name it, and the answer is the same for all
    found = client_settings.find_autodiscover_v2(current.core().config, request.args.get("Protocol", ""))
    if found is None:
        words = "The protocol is not offered here; AutodiscoverV1 is."
        return jsonify({"ErrorCode": "ProtocolNotSupported", "ErrorMessage": words}), 400
    return jsonify(found)


@blueprint.get("/clients/alumnimail.mobileconfig")
@public
def mobileconfig() -> Response:
    """Send the profile, with an address for whoever is logged in, or by ?email=."""
    owner = current.account()
    asked = owner.address(current.core().config.domain) if owner else request.args.get("email", "")
    text = client_settings.format_mobileconfig(
        current.core().config, _address(asked), owner.display_name if owner else ""
    )
    response = Response(text, mimetype="application/x-apple-aspen-config")
    downloads.name_file(response, "alumnimail.mobileconfig")
    return response


@blueprint.get("/.well-known/user-agent-configuration.json")
@public
def pacc() -> Response:
    return _answer(client_settings.format_pacc(current.core().config), "application/json")


@blueprint.get("/clients.txt")
@public
def plain() -> Response:
    return _answer(client_settings.format_plain_text(current.core().config), "text/plain")
