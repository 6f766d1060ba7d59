"""Messages and mailboxes: blobs, flags, questions, summaries, search."""
