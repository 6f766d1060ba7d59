"""CardDAV (RFC 6352): the address book for phones and other programs."""
