"""The spam filters learn from what owners move into Junk and out of it: our own for its owner, and the one of `filter.learn`.

A move is recorded within its own transaction, and learned by a job: nothing is read there.  Junk to Trash says nothing: who
empties Junk does not call its mail good.  A message that looked a little like spam and was read and left where it stands counts
as good after two days, so that our filter hears of good mail, too.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.errors import Busy, OctetsMissing
from mailcore.log import log_for
from mailcore.mail.judging.arithmetic import Judgement, find_step, judge
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.reading.message import Message
from mailcore.services.filtering import judging, rspamd, sender_reputation
from mailcore.store.delivery import learning as store
from mailcore.store.delivery import spam_signs
from mailcore.store.delivery.spam_signs import LEFT, Total, Vote
from mailcore.store.engine.db import Tx
from mailcore.store.mail.uidset import Ranges

log = log_for(__name__)
JUNK, TRASH = "\\Junk", "\\Trash"
AT_ONCE = 100
MAX_OCTETS = 5 * 2**20  # of a larger message the filter learns little


def record_move(core: Core, tx: Tx, source: Mailbox, ranges: Ranges, target: Mailbox) -> None:
    """Record messages for the spam filter that are about to be moved or copied; call it inside that transaction."""
    wanted = core.config.filter
    if source.id == target.id or not (wanted.learn or wanted.level != "off"):
        return
    if target.special_use == JUNK:
        kind = "spam"
    elif source.special_use == JUNK and target.special_use != TRASH:
        kind = "ham"
    else:
        return
    if wanted.learn:
        store.add_messages(tx, source.id, ranges, kind, core.clock.seconds())
    if wanted.level != "off":
        spam_signs.add_votes(tx, target.account, source.id, ranges, kind, core.clock.seconds())


def teach_filters(core: Core) -> None:
    """Teach the filters the recorded messages, as a job."""
    teach_our_filter(core)
    teach_filter(core)


def teach_our_filter(core: Core) -> None:
    """Count the signs of recorded messages for their owners."""
    taught: set[AccountId] = set()
    for vote in core.db.read(lambda tx: spam_signs.list_votes(tx, AT_ONCE, core.clock.seconds())):
        if vote.kind == LEFT:
            if not core.db.read(partial(_is_left_read, vote=vote)):
                core.db.write(partial(spam_signs.delete_vote, vote=vote))
                continue
            vote = replace(vote, kind="ham")
        octets = _read_octets(core, vote.blob)
        if octets is None:
            log.info("a message to learn from no longer exists")
            core.db.write(partial(spam_signs.delete_vote, vote=vote))
        else:
            signs = judging.number_signs(list_signs(Message(octets)))
            judgement = core.db.read(partial(_judge_as_taught, signs=signs, owner=vote.account))
            numbers = sorted(set(judging.number_portable(signs)))
            step = find_step(judgement, len(numbers), is_spam=vote.kind == "spam")
            lesson = _Lesson(vote, numbers, step, hashlib.sha256(octets).digest())
            core.db.write(partial(_learn, core, lesson=lesson))
            taught.add(vote.account)
    if taught:
        core.db.write(lambda tx: spam_signs.make_room(tx, taught))


def _is_left_read(tx: Tx, vote: Vote) -> bool:
    return spam_signs.is_left_read(tx, vote.account, vote.blob, (JUNK, TRASH))


def _judge_as_taught(tx: Tx, signs: Sequence[tuple[str, int]], owner: AccountId) -> Judgement:
    return judge(signs, judging.find_sources(tx, signs, [owner]).for_owner(owner))


def _read_octets(core: Core, blob: int) -> bytes | None:
    """Return a message; None where it is gone.  Raises Busy: it cannot be had now, so that the lesson waits."""
    try:
        return core.db.read(lambda tx: core.blobs.octets(tx, blob))
    except OctetsMissing:
        return None


@dataclass(frozen=True, slots=True)
class _Lesson:
    """One vote, ready to be counted; `content` is the SHA-256 of the message."""

    vote: Vote
    numbers: list[int]
    step: int
    content: bytes


def _learn(core: Core, tx: Tx, lesson: _Lesson) -> None:
    vote, now = lesson.vote, core.clock.seconds()
    if not spam_signs.finish_vote(tx, vote):
        return
    if vote.learned:
        spam_signs.remove_message(tx, vote.account, lesson.numbers, vote.learned, now)
    spam_signs.add_message(tx, vote.account, lesson.numbers, vote.kind, now, lesson.step)
    sender_reputation.correct_history(core, tx, vote.account, lesson.content, is_spam=vote.kind == "spam")


def train_message(core: Core, octets: bytes, kind: str) -> None:
    """Count a message of an administrator's own collection, as `spam` or `ham`, for the whole site."""
    numbers = sorted({number for _, number in judging.number_signs(list_signs(Message(octets)))})
    core.db.write(lambda tx: spam_signs.add_message(tx, spam_signs.TRAINED, numbers, kind, core.clock.seconds()))


def finish_training(core: Core) -> Total:
    """Forget the rarest signs where there are too many; return how many messages were ever trained."""
    core.db.write(lambda tx: spam_signs.make_room(tx, [spam_signs.TRAINED]))
    return core.db.read(lambda tx: spam_signs.get_totals(tx, [spam_signs.TRAINED])).get(spam_signs.TRAINED, Total())


def forget_lessons(core: Core, account: AccountId) -> None:
    """Forget everything that an owner taught our filter."""
    core.db.write(lambda tx: spam_signs.reset_owner(tx, account))


def count_lessons(core: Core, account: AccountId) -> Total:
    """Return how many messages an owner has taught our filter."""
    return core.db.read(lambda tx: spam_signs.get_totals(tx, [account])).get(account, Total())


def teach_filter(core: Core) -> None:
    """Teach the other spam filter the recorded messages; those that it does not take now wait for the next run."""
    if not core.config.filter.learn:
        return
    done_rows: list[int] = []
    for row, blob, kind in core.db.read(lambda tx: store.list_waiting(tx, AT_ONCE)):
        try:
            octets = _read_octets(core, blob)
            if octets is None:
                log.info("a message to learn from no longer exists")
            elif len(octets) <= MAX_OCTETS:
                rspamd.teach_message(core.config, octets, kind)
        except (Busy, rspamd.RspamdProblem) as problem:
            log.warning("the spam filter does not learn: %s", problem)
            break
        done_rows.append(row)
    if done_rows:
        core.db.write(lambda tx: store.delete_learned(tx, done_rows))
