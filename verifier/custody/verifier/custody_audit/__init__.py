"""`custody audit`: a verified log replayed through the rules; what the law minds, and what could not be checked."""
