"""Words of the data inventory: what data is for, and how long it is stored (N41)."""

from typing import Any

from flask_babel import lazy_gettext as _l

from mailcore.services.data_inventory import Purpose, Term

Words = Any  # flask-babel's LazyString, which has no types

PURPOSES: dict[Purpose, tuple[Words, Words]] = {
    Purpose.MAIL: (
        _l("Your mail"),
        _l("Messages, mailboxes, and what makes lists and search quick. Nobody at the service reads them."),
    ),
    Purpose.WEBMAIL: (
        _l("Writing and sorting"),
        _l("Address book, drafts, signatures, filters and automatic replies, as you made them."),
    ),
    Purpose.ACCOUNT: (
        _l("Your account"),
        _l(
            "Name, addresses, your affiliation with the university, a contact address, room, and what you were told about them."
        ),
    ),
    Purpose.LOGIN: (
        _l("Log-in"),
        _l("Passwords as hashes that cannot be read back, security keys, recovery codes and sessions."),
    ),
    Purpose.SECURITY: (
        _l("Security"),
        _l("When and from where somebody logged in or failed to, what was changed, and how often something was tried."),
    ),
    Purpose.DELIVERY: (
        _l("Delivery"),
        _l("Who sent what to whom and what happened to it, so that you can see why a message came or did not."),
    ),
    Purpose.FORWARDING: (_l("Forwarding"), _l("Where your mail goes on to, and whether it arrived there.")),
    Purpose.SPAM: (
        _l("The spam filter"),
        _l("How often words and senders were in spam, learned from what you move into Junk and out of it."),
    ),
    Purpose.HELP: (_l("Help"), _l("What you wrote to the help desk, and its answers.")),
    Purpose.OPERATION: (
        _l("Operation"),
        _l("Settings and jobs of the service, and counts of page views that name nobody."),
    ),
}
TERMS: dict[Term, Words] = {
    Term.OWNER: _l("until you remove it, or your account is erased"),
    Term.ACCOUNT: _l("until your account is erased"),
    Term.MESSAGE: _l("while somebody has the message, and some days"),
    Term.MONTH: _l("about a month, or until you remove it"),
    Term.QUARTER: _l("90 days"),
    Term.SENT: _l("until it is sent or given up, and a week"),
    Term.WHILE_IT_COUNTS: _l("hours to some months, for as long as it counts"),
    Term.CASE: _l("until the case is closed, and then for as long as the university has set"),
    Term.REGISTER: _l("while the university’s register names you"),
    Term.NEVER_AGAIN: _l("for ever, so that an address goes to nobody else"),
    Term.SERVICE: _l("as long as the service runs"),
}
