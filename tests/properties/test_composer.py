"""Whatever stands in what we write, every reader reads the same, and no line is longer than mail allows."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.reading.lines import lines_of, one_line
from mailcore.mail.showing.files import safe_name
from mailcore.mail.writing import composer, entities, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from tests.readers import by_python, by_rust, by_us, faults

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANY = st.text(st.characters(codec=None), max_size=300) | st.text(
    'aæ日😀 =?_"\\,<>@.:;\t\r\n\x0b\x85\u2028', max_size=200
)
LONG = st.builds(lambda text, times: text * times, ANY, st.integers(1, 30))
ATOMS = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=^_`{|}~", min_size=1, max_size=200
)
IDS = st.builds(lambda a, b: f"<{a}@{b}>", ATOMS, ATOMS)


def written(subject="x", name="", text="x", ids=(), names=()) -> bytes:
    heading = Heading(
        NameAddr("ola@alumni.example", name),
        (NameAddr("kari@x.example", name), NameAddr("b@x.example")),
        subject,
        AT,
        "<1@alumni.example>",
        answers=tuple(ids),
    )
    inner = [entities.text(text)]
    if names:
        return composer.compose(
            heading, entities.multipart([inner, *(entities.file(one, "text/plain", [b"x"]) for one in names)])
        )
    return composer.compose(heading, inner)


def squeezed(text: str) -> str:
    """Readers differ in what blanks within a name or a subject they keep; none may lose or join words."""
    return " ".join(text.split())


@given(LONG)
def test_a_subject_comes_back(text):
    octets = written(subject=text)
    assert faults(octets) == []
    wanted = squeezed(one_line(text[: fields_out.MOST_TEXT]))
    for read in (by_python, by_rust, by_us):
        assert squeezed(read(octets).subject) == wanted, read


@given(LONG)
def test_a_name_comes_back_with_its_address(text):
    octets = written(name=text)
    assert faults(octets) == []
    wanted = squeezed(one_line(text[: fields_out.MOST_TEXT]))
    for read in (by_python, by_rust, by_us):
        seen = read(octets)
        if read is by_python:  # it shows a blank between any two encoded words of a name
            assert "".join(seen.author[0].split()) == "".join(wanted.split())
        else:
            assert squeezed(seen.author[0]) == wanted, read
        assert seen.author[1] == "ola@alumni.example", read
        assert [spec for _, spec in seen.to] == ["kari@x.example", "b@x.example"], read


@given(st.lists(IDS, max_size=40))
def test_identifiers_are_whole_and_the_first_and_the_last_ones_stay(ids):
    ids = list(dict.fromkeys(ids))
    chain = fields_out.references(" ".join(ids[:-1]), "".join(ids[-1:]))
    octets = written(ids=chain)
    assert faults(octets) == []
    if ids:
        assert (chain[0], chain[-1]) == (ids[0], ids[-1])
        kept = len(chain) - 1
        assert list(chain[1:]) == (ids[-kept:] if kept else [])
        for read in (by_python, by_rust, by_us):
            assert read(octets).references == chain, read
            assert read(octets).in_reply_to == ids[-1], read


@given(ANY, ANY)
def test_whatever_is_said_to_be_an_identifier_does_no_harm(before, parent):
    assert faults(written(ids=fields_out.references(before, parent))) == []


@given(LONG)
def test_a_text_comes_back_with_its_lines(text):
    octets = written(text=text)
    assert faults(octets) == []
    wanted = "\n".join(lines_of(to_scalars(text))).rstrip("\n")
    for read in (by_python, by_rust, by_us):
        assert read(octets).text == wanted, read


@given(st.lists(LONG, min_size=1, max_size=3))
def test_names_of_files_come_back(names):
    octets = written(names=names)
    assert faults(octets) == []
    part = octets.split(b"Content-Disposition")
    assert all(b"=?" not in one for one in part[1:])
    wanted = tuple(safe_name(name).strip(" .") or "file" for name in names)
    for read in (by_python, by_rust):
        assert read(octets).files == wanted, read


@given(ANY, ANY)
def test_a_field_that_a_script_names_is_one_field_or_none(name, value):
    octets = fields_out.field(name, value)
    assert octets == b"" or (faults(octets + b"\r\n") == [] and octets.count(b"\r\n") == octets.count(b"\r\n ") + 1)


@given(ANY, ANY)
def test_an_address_is_one_or_nothing(local, host):
    octets = fields_out.people_field("To", [NameAddr(f"{local}@{host}"), NameAddr(local)])
    assert octets == b"" or faults(octets + b"\r\n", eight_bit=True) == []


@given(st.text('ab.@ ,;<>()[]"\\', max_size=20))
def test_a_strange_local_part_makes_one_address_of_that_host(local):
    octets = fields_out.people_field("To", [NameAddr(f"{local}@x.example")])
    found = by_python(b"From: <a@b.example>\r\n" + octets + b"\r\n").to
    assert [spec.rpartition("@")[2] for _, spec in found] == ["x.example"] * bool(local.strip())


@given(st.binary(max_size=2000), st.lists(st.integers(1, 300), max_size=20))
def test_base64_is_one_run_however_the_octets_are_cut(octets, sizes):
    pieces, at = [], 0
    for size in sizes:
        pieces.append(octets[at : at + size])
        at += size
    pieces.append(octets[at:])
    assert b"".join(entities.base64_lines(pieces)) == b"".join(entities.base64_lines([octets]))
