"""Accounts from their order to their end, affiliations, the help desk's view of people, and the end of the service."""
