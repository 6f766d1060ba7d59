"""The order of messages and their threads (RFC 5256).  No I/O.

Base subjects, dates of what was sent, and the REFERENCES algorithm without recursion: a thread of ten thousand
answers must not be too deep for anybody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_LEADER = re.compile(r"(?:\[[^\[\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^\[\]]*\]\s*)?:", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*\]\s*")
_FORWARDED = "(fwd)"
MAX_SUBJECT = 2000  # characters that are compared; what is behind them tells no two subjects apart
_WRAPPED = re.compile(r"\[fwd:(.*)\]", re.IGNORECASE | re.DOTALL)


def base_subject(subject: str) -> tuple[str, bool]:
    """Return the subject without Re:, Fwd: and list names, and whether it was a reply or forward (section 2.1)."""
    text, is_answer = " ".join(subject[: 2 * MAX_SUBJECT].split())[:MAX_SUBJECT], False
    while True:
        trimmed = _without_trailer(text)
        is_answer = is_answer or len(trimmed.rstrip()) < len(text.rstrip())
        text = trimmed
        while True:
            before = text
            text = text.lstrip()
            if found := _LEADER.match(text):
                text, is_answer = text[found.end() :], True
            elif (found := _BLOB.match(text)) and text[found.end() :].strip():
                text = text[found.end() :]
            if text == before:
                break
        found = _WRAPPED.fullmatch(text)
        if not found:
            return text, is_answer
        text, is_answer = found[1], True


def _without_trailer(text: str) -> str:
    """subj-trailer = "(fwd)" / WSP"""
    end = len(text.rstrip())
    while text[max(0, end - len(_FORWARDED)) : end].lower() == _FORWARDED:
        end = len(text[: end - len(_FORWARDED)].rstrip())
    return text[:end]


@dataclass(frozen=True, slots=True)
class Letter:
    """Input of threading for one message: its `number` for the client, `at` in seconds, the base `subject`."""

    number: int
    at: float
    subject: str
    is_answer: bool
    id: str
    references: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Node:
    """A place in a thread; without a letter it stands for a message that is not here."""

    letter: Letter | None = None
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def first(self) -> "Node":
        """Itself, or the first child of an empty place."""
        node = self
        while node.letter is None and node.children:
            node = node.children[0]
        return node


def by_subject(letters: Sequence[Letter]) -> list[Node]:
    """ORDEREDSUBJECT: everything of one base subject below its first message."""
    threads: dict[str, Node] = {}
    for letter in sorted(letters, key=_place):
        if letter.subject in threads:
            threads[letter.subject].children.append(Node(letter))
        else:
            threads[letter.subject] = Node(letter)
    return list(threads.values())


def by_references(letters: Sequence[Letter]) -> list[Node]:
    """REFERENCES, steps 1 to 6 of section 3."""
    nodes: dict[str, Node] = {}
    everything: list[Node] = []
    for letter in letters:
        node = nodes.get(letter.id) if letter.id else None
        if node is None or node.letter is not None:  # of two with one id the second stands for itself
            node = Node()
            if letter.id and letter.id not in nodes:
                nodes[letter.id] = node
            everything.append(node)
        node.letter = letter
        above: Node | None = None
        for reference in letter.references:
            here = nodes.get(reference)
            if here is None:
                here = nodes[reference] = Node()
                everything.append(here)
            if above is not None and here.parent is None and not _is_above(here, above):
                _hang(here, above)
            above = here
        if above is not None and not _is_above(node, above):
            _hang(node, above)
    roots = _pruned([node for node in everything if node.parent is None])
    return _sorted(_joined(roots))


def _place(letter: Letter) -> tuple[float, int]:
    return letter.at, letter.number


def _is_above(node: Node, other: Node | None) -> bool:
    """Is `node` the other, or one of those above it?  Hanging it there would make a loop."""
    if not node.children:
        return node is other
    while other is not None:
        if other is node:
            return True
        other = other.parent
    return False


def _hang(node: Node, above: Node) -> None:
    if node.parent is above:
        return
    if node.parent is not None:
        node.parent.children.remove(node)
    node.parent = above
    above.children.append(node)


def _pruned(roots: list[Node]) -> list[Node]:
    """Step 3: empty places go; their children take their place, at the top only if it is a single one."""
    order = list(roots)
    for node in order:
        order += node.children
    for node in reversed(order):  # children before parents
        kept: list[Node] = []
        for child in node.children:
            if child.letter is not None:
                kept.append(child)
            else:
                kept += child.children
        for child in kept:
            child.parent = node
        node.children = kept
    found: list[Node] = []
    for root in roots:
        if root.letter is None and len(root.children) == 1:
            root.children[0].parent = None
            found.append(root.children[0])
        elif root.letter is not None or root.children:
            found.append(root)
    return found


def _subject(node: Node) -> tuple[str, bool]:
    letter = node.first.letter
    return (letter.subject, letter.is_answer) if letter else ("", False)


def _joined(roots: list[Node]) -> list[Node]:
    """Step 5: threads of one base subject become one."""
    table: dict[str, Node] = {}
    for root in roots:
        subject, is_answer = _subject(root)
        known = table.get(subject)
        if subject and (
            known is None
            or (root.letter is None and known.letter is not None)
            or (_subject(known)[1] and not is_answer)
        ):
            table[subject] = root
    found: list[Node] = []
    merged: dict[int, Node] = {}
    for root in roots:
        subject, is_answer = _subject(root)
        target = table.get(subject, root) if subject else root
        target = merged.get(id(target), target)
        if target is root:
            found.append(root)
        elif target.letter is None and root.letter is None:
            target.children += root.children
        elif target.letter is None or (is_answer and not _subject(target)[1]):
            target.children.append(root)
        else:
            both = Node(children=[target, root])
            merged[id(table[subject])] = both
            # the first of them may not have been met yet
            if target in found:
                found[found.index(target)] = both
            else:
                found.append(both)
    gone = {id(child) for node in merged.values() for child in node.children}
    return [node for node in found if id(node) not in gone]


def _sorted(roots: list[Node]) -> list[Node]:
    """Step 6: siblings by the date of what was sent."""

    def key(node: Node) -> tuple[float, int]:
        letter = node.first.letter
        return _place(letter) if letter else (0.0, 0)

    order = list(roots)
    for node in order:
        order += node.children
    for node in reversed(order):
        node.children.sort(key=key)
    return sorted(roots, key=key)


def written(roots: Sequence[Node]) -> bytes:
    """thread-data of RFC 5256 section 4: `(1)(2 3 (4)(5))`."""
    out: list[bytes] = []
    # what is still to be written: a node, or octets
    todo: list[Node | bytes] = []
    for root in reversed(roots):
        todo += [b")", root, b"("]
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            out.append(item)
            continue
        if item.letter is not None:
            if out and out[-1][-1:].isdigit():
                out.append(b" ")
            out.append(b"%d" % item.letter.number)
        if len(item.children) == 1 and item.letter is not None:
            todo.append(item.children[0])
        elif item.children:
            if item.letter is not None:
                out.append(b" ")
            for child in reversed(item.children):
                todo += [b")", child, b"("]
    return b"".join(out)
