"""The selected mailbox as one client knows it.

Sequence numbers are a promise to one client, not a property of the mailbox: they may only
change when the client has been informed (RFC 9051 section 5.5, 7.5.1).  The store speaks UIDs and
changes; this module turns them into sequence numbers and untagged responses.  No I/O.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable

from mailcore.imap.responses import PLAIN, ResponseStyle, flag_update
from mailcore.imap.sequence import write_set


class View:
    """The UIDs the client knows, in order.  Sequence number n is `uids[n - 1]`."""

    __slots__ = ("_held", "uids")

    def __init__(self, uids: "Iterable[int] | array[int]") -> None:
        """An array is ascending, and is the view's own from now on."""
        self.uids = uids if isinstance(uids, array) else array("I", sorted(uids))
        self._held: set[int] = set()

    def seq(self, uid: int) -> int | None:
        at = bisect_left(self.uids, uid)
        return at + 1 if at < len(self.uids) and self.uids[at] == uid else None

    @property
    def top(self) -> int:
        """Return the highest UID that the client knows; 0 in an empty mailbox."""
        return self.uids[-1] if self.uids else 0

    @property
    def held(self) -> frozenset[int]:
        """UIDs whose removal has not been sent to the client."""
        return frozenset(self._held)

    @property
    def holding(self) -> bool:
        """Are there removals that have not been sent to the client?"""
        return bool(self._held)

    def apply(
        self,
        added: Iterable[int] = (),
        removed: Collection[int] = (),
        flagged: Iterable[tuple[int, frozenset[str], int]] = (),
        *,
        may_expunge: bool,
        style: ResponseStyle = PLAIN,
    ) -> list[bytes]:
        """Take in what others did and return what to tell the client.

        Args:
            flagged: uid, flags now, modseq.
            may_expunge: False while FETCH, STORE or SEARCH by sequence number runs
                (RFC 9051 section 7.5.1); removals wait for the next call.
        """
        told: list[bytes] = []
        for uid, flags, modseq in flagged:  # first, while the numbers are still those the client knows
            if (seq := self.seq(uid)) is not None:
                told.append(flag_update(seq, uid, flags, modseq, style))
        self._held.update(uid for uid in removed if self.seq(uid) is not None)
        went = frozenset(removed)  # what came and went meanwhile was never there for this client
        fresh = sorted({uid for uid in added if uid not in went and self.seq(uid) is None})
        if fresh:
            if self.uids and fresh[0] < self.uids[-1]:
                self.uids = array("I", sorted({*self.uids, *fresh}))
            else:
                self.uids.extend(fresh)
        if self._held and may_expunge:
            told += self._expunge(vanished=style.vanished)
        if fresh:
            told.append(b"* %d EXISTS\r\n" % len(self.uids))
        return told

    def _expunge(self, *, vanished: bool) -> list[bytes]:
        """Expunge from the last to the first, so that no number shifts on the way; or all at once by UID."""
        uids = sorted(uid for uid in self._held if self.seq(uid) is not None) if vanished else []
        gone = sorted((seq for uid in self._held if (seq := self.seq(uid)) is not None), reverse=True)
        if gone:
            left = self._held
            self.uids = array("I", (uid for uid in self.uids if uid not in left))
        self._held = set()
        if uids:
            return [b"* VANISHED " + write_set(uids) + b"\r\n"]
        return [b"* %d EXPUNGE\r\n" % seq for seq in gone]
