"""Help cases: by mail and by form, their texts and answers."""
