"""The database: connections, the writer, steps of its schema."""
