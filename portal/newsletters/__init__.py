"""Newsletters of the alumni office: what the owner agrees to, and leaving by one press."""

from portal.newsletters.views import blueprint, leave

__all__ = ["blueprint", "leave"]
