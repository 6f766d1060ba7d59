"""Checks, rules and outcomes in plain words."""

import re

from flask_babel import gettext as _

from mailcore.services.delivery.traces import Checks, Rule, Trace
from mailcore.services.forwarding.health import classify_reply
from portal.forwarding.words import answer
from portal.i18n import translate
from portal.trace.sign_words import describe_signs


def outcome(trace: Trace, titles: dict[str, str]) -> str:
    """One sentence: what became of it."""
    match trace.outcome:
        case "filed":
            names = [titles.get(name, name) for name in trace.detail.split(", ")]
            return _("Put in %(mailboxes)s.", mailboxes=", ".join(names))
        case "forwarded":
            return _("Forwarded; no copy was kept here.")
        case "discarded":
            return _("Deleted by a filter; nothing was kept.")
        case "rejected":
            return _("Refused by a rule of yours. The sender was told: %(reason)s", reason=trace.detail)
        case _:
            return refusal(trace.detail)


def refusal(reply: str) -> str:
    """Explain why we refused a message, by the reply that we gave."""
    if reply.startswith("552 5.2.2"):
        return _("Refused: your mailbox was full. The sender was told and can send it again.")
    if reply.startswith("450 4.7.1 Greylisted"):
        return _("The server was unknown to us and was asked to try again in a few minutes. Most do.")
    if "listed by" in reply:
        return _("Refused: the server that brought it is on a list of senders of junk mail. The sender was told.")
    if reply.startswith("550 5.7.26"):
        return _(
            "Refused: it did not come from the sender it named, and the owner of that domain asks for such mail to be refused."
        )
    if reply.startswith(("552 5.3.4", "550 5.6.11", "554 5.6", "554 5.4.6")):
        return _malformed(reply)
    if re.match(r"55\d 5\.7\.1 .*[Ss]pam", reply):
        return _("Refused: it looked like junk mail beyond doubt. The sender was told.")
    return _("Refused. The sender was told: %(reason)s", reason=re.sub(r"^\d{3}[ -](\d\.\d+\.\d+ )?", "", reply))


def _malformed(reply: str) -> str:
    if reply.startswith("552 5.3.4"):
        return _("Refused: the message was too large. The sender was told; larger files can be sent as a link.")
    if reply.startswith("554 5.4.6"):
        return _("Refused: the message had gone round in circles between mail servers. The sender was told.")
    return _("Refused: the sender's program did not write the message as mail must be written. The sender was told.")


def checks(found: Checks) -> list[str]:
    """One line for each check."""
    domain = found.domain or _("the sender's domain")
    lines: list[str] = []
    if not found.spf:
        return lines
    lines.append(
        {
            "pass": _("SPF: the server that brought it may send for that address."),
            "fail": _("SPF: the server that brought it may not send for that address."),
            "softfail": _("SPF: the server that brought it should probably not send for that address."),
            "temperror": _("SPF: could not be checked, as DNS did not answer."),
        }.get(found.spf, _("SPF: the domain says nothing about its servers."))
    )
    lines.append(
        {
            "pass": _("DKIM: a signature is in order, so nobody changed it on the way."),
            "fail": _("DKIM: a signature is broken; it was changed on the way, or is forged."),
            "temperror": _("DKIM: could not be checked, as DNS did not answer."),
        }.get(found.dkim, _("DKIM: it has no signature."))
    )
    lines.append(
        {
            "pass": _("DMARC: it really comes from %(domain)s.", domain=domain),
            "fail": _("DMARC: nothing shows that it comes from %(domain)s.", domain=domain),
            "temperror": _("DMARC: could not be checked, as DNS did not answer."),
        }.get(found.dmarc, _("DMARC: %(domain)s has no rule for its mail.", domain=domain))
    )
    return lines


def rule(found: Rule) -> str:
    kind, detail = found
    known = {
        "filter": _("Your filter: %(name)s", name=detail),
        "forwarding": _("Your forwarding"),
        "away": _("Your out-of-office reply"),
        "full": _("The rule for a full mailbox"),
        "script": _("Your own Sieve script, line %(line)s", line=detail),
        "failed": _("Your script failed, so the message was kept: %(problem)s", problem=translate(detail)),
        "junk": _("The check of the sender: junk mail"),
        "spam": _("The spam filter: %(score)s", score=detail) if detail else _("The spam filter"),
        "spam signs": _("What looked like spam: %(signs)s", signs=describe_signs(detail)),
    }
    if kind == "held":
        if detail == "junk":
            return _("Not forwarded, as nobody vouches for its sender; put in the junk mail")
        if detail == "limit":
            return _("Not sent on by your script, which had its share for today; kept here")
        if detail == "queue":
            return _("Not sent on, as it could not be queued here; kept here")
        return _("Not forwarded, as the target would have refused it; kept here")
    return known.get(kind, detail or kind)


def onward(target: str, code: int, reply: str, *, answered: bool) -> str:
    """Describe where a message was sent on to, and what the other server replied."""
    if not answered:
        return _("To %(target)s: waiting to be sent.", target=target)
    return _("To %(target)s: %(answer)s", target=target, answer=answer(classify_reply(code, reply)))
