"""Tables that judging a message needs, read before mail is taken: the event loop would stand still at the first message."""

from mailcore.mail.judging.links import load_confusables
from mailcore.mail.reading.organisation import load_suffixes
from mailcore.services.filtering.judging import get_startup_model


def load_tables() -> None:
    """Load the public suffix list, letters that look like others, and what the spam filter knows at first; blocking."""
    load_suffixes()
    load_confusables()
    get_startup_model()
