"""Everything a service needs, built once and passed down as the first argument."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from mailcore.clock import Clock
from mailcore.config import Config, octets
from mailcore.domain import AccountId
from mailcore.net.dns import Resolver
from mailcore.process.change_counts import open_counts
from mailcore.process.feed import Feed
from mailcore.process.resources import Resources
from mailcore.process.threads import Threads
from mailcore.process.waits import Waits
from mailcore.process.wakes import open_wakes
from mailcore.store.copies.marks import refuse_marked
from mailcore.store.engine.db import Db
from mailcore.store.mail.answers import Answers
from mailcore.store.mail.blobs import Blobs
from mailcore.store.mail.messages import MailStore
from mailcore.store.mail.news import News
from mailcore.store.mail.search import SearchIndex
from mailcore.store.migrations.opening import open_database
from mailcore.store.objects.opening import open_objects

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Core:
    config: Config
    clock: Clock
    threads: Threads
    feed: Feed
    dns: Resolver
    db: Db
    blobs: Blobs
    mail: MailStore
    search: SearchIndex
    answers: Answers
    resources: Resources
    news: News
    waits: Waits

    async def store(self, fn: Callable[..., T], *args: object) -> T:
        """Run what stores octets in a thread, one that may wait if another server has them."""
        return await (self.threads.run_waiting if self.blobs.objects.is_far else self.threads.run)(fn, *args)

    def start_feed(self) -> None:
        """Wake watchers on the running event loop, for changes of this process and of others."""
        self.feed.start(self.read_news, self.threads.run, is_near=not self.config.is_on_postgresql)
        if self.config.is_in_cluster:
            self.resources.get("news", lambda: self.db.exchange_news(self.feed.hear_changes))

    def read_news(self, since: int) -> tuple[int, set[AccountId]]:
        """Return the newest entry of the change log, and whose mail changed after the entry `since` (-1: nobody's)."""
        return self.db.read(lambda tx: self.news.read(tx, since))


def build(config: Config, clock: Clock | None = None) -> Core:
    """Open (and bring up to date) the database and the blob store of `config`; what fails leaves nothing open."""
    clock = clock or Clock()
    config.data_path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        feed = Feed(open_counts(config.database_key), open_wakes(config.database_key))
        opened.callback(feed.close)
        waits = Waits()
        threads = Threads(waits=waits)
        opened.callback(threads.close)
        db = open_database(config, threads, feed.changed, clock.seconds(), refuse_marked)
        opened.callback(db.close)
        blobs = Blobs(open_objects(config), config.blobs_path / "spool", octets(config.blobs_inside))
        answers = Answers()
        core = Core(
            config,
            clock,
            threads,
            feed,
            Resolver(config, clock),
            db,
            blobs,
            MailStore(clock, blobs, answers),
            SearchIndex(config.data_path / "search"),
            answers,
            Resources(),
            News(),
            waits,
        )
        opened.pop_all()
    return core


def close(core: Core) -> None:
    core.feed.stop()
    core.resources.close()
    core.db.close()
    core.threads.close()
    core.feed.close()
    core.waits.close()
