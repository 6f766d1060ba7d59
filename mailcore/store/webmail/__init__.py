"""Data of the webmail: lists, messages, search, drafts, contacts, and strangers' HTML made harmless."""
