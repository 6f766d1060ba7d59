"""Help cases: by mail, by form, their texts and answers."""
