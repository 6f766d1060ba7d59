"""`alumnimail sieve test --batch`: a JSON line for a JSON line."""

import base64
import json

import pytest
from click.testing import CliRunner

from mailcore.cli import main

MESSAGE = base64.b64encode(b"From: a@example.net\nTo: ola@alumni.example\nSubject: hei\n\nbody\n").decode()


def ask(*requests: object) -> list[dict]:
    lines = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in requests)
    done = CliRunner().invoke(main, ["sieve", "test", "--batch"], input=lines)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(script: str, **more) -> dict:
    request = {
        "id": "1",
        "script": script,
        "message_base64": MESSAGE,
        "from": "a@example.net",
        "to": "ola@alumni.example",
    }
    [answer] = ask(request | more)
    assert answer["id"] == "1"
    return answer


def test_actions_in_their_order():
    answer = run('require ["fileinto", "imap4flags"]; fileinto :flags "\\\\Seen" "A"; keep;')
    assert answer["ok"]
    assert answer["actions"] == [
        {"action": "fileinto", "mailbox": "A", "flags": ["\\Seen"], "copy": False, "create": False},
        {"action": "keep", "flags": [], "implicit": False},
    ]


def test_every_error_with_line_and_column():
    answer = run('require ["nothing"];\n  fileinto "a";\nkeep "x";\n')
    assert [(e["line"], e["column"]) for e in answer["errors"]] == [(1, 1), (2, 3), (3, 1)]
    assert not answer["ok"]


def test_a_changed_message_comes_along():
    answer = run('require "editheader"; addheader "X-A" "æ";')
    [keep] = answer["actions"]
    assert base64.b64decode(keep["message_base64"]).startswith(b"X-A: =?utf-8?")


def test_mail_that_would_be_sent():
    answer = run(
        'require ["vacation", "enotify"]; vacation :subject "borte" "hilsen"; redirect "x@y.example";'
        'notify "mailto:n@y.example";'
    )
    assert [(mail["from"], mail["to"]) for mail in answer["mail"]] == [
        ("", ["a@example.net"]),
        ("a@example.net", ["x@y.example"]),
        ("ola@alumni.example", ["n@y.example"]),
    ]
    reply = base64.b64decode(answer["mail"][0]["message_base64"])
    assert b"Subject: borte\r\n" in reply
    assert b"Auto-Submitted: auto-replied" in reply


@pytest.mark.parametrize(
    ("more", "script", "box"),
    [
        (
            {"env": {"vnd.alumnimail.quota-percent": "101"}},
            'require ["environment", "fileinto", "relational", "comparator-i;ascii-numeric"];'
            'if environment :value "ge" :comparator "i;ascii-numeric" "vnd.alumnimail.quota-percent" "100" { fileinto "x"; }',
            "x",
        ),
        (
            {"mailboxes": ["Archive"]},
            'require ["mailbox", "fileinto"]; if mailboxexists "Archive" { fileinto "Archive"; }',
            "Archive",
        ),
        (
            {"metadata": {"": {"/shared/a": "b"}}},
            'require ["servermetadata", "fileinto"]; if servermetadata "/shared/a" "b" { fileinto "y"; }',
            "y",
        ),
        (
            {"scripts": {"global": {"g": 'require "fileinto"; fileinto "z";'}}},
            'require "include"; include :global "g";',
            "z",
        ),
        (
            {"options": {"subaddress_delimiters": "-"}, "orig_to": "ola-list@alumni.example"},
            'require ["envelope", "subaddress", "fileinto"]; if envelope :detail "to" "list" { fileinto "d"; }',
            "d",
        ),
    ],
)
def test_what_a_request_may_bring(more, script, box):
    assert [action.get("mailbox") for action in run(script, **more)["actions"]] == [box]


@pytest.mark.parametrize(
    ("option", "value", "script"),
    [
        ("max_notifications", 1, 'require "enotify"; notify "mailto:a@b.example"; notify "mailto:c@b.example";'),
        ("max_header_size", 10, 'require "editheader"; addheader "X" "aaaaaaaaaaaaaaaa";'),
    ],
)
def test_limits_can_be_set(option, value, script):
    assert run(script)["ok"]
    assert not run(script, options={option: value})["ok"]


def test_what_is_not_offered_is_told():
    assert "unsupported" in run("keep;", options={"magic": 1})
    assert "unsupported" in run("keep;", op="debug")


def test_check_and_capabilities():
    [bad, good, known] = ask(
        {"op": "check", "script": "kep;"}, {"op": "check", "script": "keep;"}, {"op": "capabilities"}
    )
    assert (bad["ok"], good["ok"]) == (False, True)
    assert {"fileinto", "regex", "editheader", "include"} <= set(known["extensions"])


@pytest.mark.parametrize("line", [
    "not json", "[]", "null", '{"id": 7, "script": 5}', '{"message_base64": "%%%"}', '{"env": []}',
    '{"scripts": {"personal": 1}}',
    '{"mailboxes": 5}', '{"options": []}', '{"script": "keep;", "metadata": {"a": 1}}', "[" * 5000,
])  # fmt: skip
def test_a_bad_line_gets_an_answer_and_the_next_one_too(line):
    answers = ask(line, {"id": "next", "script": "keep;"})
    assert len(answers) == 2
    assert answers[1]["ok"]


@pytest.mark.parametrize("field", ["Delivered-To", "X-Sieve-Redirected-From"])
def test_a_message_that_was_here_before_is_not_redirected_again(field):
    octets = base64.b64encode(f"{field}: Ola@alumni.example\nSubject: x\n\nb\n".encode()).decode()
    answer = run('redirect "x@y.example";', message_base64=octets)
    assert answer["actions"] == [{"action": "redirect", "address": "x@y.example", "copy": False}]
    assert answer["mail"] == []


@pytest.mark.parametrize(
    "more",
    [["--from", "a@b.example"], ["--to", "a@b.example"], ["--env", "name=value"], [__file__], [__file__, __file__]],
)
def test_a_batch_takes_no_message_beside_its_questions(more):
    result = CliRunner().invoke(main, ["sieve", "test", "--batch", *more], input="")
    assert result.exit_code == 2
    assert "each question brings its own" in result.output
