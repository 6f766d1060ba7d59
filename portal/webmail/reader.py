"""Facts of the person who reads, each asked of the database once a request."""

from flask import g

from mailcore.services.webmail import mail_settings
from mailcore.services.webmail.mail_settings import MailSettings
from portal import current


def read_settings() -> MailSettings:
    """Read the settings as they were when the request came: a page has them beside the mailboxes and in its list."""
    if "mail_settings" not in g:
        g.mail_settings = mail_settings.read_settings(current.core(), current.owner().id)
    settings: MailSettings = g.mail_settings
    return settings
