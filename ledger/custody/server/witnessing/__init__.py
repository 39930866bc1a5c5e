"""The ledger as a client of witnesses: it offers them its checkpoints and publishes what they cosigned."""
