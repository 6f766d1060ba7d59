"""Mail in the browser."""

from portal.webmail import writing
from portal.webmail.views import blueprint

__all__ = ["blueprint", "writing"]
