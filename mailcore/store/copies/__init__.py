"""A whole database copied to another one, of either engine: for a move, and for backups of PostgreSQL."""
