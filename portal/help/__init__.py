"""Questions and answers, and the form for those that are not there."""
