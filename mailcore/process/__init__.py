"""A process from within: threads, budgets of processor time, memory, open resources, and what processes share."""
