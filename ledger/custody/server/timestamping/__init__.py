"""The ledger has its checkpoints time-stamped by authorities (RFC 3161), keeps the tokens and renews them (docs/spec/timestamps.md)."""
