"""The client library: submits records, verifies every receipt, and remembers the last checkpoint."""
