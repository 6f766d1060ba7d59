"""Administration in the browser (N37), for the role `admin` alone.  Over services: nothing is decided here."""

from portal.admin import (
    accounts,
    bring,
    domain,
    jobs,
    log,
    plots,
    queue,
    settings,
    status_line,
    tags,
    texts,
    topics,
    webhooks,
)
from portal.admin.views import blueprint

__all__ = [
    "accounts",
    "blueprint",
    "bring",
    "domain",
    "jobs",
    "log",
    "plots",
    "queue",
    "settings",
    "status_line",
    "tags",
    "texts",
    "topics",
    "webhooks",
]
