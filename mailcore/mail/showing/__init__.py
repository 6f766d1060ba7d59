"""A message for people: text, designed version, files, what a search finds."""
