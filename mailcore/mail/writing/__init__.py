"""Mail of ours: fields, entities, whole messages, reports."""
