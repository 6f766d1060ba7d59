"""Signs of spam in plain words, for owners who ask why."""

from flask_babel import gettext as _


def describe_signs(detail: str) -> str:
    """Put into words what a record of a delivery names as signs, joined by commas."""
    return "; ".join(_describe(sign) for sign in detail.split(", "))


def _describe(sign: str) -> str:
    kind, _colon, rest = sign.partition(":")
    known = {
        "word": _("the words “%(words)s”", words=rest),
        "subject": _("“%(words)s” in the subject", words=rest),
        "name": _("“%(words)s” in the sender’s name", words=rest),
        "host": _("a link to %(host)s", host=rest),
        "author": _("the sender’s domain, %(domain)s", domain=rest),
        "file": _("a file of the kind %(kind)s", kind=rest),
        "program": _("a file that is a program (%(kind)s)", kind=rest),
        "language": _("a foreign language"),
        "lookalike": _("a sender’s domain that looks like %(domain)s", domain=rest),
        "impersonates": _("a sender’s name that pretends to be of %(domain)s", domain=rest),
        "link": _("a link that hides where it leads"),
        "letters": _("letters that hide words"),
        "replies": _("answers that would go to another domain"),
        "target": _("a link of an unusual kind (%(kind)s)", kind=rest),
        "html": _("the way in which it is laid out"),
        "dmarc": _("a sender that could not be confirmed"),
        "spf": _("a server that may not send for that address"),
        "name shape": _("a sender’s name that holds another address"),
        "the standard test text": _("the standard test text for spam filters"),
    }
    if kind == "history":
        if rest == "a new domain":
            return _("a domain that never wrote to anybody here")
        return _("what came from this sender, or its network, before")
    return known.get(kind, _("the form of the message"))
