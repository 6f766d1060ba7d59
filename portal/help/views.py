"""Questions and answers, help, and how to set up a mail program."""

from dataclasses import dataclass

from flask import Blueprint, render_template

from mailcore.config import Config
from portal import web

blueprint = Blueprint("help", __name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A row of the set-up table; `purpose` is a key of the template."""

    purpose: str
    host: str
    port: int
    security: str


def servers(config: Config) -> list[Server]:
    """What listens, best way first; no row for what is off."""
    listen = config.listen
    ways = (
        ("imap", listen.imaps, "TLS"),
        ("imap", listen.imap, "STARTTLS"),
        ("smtp", listen.submissions, "TLS"),
        ("smtp", listen.submission, "STARTTLS"),
        ("sieve", listen.managesieve, "STARTTLS"),
    )
    return [
        Server(purpose, config.host, int(address.rpartition(":")[2]), security)
        for purpose, address, security in ways
        if address
    ]


@blueprint.get("/faq")
def faq() -> str:
    return render_template("help/faq.html")


@blueprint.get("/help")
def index() -> str:
    return render_template("help/index.html")


@blueprint.get("/clients")
def clients() -> str:
    return render_template("help/clients.html", servers=servers(web.core().config))
