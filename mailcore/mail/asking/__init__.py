"""What IMAP and lists ask of messages: ENVELOPE, summaries, order, threads, criteria."""
