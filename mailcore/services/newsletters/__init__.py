"""Newsletters of the alumni office: topics and consent, editors, writing, sending, correcting, results."""
