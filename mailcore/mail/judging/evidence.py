"""Signs whose weight is laid down: they are rare in any collection, or say of today's mail what old collections cannot."""

from collections.abc import Iterable

from mailcore.mail.judging.arithmetic import Evidence

# logarithms of odds, by the sign or by its kind
_SIGNS = {
    "dmarc:fail": 1.0,
    "dmarc:pass": -0.4,  # nearly all mail that people wait for, and much of the rest
    "spf:fail": 0.6,
    "spf:softfail": 0.3,
    "link:names another host": 0.7,
    "link:with a user": 0.5,
    "html:much hidden text": 0.7,
    "name shape:an address of another": 0.7,
    "letters:invisible between others": 0.7,
    "letters:of two scripts in a word": 1.0,
}
_KINDS = {"lookalike": 3.0, "impersonates": 2.5, "program": 1.5}
_BEGINNINGS = tuple(f"{kind}:" for kind in _KINDS)


def list_evidence(signs: Iterable[str]) -> Evidence:
    """List those of the signs that have a weight by rule, with it."""
    evidence: list[tuple[str, float]] = []
    for sign in signs:
        if sign.startswith("word:"):
            continue
        if sign in _SIGNS:
            evidence.append((sign, _SIGNS[sign]))
        elif sign.startswith(_BEGINNINGS):
            evidence.append((sign, _KINDS[sign.partition(":")[0]]))
    return evidence
