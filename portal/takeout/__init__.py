"""Mail and settings leave as a file, and come in again."""
