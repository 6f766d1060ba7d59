"""Results of newsletters: how many copies arrived, came back or were called spam, counted for each newsletter.

What comes back pauses a forwarding as for all mail (services/forwarding/health.py), and whoever calls a newsletter spam leaves
its topic (services/forwarding/complaints.py).
"""

from collections.abc import Sequence
from functools import partial

from mailcore.core import Core
from mailcore.domain import Newsletter, NewsletterState
from mailcore.services.newsletters import issues
from mailcore.store.site import newsletters as store

DAYS = 30  # for which answers to forwarded copies are known
SHOWN = 12  # newsletters in a plot


def count_answers(core: Core) -> None:
    """Save what the servers of targets have answered; a job.

    Each newsletter is counted outside of any write, which would hold up everybody for as long as that takes.
    """
    since = core.clock.seconds() - DAYS * 86_400
    for number in core.db.read(lambda tx: store.list_to_count(tx, since)):
        delivered, refused = core.db.read(partial(store.count_answers, newsletter=number))
        save = partial(store.save_answers, newsletter=number, delivered=delivered, refused=refused)
        core.db.write(save, of=())


def list_latest(core: Core, topics: Sequence[int]) -> list[Newsletter]:
    """List the latest newsletters that went out, the oldest of them first."""
    states = (NewsletterState.SENDING, NewsletterState.STOPPED, NewsletterState.SENT)
    sent = [one for one in issues.list_newsletters(core, topics) if one.state in states]
    return sent[:SHOWN][::-1]
