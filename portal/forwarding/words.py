"""States and events of a forwarding, in words for its owner."""

from flask_babel import gettext as _

from mailcore.domain import Forwarding, ForwardingState
from mailcore.services.forwarding.health import Health, ReplyKind, classify_reply
from portal.account import events


def state(wish: Forwarding) -> str:
    return {
        ForwardingState.UNCONFIRMED: _(
            "Waiting: we have written to %(target)s and forward nothing until the link there is used.",
            target=wish.target,
        ),
        ForwardingState.HEALTHY: _("On: your mail goes on to %(target)s.", target=wish.target),
        ForwardingState.FAILING: _(
            "Trouble: %(target)s does not accept our mail at the moment. It is kept here.", target=wish.target
        ),
        ForwardingState.PAUSED: _(
            "Paused: %(target)s refused our mail again and again. It is kept here.", target=wish.target
        ),
        ForwardingState.OFF: _("Off: your mail stays here."),
    }[wish.state]


def health(wish: Forwarding, found: Health) -> str:
    """One sentence on how it goes."""
    if wish.state is ForwardingState.PAUSED:
        return _("Paused after several refusals. Look at the last answers, then try again.")
    if wish.state is ForwardingState.FAILING:
        return _("The last messages were refused. If it goes on, the forwarding is paused.")
    if found.filtered:
        return _("Filtered? You found the last test message in the junk mail there, or not at all.")
    if found.delivered:
        return _("Working: the other server accepts your mail.")
    return _("Nothing has been forwarded yet.")


def answer(kind: ReplyKind) -> str:
    return {
        ReplyKind.TAKEN: _("Accepted. Only you can see whether it is shown in the inbox there."),
        ReplyKind.UNKNOWN_THERE: _("There is no such address there (any more), or it is closed."),
        ReplyKind.FULL_THERE: _("The mailbox there is full."),
        ReplyKind.TOO_LARGE: _("The message was too large for the other server."),
        ReplyKind.UNAUTHENTICATED: _("The other server could not tell whether the sender is real."),
        ReplyKind.SPAM: _("The other server took it for junk mail."),
        ReplyKind.BLOCKED: _(
            "The other server does not accept mail from us at present. We have to talk to them; it is not your fault."
        ),
        ReplyKind.SLOWED: _("The other server wants us to wait. We try again automatically."),
        ReplyKind.UNREACHABLE: _("The other server could not be reached. We try again automatically."),
        ReplyKind.LATER: _("The other server asked us to try again later, and we do."),
        ReplyKind.REFUSED: _("The other server refused it for a reason that we do not know."),
    }[kind]


def reason(wish: Forwarding) -> str:
    """Explain in plain words why the last message was refused."""
    return answer(_kind(wish.last_reply))


def advice(wish: Forwarding) -> str:
    """Advise the owner; a refusal of single messages asks for nothing."""
    match _kind(wish.last_reply):
        case ReplyKind.UNKNOWN_THERE:
            return _("Is the address right? Choose another one below, or stop the forwarding.")
        case ReplyKind.FULL_THERE:
            return _("Make room there, then try again.")
        case ReplyKind.SPAM | ReplyKind.UNAUTHENTICATED | ReplyKind.TOO_LARGE:
            return _("Nothing is lost: what was refused is in your inbox here.")
    return _("Nothing is lost: what was refused is in your inbox here. Try again in a few days.")


def _kind(reply: str) -> ReplyKind:
    return classify_reply(int(reply[:3]) if reply[:3].isdigit() else 0, reply)


def event(name: str, detail: str) -> str:
    """A line of the history."""
    known = {
        "forwarding set": _("Set up to %(target)s", target=detail),
        "forwarding asked again": _("%(target)s was asked again", target=detail),
        "forwarding confirmed": _("%(target)s agreed", target=detail),
        "forwarding stopped": _("Stopped"),
        "forwarding paused": _("Paused: %(answer)s", answer=answer(_kind(detail))),
        "forwarding tested": _("A test message was sent to %(target)s", target=detail),
        "forwarding test found": {
            "inbox": _("The test message was in the inbox"),
            "spam": _("The test message was in the junk mail"),
            "missing": _("The test message was not there"),
        }.get(detail, detail),
    }
    return known.get(name) or f"{events.WORDS.get(name, name)} {detail}".strip()
