"""Mailboxes and address books of other programs: mbox, Maildir, vCard."""
