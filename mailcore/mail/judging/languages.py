"""Languages of mail, told by their commonest words or their script: only those that are foreign in Northern Europe."""

from collections.abc import Sequence
from itertools import islice

LOOKED_AT = 150  # words
LEAST, SHARE = 4, 0.08  # so many of its commonest words, and so much of all
_COMMON = {
    "de": "und der die das ist nicht mit für sie wir eine auf von dem zu ich",
    "fr": "les des est pour une vous dans que qui sur pas avec nous votre aux",
    "es": "los las que para con por una como más está sus esta usted",
    "pt": "não para com uma que por dos das você mais seu sua são está",
    "it": "che con una della gli non sono alla nel più questo vostro",
    "nl": "het een van voor niet met zijn wij aan ook maar naar uw bij",
    "pl": "nie się jest na że oraz dla jak przez są tego",
    "tr": "ve bir bu için ile daha çok olarak size değil var sms",
    "cs": "je na že pro jako jsou nebo jsme také který",
    "hr": "je su na za koji nije ili samo sve biti",
}
_WORDS: dict[str, list[str]] = {}
for _code, _text in _COMMON.items():
    for _word in _text.split():
        _WORDS.setdefault(_word, []).append(_code)
_SCRIPTS = (
    (0x0370, 0x03FF, "el"), (0x0400, 0x052F, "cyrillic"), (0x0590, 0x05FF, "he"), (0x0600, 0x06FF, "arabic"),
    (0x0E00, 0x0E7F, "th"), (0x3040, 0x30FF, "ja"), (0x4E00, 0x9FFF, "han"), (0xAC00, 0xD7AF, "ko"),
)  # fmt: skip


def find_foreign(words: Sequence[str]) -> str:
    """Return the code of a foreign language or script in which a text is written, or ""."""
    counts: dict[str, int] = {}
    looked = 0
    for word in islice(words, LOOKED_AT):
        looked += 1
        for code in _WORDS.get(word, ()):
            counts[code] = counts.get(code, 0) + 1
        if word[0] > "\u036f":
            for first, last, script in _SCRIPTS:
                if first <= ord(word[0]) <= last:
                    counts[script] = counts.get(script, 0) + 1
    if not counts:
        return ""
    code = max(counts, key=lambda one: counts[one])
    return code if counts[code] >= max(LEAST, SHARE * looked) else ""
