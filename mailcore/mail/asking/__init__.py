"""Data about messages that IMAP and lists need: ENVELOPE, summaries, order, threads, criteria."""
