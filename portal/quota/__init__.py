"""Room: how it is used, cleaned up and asked for."""
