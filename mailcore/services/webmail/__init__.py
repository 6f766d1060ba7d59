"""The webmail's services: lists, messages, search, drafts, contacts, and strangers' HTML made harmless."""
