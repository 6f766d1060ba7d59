"""What `require` may name, one file each.  A new extension is a file and a line here."""

from sieve.extensions import (
    body,
    copy,
    envelope,
    environment,
    fileinto,
    imap4flags,
    mailbox,
    reject,
    relational,
    subaddress,
    vacation,
    variables,
)
from sieve.signature import Extension

EXTENSIONS: tuple[Extension, ...] = (
    Extension("comparator-i;ascii-casemap"),  # RFC 5228 section 2.7.3
    Extension("comparator-i;ascii-numeric"),
    Extension("comparator-i;octet"),
    Extension("encoded-character"),  # RFC 5228 section 2.4.2.4, see sieve.strings
    body.EXTENSION,
    copy.EXTENSION,
    envelope.EXTENSION,
    environment.EXTENSION,
    fileinto.EXTENSION,
    imap4flags.EXTENSION,
    mailbox.EXTENSION,
    reject.EREJECT,
    reject.REJECT,
    relational.EXTENSION,
    subaddress.EXTENSION,
    vacation.EXTENSION,
    variables.EXTENSION,
)
