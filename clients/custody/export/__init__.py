"""Builds evidence packages out of a running ledger (docs/spec/package.md)."""
