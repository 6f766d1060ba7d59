"""Signs of spam: a list for any octets, in bounded time and number; programs by their content; sums that stay between 0 and 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.judging import history, model, programs, signs
from mailcore.mail.judging.arithmetic import Source, judge
from mailcore.mail.judging.evidence import list_evidence
from mailcore.mail.judging.history import Past, Sender
from mailcore.mail.judging.languages import find_foreign
from mailcore.mail.judging.model import BrokenModel
from mailcore.mail.judging.signs import MAX_SIGNS, list_signs
from mailcore.mail.reading.message import Message
from tests.processor import costs_under

HTML = b"Content-Type: text/html\r\n\r\n"
HOSTILE = {
    "one word": b"\r\n" + b"viagra " * 2_000_000,
    "one long word": b"\r\n" + b"a" * 5_000_000,
    "links": HTML + b"".join(b'<a href="http://h%d.example/x">y</a>' % number for number in range(100_000)),
    "deep html": HTML + b"<div>" * 500_000,
    "open tags": HTML + b"<a href=" * 500_000,
    "invisible text": HTML + b'<p style="display:none">' + b"free money " * 500_000,
    "word salad": b"\r\n" + b" ".join(b"w%d" % number for number in range(500_000)),
    "hidden in hidden": HTML + b'<p style="display:none">a<p>' * 200_000,
    "parted letters": b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "v\u200b".encode() * 2_000_000,
    "styles": HTML + b'<p style="' + b"font-size : " * 200_000 + b'">',
    "many parts": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\nword\r\n" * 2000,
    "a zip of heads": b"Content-Type: application/zip; name=a.zip\r\n\r\n" + b"PK\x03\x04" * 500_000,
    "scripts": b"Content-Type: text/x; name=a.js\r\n\r\n" + b"<script " * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_has_few_signs_and_takes_little_time(name):
    message = Message(HOSTILE[name])
    assert message.header.pieces is not None
    assert message.root.type
    with costs_under(0.25):
        found = list_signs(message)
        programs.list_programs(message.octets, message.root)
    assert 0 < len(found) <= MAX_SIGNS
    assert max(map(len, found)) < 400


@given(st.binary(max_size=3000))
def test_any_octets_have_signs_each_once(octets):
    found = list_signs(Message(octets))
    assert len(found) == len(set(found))
    programs.list_programs(octets, Message(octets).root)


def test_words_links_and_form_are_signs():
    octets = (
        b"From: Kari <kari9876@shop.co.example>\r\nSubject: FREE MONEY NOW!\r\nReply-To: x@y.example\r\n"
        b"Content-Type: text/html\r\n\r\n"
        b'Click <a href="http://user@www.Bad.example:81/x">here</a> <img src="http://1.2.3.4/a"><p style="display: none">x'
    )
    assert {
        "word:click", "word:click here", "host:bad.example", "link:with a user", "link:with a port", "link:to a number",
        "html:hidden text", "subject:in capitals", "replies:go elsewhere", "no field:date",
    } <= set(list_signs(Message(octets)))  # fmt: skip


def test_what_nobody_sees_is_no_word_and_much_of_it_is_a_sign():
    hidden = b"<div style='display: none'>meeting <div>agenda</div> minutes" + b" filler" * 80 + b"</div>"
    found = set(list_signs(Message(HTML + b"<p>buy now</p>" + hidden + b"<p>cheap pills</p>")))
    assert {"word:buy now", "word:cheap pills", "html:hidden text", "html:much hidden text"} <= found
    assert not found & {"word:meeting", "word:agenda", "word:minutes", "word:filler"}
    preheader = b"<span style='max-height:0px'>Our news</span><br style='font-size:0'><p>hello</p>"
    found = set(list_signs(Message(HTML + preheader)))
    assert "word:hello" in found
    assert "html:much hidden text" not in found


def test_letters_that_are_parted_or_of_two_scripts_are_read_as_they_are_seen():
    text = "V\u200bia\u200bgra now, and mо\u200bre: vіagra, раypal".encode()
    found = set(list_signs(Message(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text)))
    assert {"word:viagra now", "letters:of two scripts in a word"} <= found


TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
LETTER = b"Dear singers, the rehearsal begins at seven in the old canteen, bring notes.\r\n"


@pytest.mark.parametrize("line", [b"-- ", b"_" * 47, b"-" * 55 + b"\r\nThis sf.net email is sponsored by us"])
def test_what_a_list_puts_below_a_letter_is_no_word_of_it(line):
    found = set(list_signs(Message(TEXT + 3 * LETTER + line + b"\r\nIrish users\r\nhttp://lists.example/\r\n")))
    assert "word:canteen" in found
    assert "word:irish" not in found
    assert "host:lists.example" in found


def test_no_more_than_half_of_a_letter_is_taken_for_its_footer():
    """Spam would stand below two hyphens."""
    found = set(list_signs(Message(TEXT + b"Hello dear friend\r\n-- \r\n" + LETTER)))
    assert "word:canteen" in found


@pytest.mark.parametrize("subject", ["[Choir] Notes", "Re: [Choir] Notes", "[Choir] Re: Notes", "SV: [choir]  Notes"])
def test_the_name_of_a_list_in_a_subject_is_a_sign_of_its_own(subject):
    found = set(list_signs(Message(f"Subject: {subject}\r\n\r\n".encode())))
    assert {"tag:choir", "subject:notes"} <= found
    assert "word:choir" not in found
    assert not signs.is_shipped("tag:choir")
    assert "tag:choir" not in set(list_signs(Message(b"Subject: [Choir]\r\n\r\n")))


def test_two_letters_are_a_word_where_no_blanks_stand_between_words():
    found = set(list_signs(Message(TEXT + "拒收廣告 free".encode())))
    assert {"word:拒收", "word:收廣", "word:廣告", "word:free"} <= found


def test_html_that_calls_itself_text_is_read_as_html():
    found = set(list_signs(Message(TEXT + b"<html><body><table><tr><td>choir</td></tr></table><br></body></html>")))
    assert "word:choir" in found
    assert "word:td" not in found


def test_words_of_a_link_that_name_another_host_are_a_sign_and_weigh():
    link = b'<p>Log in at <a href="https://evil.example/x">https://www.alumni.example/login</a></p>'
    found = list_signs(Message(HTML + link))
    assert "link:names another host" in found
    assert ("link:names another host", 0.7) in list_evidence(found)
    for honest in (b"https://evil.example/x", b"click here"):
        assert "link:names another host" not in list_signs(
            Message(HTML + link.replace(b"https://www.alumni.example/login", honest))
        )


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wir haben für Sie die besten Preise und das ist nicht alles, auf dem Markt mit uns", "de"),
        ("Nous vous proposons les meilleurs prix pour votre maison, avec une garantie", "fr"),
        ("Уважаемые коллеги, предлагаем вам участие", "cyrillic"),
        ("Vi har de beste prisene for dere, og det er ikke alt: kom i dag og se hva som er nytt", ""),
        ("Eg er ein mann frå Bergen, og den båten er min; me dreg til Oslo", ""),
        ("We have the best prices for you, and that is not all: come and see", ""),
        ("", ""),
    ],
)
def test_foreign_languages_are_told(text, language):
    assert find_foreign(text.lower().replace(",", "").split()) == language


def test_owners_teach_languages_and_no_model_ships_them():
    assert signs.is_portable("language:de")
    assert not signs.is_shipped("language:de")


def test_history_fades_and_names_without_a_witness_count_with_their_network_alone():
    day = 86_400
    vouched = history.list_keys(Sender("ann@a.example", "11.22.33.44", is_vouched=True))
    claimed = history.list_keys(Sender("ann@a.example", "11.22.33.44", is_vouched=False))
    elsewhere = history.list_keys(Sender("ann@a.example", "44.33.22.11", is_vouched=False))
    assert len({vouched["author"], claimed["author"], elsewhere["author"]}) == 3
    assert history.list_keys(Sender("ann@a.example", "127.0.0.1", is_vouched=False)) == {}
    pasts = {key: Past(0.0, 50.0, 0) for key in vouched.values()}
    good = dict(history.weigh_history(vouched, pasts, 0))
    assert set(good) == {"history:of the author", "history:of the domain", "history:of the network"}
    assert all(odds < -1 for odds in good.values())
    later = dict(history.weigh_history(vouched, pasts, 300 * day))
    assert all(good[name] < later[name] < 1 for name in good)
    assert not set(dict(history.weigh_history(elsewhere, pasts, 0)))
    site = {history.SITE: Past(0.0, 600.0, 0)}
    assert list(history.weigh_history(elsewhere, site, 0)) == [("history:a new domain", history.NEW)]


def zipped(*names: bytes) -> bytes:
    return b"".join(
        b"PK\x03\x04" + bytes(22) + len(name).to_bytes(2, "little") + bytes(2) + name + b"x" for name in names
    )


@pytest.mark.parametrize(
    ("start", "name", "kind"),
    [
        (b"MZ" + bytes(60) + b"PE\0\0", "photo.png", "exe"),
        (b"MZ in a text", "a.txt", ""),
        (b"\x7fELF\x02", "a", "exe"),
        (b"L\0\0\0\x01\x14\x02\0\0", "a.txt", "lnk"),
        (bytes(0x8001) + b"CD001", "a", "iso"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "_VBA_PROJECT".encode("utf-16-le"), "a.doc", "macro"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", ""),
        (zipped(b"[Content_Types].xml", b"word/document.xml"), "a.docx", ""),
        (zipped(b"[Content_Types].xml", b"word/vbaProject.bin"), "a.docx", "macro"),
        (zipped(b"META-INF/MANIFEST.MF"), "a.zip", "jar"),
        (zipped(b"invoice.js"), "a.zip", "zipped program"),
        (zipped(b"notes.txt"), "a.zip", ""),
        (b"<html><hta:application id=x>", "a.html", "hta"),
        (b"var s = new ActiveXObject('WScript.Shell')", "a.js", "script"),
        (b"export const colour = 1", "a.js", ""),
        (b"@echo off", "a.bat", "script"),
        (b"%PDF-1.7", "a.pdf", ""),
        (b"", "", ""),
    ],
)
def test_a_program_is_known_by_its_octets(start, name, kind):
    assert programs.kind_of(start, name) == kind


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(-9999, 9999)), max_size=300),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_a_judgement_is_a_probability(counts, spam, ham):
    numbered = [(f"word:{number}", number) for number in range(len(counts))]
    judgement = judge(numbered, [Source(dict(enumerate(counts)), spam, ham)], [("a rule", 100.0)])
    assert 0.0 <= judgement.probability <= 1.0
    assert 0.0 <= judgement.by_weights <= 1.0
    assert judge(numbered, []).probability == 0.5


def test_a_model_is_read_as_it_was_written_and_what_is_broken_is_refused():
    octets = model.write_model({5: (1, 2, -3), 2**32 - 1: (70_000, 0, 40_000), 7: (3, 4, 5)}, 10, 20, -6)
    read = model.read_model(octets)
    assert (read.spam, read.ham, read.bias, len(read.counts)) == (10, 20, -6, 3)
    assert read.counts.find((5, 7, 2**32 - 1, 6, 0)) == {5: (1, 2, -3), 7: (3, 4, 5), 2**32 - 1: (65_535, 0, 32_767)}
    for broken in (octets[:-30], octets[:20], b"", octets.replace(b"spam-2", b"spam-9")):
        with pytest.raises(BrokenModel):
            model.read_model(broken)


def test_signs_of_organisations_leave_out_hosts():
    assert [signs.host_of_organisation(host) for host in ("www.a.example", "x.a.co.uk", "example", "")] == [
        "a.example", "a.co.uk", "example", "",
    ]  # fmt: skip


_LETTERS = st.text(st.sampled_from("aZ9é_!$€ßİ \n.-ǅжあ"), max_size=400)


@given(_LETTERS.map(lambda text: text.replace("あ", "ж")), st.integers(1, 30))
def test_words_are_those_of_the_whole_text_one_after_another(text, most):
    found = [match[0].lower() for match in signs._WORD.finditer(text)][:most]
    assert signs._words(text, most) == [word if len(word) <= 20 else f"of {len(word)} letters" for word in found]


@given(st.text(st.sampled_from("aZ9!é "), max_size=60), st.integers(1, 5))
def test_a_long_text_gives_the_words_of_its_beginning(text, most):
    long = text * 40
    assert signs._words(long, most) == signs._words(long, 10_000)[:most]


@given(_LETTERS)
def test_letters_are_counted_by_kind(text):
    letters = [c for c in text if c.isalpha()]
    assert signs._count_letters(text) == (
        len(letters), sum(map(str.isupper, letters)), sum(c > "ɏ" for c in letters),
    )  # fmt: skip


@given(st.lists(st.sampled_from(["one", "two", "three"]), max_size=12))
def test_words_and_pairs_are_signs_once_in_their_order(words):
    slow = [f"word:{word}" for word in words]
    slow += [f"word:{one} {other}" for one, other in zip(words, words[1:], strict=False)]
    assert signs._with_pairs("word", words) == list(dict.fromkeys(slow))
