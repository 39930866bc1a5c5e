"""The access desk: the command line of the access register, and the store of disclosures beside the ledger (docs/desk.md)."""
