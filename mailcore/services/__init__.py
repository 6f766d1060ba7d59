"""Use cases: functions that take the Core first, then plain values, and return frozen records."""
