"""Membership of this node in the cluster: it tells others that it lives, and takes over what a dead one had.

A node that could not tell for two thirds of the time after which others take it for dead stops sending by itself: by the time
that somebody else sends its mail, it does not.
"""

import threading
import time
from functools import partial
from importlib.metadata import version

from mailcore.core import Core
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.services.operations import shared_files
from mailcore.store.engine.db import Tx
from mailcore.store.site import nodes as store

log = log_for(__name__)
FORGOTTEN_SECONDS = 7 * 86_400  # a node that was silent for so long is not listed any more


def is_ready(core: Core) -> bool:
    """Say if the database answers and has heard of this node lately: of one that is fenced, others take over the people, too.

    Where none of a node's processes runs the queue it is no member, and nobody waits to hear of it.
    """
    if not core.config.is_in_cluster:
        return core.db.is_readable()
    silence = core.db.read(lambda tx: store.find_silence(tx, core.config.node_name))
    return silence is None or silence <= core.config.cluster.fenced_seconds


class Membership:
    """A thread that beats; where there is no cluster nothing runs and nothing is fenced."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._name, self._silent = core.config.node_name, core.config.cluster.silent_seconds
        self._fenced_after = core.config.cluster.fenced_seconds
        self._started, self._last = core.clock.seconds(), time.monotonic()
        self._resumed = self._last  # what was leased before may be others' by now
        self._fenced = False
        self._freed: set[tuple[str, int]] = set()  # dead nodes whose leases are free, and when they were heard of last
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if core.config.is_in_cluster:
            self._beat()
            self._thread = threading.Thread(target=self._beat_forever, name="node", daemon=True)
            self._thread.start()

    @property
    def is_fenced(self) -> bool:
        """Say if others may take this node for dead, so that it sends nothing more."""
        return self._thread is not None and time.monotonic() - self._last > self._fenced_after

    def has_lapsed(self, since: float) -> bool:
        """Say if others may have taken over what this node leased then (monotonic seconds)."""
        return self.is_fenced or since < self._resumed

    def close(self) -> None:
        """End in order: others need not wait for the silence."""
        self._over.set()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self._core.db.run_apart(self._leave)
        except MailError as problem:
            log.warning("others take this node for dead in a while: %s", problem)

    def _leave(self, tx: Tx) -> None:
        store.release_leases(tx, self._name)
        store.delete_node(tx, self._name)

    def _beat_forever(self) -> None:
        while not self._over.wait(self._silent / 6):
            try:
                self._beat()
                shared_files.fetch_files(self._core)
            except MailError as problem:
                log.warning("the other nodes do not hear of this one: %s", problem)
            except Exception:  # a node that stops telling is taken for dead by the others
                log.exception("the other nodes do not hear of this one")
            if self.is_fenced != self._fenced:
                self._fenced = self.is_fenced
                log.error("this node is %s", "fenced: it sends nothing" if self._fenced else "heard again")

    def _beat(self) -> None:
        began = time.monotonic()  # others count from a moment that is not before it
        dead = self._core.db.run_apart(self._tell)
        if began - self._last > self._fenced_after:
            self._resumed = time.monotonic()
        self._last = began
        self._freed &= set(dead)
        for (
            name,
            seen_at,
        ) in dead:  # what it has locked may have to be waited for; others have heard of this node before
            if (name, seen_at) in self._freed:
                continue
            if freed := self._core.db.run_apart(partial(store.release_leases_of_dead, node=name, seen_at=seen_at)):
                log.warning("node %s is dead; %d leases of it are free again", name, freed)
            else:  # nor has it leased anything in its last moment
                self._freed.add((name, seen_at))

    def _tell(self, tx: Tx) -> list[tuple[str, int]]:
        """Save that this node lives, and return the names of dead ones, with when they were heard of last."""
        store.save_beat(tx, self._name, version("alumnimail"), self._started)
        others = [node for node in store.list_nodes(tx) if node.name != self._name]
        for node in others:
            if node.silent_seconds > FORGOTTEN_SECONDS:
                store.delete_node(tx, node.name)
        return [(node.name, node.seen_at) for node in others if node.silent_seconds > self._silent]
