"""Databases from before migrations had names.

Steps stood in a list then, and the row `schema` of `setting` told how many of them had run.  Nothing is added here: it is
how such a database learns the names of what it has had.
"""

# the last number of each: a database of this number or above has had all of it
LAST_NUMBERS = {
    "0001_first": 1,
    "0002_affiliations_away_jobs": 4,
    "0003_queue_reports": 10,
    "0004_tickets_and_filters": 12,
    "0005_log_ins_and_quota": 19,
    "0006_mailboxes_and_forwarding": 24,
    "0007_queue_destinations": 29,
    "0008_summaries": 34,
    "0009_site_and_traces": 44,
    "0010_limits_and_contacts": 53,
    "0011_sessions_and_closing": 64,
    "0012_webmail": 75,
    "0013_orders_and_names": 83,
    "0014_keywords_and_sunset": 86,
    "0015_log_in_and_change_indexes": 91,
    "0016_slow_writes": 92,
    "0017_threads_by_message_ids": 93,
    "0018_recent": 95,
    "0019_places_of_orders": 96,
    "0020_contact_addresses_lowered": 97,
    "0021_held_scripts": 98,
    "0022_read_mail_anew": 99,
}
HIGHEST = max(LAST_NUMBERS.values())

# Programs that know the list only compare this with its length: they say that the database is newer, and leave it alone.
NAMED = 1_000_000


def names_up_to(number: int) -> list[str]:
    """Names of the steps that a database of this number has had.

    A step of which it has had a part is not among them: each of them may run again on what its beginning left.
    """
    return [name for name, last in LAST_NUMBERS.items() if last <= number]
