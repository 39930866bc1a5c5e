"""Storage of logs: one protocol (`protocol.py`), one contract test suite, an implementation for each engine."""
