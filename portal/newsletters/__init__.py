"""Newsletters of the alumni office: what the owner agrees to, leaving by one press, and the pages of editors."""

from portal.newsletters import editing
from portal.newsletters.views import blueprint, leave

__all__ = ["blueprint", "editing", "leave"]
