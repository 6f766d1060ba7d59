"""Attacks on ManageSieve, and scripts that are attacks themselves; `right` is OK, NO or BYE, `-` the end."""

from dataclasses import dataclass

from tests.attacks.server.case import Case

DEEP = b"(" * 10_000
LITERAL = "RFC 5804 section 4 (literal-c2s)"

# Before anybody has logged in
STRANGERS = [
    Case("PUTSCRIPT before the log-in", "RFC 5804 section 1.1", b'PUTSCRIPT "x" {4+}\r\nkeep\r\n', "NO"),
    Case("a literal of 100 KB by a stranger", "CWE-770", b'AUTHENTICATE "PLAIN" {100000+}\r\n' + b"x" * 100_000 + b"\r\n", "NO"),
    Case("a literal of 4 GB", "CWE-770", b'AUTHENTICATE "PLAIN" {4294967296+}\r\n', "NO"),
    Case("a literal of twenty-one digits", "CWE-190", b'AUTHENTICATE "PLAIN" {999999999999999999999+}\r\n', "NO"),
    Case("a literal of a negative size", "CWE-190", b'AUTHENTICATE "PLAIN" {-1+}\r\n', "NO"),
    Case("a literal that waits", LITERAL, b'NOOP {3}\r\nabc\r\n', "OK|NO"),
    Case("a line without an end", "CWE-770", b"x" * 100_000, "BYE"),
    Case("a quoted string of 60,000", "RFC 5804 section 4 (quoted)", b'NOOP "' + b"x" * 60_000 + b'"\r\n', "OK|NO"),
    Case("an open quotation", "RFC 5804 section 4 (quoted)", b'NOOP "x\r\nNOOP\r\n', "NO OK"),
    Case("NUL in a word", "CWE-158", b"NO\0OP\r\n", "NO"),
    Case("NUL in a string", "CWE-158", b'NOOP "a\0b"\r\n', "NO|OK"),
    Case("no UTF-8", "RFC 5804 section 4", b'NOOP "\xff\xfe"\r\n', "NO"),
    Case("a line end in what comes back", "CWE-93", b"NOOP {6+}\r\na\r\nOK \r\n", "OK"),
    Case("a quotation mark in what comes back", "CWE-93", b'NOOP "a\\") \\"x"\r\n', "OK"),
    Case("AUTHENTICATE of a mechanism that is none", "RFC 5804 section 2.1", b'AUTHENTICATE "../PLAIN"\r\n', "NO"),
    Case("AUTHENTICATE that is no base64", "RFC 5804 section 2.1", b'AUTHENTICATE "PLAIN" "!!!"\r\n', "NO"),
    Case("AUTHENTICATE for somebody else", "CWE-863", b'AUTHENTICATE "PLAIN" "a2FyaQBvbGEAeA=="\r\n', "NO"),
    Case("guesses end", "CWE-307", b'AUTHENTICATE "PLAIN" "AG9sYQB3cm9uZw=="\r\n' * 6, "NO " * 5 + "BYE"),
    Case("what is no ManageSieve ends", "CWE-770", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10, "NO " * 20 + "BYE"),
    Case("COMPRESS, which is not offered", "RFC 5804 section 1.8", b"COMPRESS DEFLATE\r\n", "NO"),
    Case("SETACTIVE before the log-in", "RFC 5804 section 1.1", b'SETACTIVE ""\r\n', "NO"),
]  # fmt: skip

# After the log-in
LOGGED_IN = [
    Case("a script's name is a path", "CWE-22", b'PUTSCRIPT "../../etc/cron.d/x" {5+}\r\nkeep;\r\n', "NO|OK"),
    Case("a script's name has a NUL", "RFC 5804 section 1.6", b'PUTSCRIPT {3+}\r\na\0b {5+}\r\nkeep;\r\n', "NO"),
    Case("a script's name has a line end", "RFC 5804 section 1.6", b'PUTSCRIPT {4+}\r\na\r\nb {5+}\r\nkeep;\r\n', "NO"),
    Case("a script's name has a line separator", "RFC 5804 section 1.6", 'PUTSCRIPT "a\u2028b" {5+}\r\nkeep;\r\n'.encode(), "NO"),
    Case("a script's name has a C1 control", "RFC 5804 section 1.6", 'PUTSCRIPT "a\u0085b" {5+}\r\nkeep;\r\n'.encode(), "NO"),
    Case("a script's name is empty", "RFC 5804 section 1.6", b'PUTSCRIPT "" {5+}\r\nkeep;\r\n', "NO"),
    Case("a script's name is of 5,000", "RFC 5804 section 1.6", b'PUTSCRIPT "' + b"a" * 5000 + b'" {5+}\r\nkeep;\r\n', "NO"),
    Case("a script of another's", "CWE-639", b'GETSCRIPT "kari/active"\r\n', "NO"),
    Case("a script of SQL", "CWE-89", b'GETSCRIPT "\' OR 1=1 --"\r\n', "NO"),
    Case("a script of two megabytes", "RFC 5804 section 2.6", b'PUTSCRIPT "x" {2000000+}\r\n' + b"#" * 2_000_000 + b"\r\n", "NO"),
    Case("a script of more than was said", LITERAL, b'PUTSCRIPT "x" {5+}\r\nkeep;discard;\r\n', "NO"),
    Case("a script of less than was said", LITERAL, b'CHECKSCRIPT {12+}\r\nkeep;keep;\r\n\r\n', "OK"),
    Case("HAVESPACE of 2^64", "CWE-190", b'HAVESPACE "x" 18446744073709551616\r\n', "NO"),
    Case("HAVESPACE of a negative size", "CWE-190", b'HAVESPACE "x" -1\r\n', "NO"),
    Case("SETACTIVE of nothing that is", "RFC 5804 section 2.8", b'SETACTIVE "nowhere"\r\n', "NO"),
    Case("RENAMESCRIPT into itself", "RFC 5804 section 2.11", b'RENAMESCRIPT "a" "a"\r\n', "NO"),
    Case("a thousand commands at once", "RFC 5804 section 1.2", b"NOOP\r\n" * 1000, "OK " * 1000),
    Case("brackets for a string", "CWE-674", b"PUTSCRIPT " + DEEP + b"\r\n", "NO"),
    Case("STARTTLS within TLS", "RFC 5804 section 2.2", b"STARTTLS\r\n", "NO"),
    Case("commands after LOGOUT", "RFC 5804 section 2.3", b"LOGOUT\r\nNOOP\r\n", "OK -"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is checked by CHECKSCRIPT."""

    name: str
    source: str
    text: str
    right: str

    def __str__(self) -> str:
        return self.name


def nested(before: str, inner: str, after: str, times: int) -> str:
    return before * times + inner + after * times


NESTING = "RFC 5228 section 2.10.5"
CHECKED = [
    Script("blocks within blocks", NESTING, nested("if true {", "keep;", "}", 5000), "NO"),
    Script("tests within tests", NESTING, "if " + nested("not ", "true", "", 50_000) + " {}", "NO"),
    Script("allof of allof", NESTING, "if " + nested("allof(", "true", ")", 5000) + " {}", "NO"),
    Script("blocks that never end", NESTING, "if true {" * 20_000, "NO"),
    Script("brackets for a list", NESTING, "if header " + "[" * 20_000, "NO"),
    Script("a comment without an end", "RFC 5228 section 2.3", "/*" * 50_000, "NO"),
    Script("a text without an end", "RFC 5228 section 2.4.2", "keep; redirect text:\r\n" + "x\r\n" * 10_000, "NO"),
    Script("a quotation without an end", "RFC 5228 section 2.4.2", 'redirect "' + "x" * 100_000, "NO"),
    Script("a number of a hundred digits", "RFC 5228 section 2.4.1, CWE-190", f"if size :over {'9' * 100} {{}}", "NO"),
    Script("a number of exabytes", "RFC 5228 section 2.4.1, CWE-190", "if size :over 99999999999G {}", "NO"),
    Script("a list of 50,000", "CWE-770", f'if header "x" [{",".join(chr(34) + "a" + chr(34) for _ in range(50_000))}] {{}}', "OK|NO"),
    Script("ten thousand commands", "CWE-770", "keep;" * 10_000, "OK|NO"),
    Script("a megabyte of commands", "CWE-400", "keep;" * 180_000, "NO"),
    Script("a megabyte of brackets that close nothing", "CWE-400", "}" * 900_000, "NO"),
    Script("a megabyte of mistakes", "CWE-400", "keeq;" * 180_000, "NO"),
    Script("a megabyte of extensions that are none", "CWE-400", "require [" + '"fileintp",' * 80_000 + '"fileinto"];', "NO"),
    Script("a megabyte of references", "CWE-400", 'require "variables"; set "a" "' + "${a}" * 220_000 + '";', "NO"),
    Script("an address of a megabyte", "CWE-400", 'redirect "' + "a " * 450_000 + '<a@b.example>";', "NO"),
    Script("ten thousand redirects", "RFC 5228 section 4.2", "".join(f'redirect "a{n}@b.example";' for n in range(10_000)), "NO|OK"),
    Script("a regular expression that explodes", "CWE-1333", 'require "regex"; if header :regex "subject" "(a+)+$" {}', "OK|NO"),
    Script("a regular expression that refers back", "CWE-1333", 'require "regex"; if header :regex "subject" "(a*)*\\\\1" {}', "NO"),
    Script("a regular expression of ten thousand counts", "CWE-1333",
           'require "regex"; if header :regex "subject" "((a{1000}){1000}){1000}" {}', "NO"),
    Script("six hundred regular expressions", "CWE-770",
           'require "regex"; ' + "".join(f'if header :regex "subject" "a{n}[0-9]+" {{}}' for n in range(600)), "NO"),
    Script("a variable that grows", "RFC 5229 section 6", 'require "variables"; set "a" "x";' + 'set "a" "${a}${a}";' * 40, "OK"),
    Script("a thousand variables", "RFC 5229 section 6", 'require "variables";' + "".join(f'set "v{n}" "x";' for n in range(1000)), "OK|NO"),
    Script("a variable's name of 10,000", "RFC 5229 section 6", f'require "variables"; set "{"v" * 10_000}" "x";', "NO"),
    Script("a name in letters that look alike", "RFC 5229 section 3", 'require "variables"; set "а" "x";', "NO"),
    Script("a script that includes itself", "RFC 6609 section 3.2", 'require "include"; include "x";', "OK|NO"),
    Script("include of a path", "CWE-22", 'require "include"; include "../../etc/passwd";', "OK|NO"),
    Script("include of another's", "CWE-639", 'require "include"; include :personal "kari/active";', "OK|NO"),
    Script("redirect to a pipe", "CVE-2014-6271", 'redirect "|/bin/sh -c id";', "NO"),
    Script("redirect to two", "RFC 5228 section 4.2", 'redirect "a@b.example, c@d.example";', "NO"),
    Script("redirect with a line end", "CWE-93", 'redirect "a@b.example\r\nBcc: x@y.example";', "NO"),
    Script("redirect with a NUL", "CWE-158", 'redirect "a\0@b.example";', "NO"),
    Script("reject with 100,000 letters", "RFC 5429 section 2.1", f'require "reject"; reject "{"x" * 100_000}";', "OK|NO"),
    Script("vacation with a From of somebody else", "RFC 5230 section 4.3, CWE-290",
           'require "vacation"; vacation :from "rektor@alumni.example" "away";', "NO|OK"),
    Script("vacation with a subject of two lines", "CWE-93", 'require "vacation"; vacation :subject "a\r\nBcc: x@y.example" "away";', "NO|OK"),
    Script("vacation every minute", "RFC 6131 section 2", 'require ["vacation","vacation-seconds"]; vacation :seconds 0 "away";', "OK|NO"),
    Script("addheader of trace fields", "RFC 5293 section 6", 'require "editheader"; addheader "Received" "x";', "NO|OK"),
    Script("addheader with a line end", "CWE-93", 'require "editheader"; addheader "X" "a\r\nBcc: x@y.example";', "NO|OK"),
    Script("addheader with a name of two fields", "CWE-93", 'require "editheader"; addheader "X: y\r\nBcc" "a";', "NO"),
    Script("notify of a URL within", "RFC 5435 section 8, CWE-918", 'require "enotify"; notify "http://127.0.0.1:8080/";', "NO"),
    Script("notify of a file", "RFC 5435 section 8, CWE-918", 'require "enotify"; notify "file:///etc/passwd";', "NO"),
    Script("notify with fields in its address", "RFC 5436 section 2.3", 'require "enotify"; notify "mailto:a@b.example?bcc=c@d.example&from=x@y.example";', "NO|OK"),
    Script("execute", "CWE-78", 'require "vnd.dovecot.execute"; execute "id";', "NO"),
    Script("pipe", "CWE-78", 'require "vnd.dovecot.pipe"; pipe "id";', "NO"),
    Script("environment that is secret", "RFC 5183 section 4", 'require "environment"; if environment "vnd.secret" "x" {}', "OK|NO"),
    Script("NUL in a script", "RFC 5228 section 2.1", "keep;\0", "NO"),
    Script("a byte order mark", "RFC 5228 section 2.1", "\ufeffkeep;", "NO|OK"),
    Script("encoded-character of a surrogate", "RFC 5228 section 2.4.2.4", 'require ["encoded-character","fileinto"]; fileinto "${unicode:d800}";', "NO"),
    Script("encoded-character of a NUL", "RFC 5228 section 2.4.2.4", 'require ["encoded-character","fileinto"]; fileinto "${hex:00}";', "NO|OK"),
    Script("foreverypart a hundred deep", "RFC 5703 section 8", 'require "foreverypart";' + nested("foreverypart {", "keep;", "}", 100), "NO"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A script that runs for a message: it comes in, and stands in INBOX unless the row says where."""

    name: str
    source: str
    text: str
    mailbox: str = "INBOX"

    def __str__(self) -> str:
        return self.name


LONG = 'require "variables"; set "a" "0123456789";' + 'set "a" "${a}${a}";' * 20
RUNS = [
    Run("variables that double twenty times", "RFC 5229 section 6", LONG + 'if header :contains "subject" "${a}" {discard;}'),
    Run("text that is compared a million times", "CWE-400", LONG + 'if header :matches "x-long" "*${a}*${a}*" {discard;}' * 50),
    Run("stars without end", "CWE-1333", 'if header :matches "x-long" "' + "*a" * 500 + 'b" {discard;}' + 'if header :matches "x-long" "' + "?*" * 500 + '" {}'),
    Run("a regular expression that explodes", "CWE-1333", 'require "regex"; if header :regex "x-long" "(a+)+(a+)+(a+)+$x" {discard;}'),
    Run("a regular expression of variables", "CWE-1333", 'require ["regex","variables"]; set "a" "(a*)*"; '
        + 'set "a" "${a}${a}";' * 7 + 'if header :regex "x-long" "${a}b" {discard;}'),
    Run("fileinto above the root", "CWE-22", 'require "fileinto"; fileinto "../../kari/INBOX";'),
    Run("fileinto of an absolute path", "CWE-22", 'require "fileinto"; fileinto "/etc/cron.d/x";'),
    Run("fileinto of another's", "CWE-639", 'require "fileinto"; fileinto "user/kari/INBOX";'),
    Run("fileinto that makes a mailbox of dots", "CWE-22", 'require ["fileinto","mailbox"]; fileinto :create "../x";'),
    Run("fileinto of what the message says", "CWE-22", 'require ["fileinto","variables","mailbox"]; if header :matches "x-path" "*" {fileinto :create "${1}";}'),
    Run("fileinto that makes fifty mailboxes", "CWE-770", 'require ["fileinto","mailbox"];'
        + "".join(f'fileinto :create "made/{n}";' for n in range(50))),
    Run("references in a loop", "CWE-400", 'require ["variables", "foreverypart"]; set "a" "' + "${b}" * 40_000 + '";' + 'foreverypart {set "a" "${a}";}' * 99),
    Run("thousands of mailboxes that are asked for", "CWE-400", 'require "mailbox"; '
        + "".join(f'if mailboxexists "x{n}" {{discard;}}' for n in range(4000))),
    Run("thousands of special uses that are asked for", "CWE-400", 'require "special-use"; '
        + "".join(f'if specialuse_exists "\\\\X{n}" {{discard;}}' for n in range(4000))),
    Run("a long list in a thousand tests", "CWE-400", f'if header :is "x-long" [{",".join(f"{chr(34)}{n}{chr(34)}" for n in range(15_000))}] {{discard;}}'
        + 'if header "subject" "never" {discard;}' * 1000),
    Run("redirect to oneself", "RFC 5228 section 4.2, RFC 5321 section 6.3", 'redirect "siv@alumni.example"; keep;'),
    Run("redirect to more than four", "RFC 5228 section 2.10.3", "".join(f'redirect "a{n}@elsewhere.example";' for n in range(6)) + "keep;"),
    Run("redirect to what the message says", "CWE-93", 'require "variables"; if header :matches "x-path" "*" {redirect "${1}";} keep;'),
    Run("reject of an error report", "RFC 5429 section 2.1", 'require "reject"; if header "subject" "never" {reject "no";}'),
    Run("addheader that lies about us", "RFC 5293 section 6",
        'require "editheader"; addheader "Authentication-Results" "mx.alumni.example; dmarc=pass"; addheader "X" "y";'),
    Run("deleteheader of trace fields", "RFC 5293 section 6", 'require "editheader"; deleteheader "Received"; deleteheader "Subject2";'),
    Run("a body that is searched two hundred times", "CWE-400", 'require "body";'
        + "".join(f'if body :text :contains "w{n}" {{discard;}}' for n in range(200))),
    Run("vacation to a robot", "RFC 5230 section 4.6, RFC 3834 section 2", 'require "vacation"; vacation "away";'),
    Run("duplicate with a key of a megabyte", "RFC 7352 section 3.2", 'require ["duplicate","variables"];' + LONG[20:] + 'if duplicate :uniqueid "${a}" {discard;}'),
    Run("flags of a hundred", "RFC 5232 section 5", 'require "imap4flags";' + "".join(f'addflag "k{n}";' for n in range(100)) + "keep;"),
    Run("notify ten times", "RFC 5435 section 8", 'require "enotify";' + 'notify "mailto:a@elsewhere.example";' * 10),
    Run("a thousand variables", "RFC 5229 section 6", 'require "variables";' + "".join(f'set "v{n}" "x";' for n in range(1000)) + "discard;"),
]  # fmt: skip
