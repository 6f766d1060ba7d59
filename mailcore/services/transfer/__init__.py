"""Mail and settings on their way in and out of an account: take-outs and imports."""
