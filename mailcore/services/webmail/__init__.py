"""What the webmail asks: lists, messages, search, drafts, contacts, and strangers' HTML made harmless."""
