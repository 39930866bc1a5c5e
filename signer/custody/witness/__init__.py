"""A C2SP tlog-witness: cosigns what grows consistently, remembers it before it answers, and knows nothing else of a log."""
