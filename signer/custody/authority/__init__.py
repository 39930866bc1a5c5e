"""A small certificate authority for a ledger and its parties: keys in files, certificates, a revocation list.

It says who somebody is. What they may tell stands in the log (`registration`). An authority that exists already serves as
well: docs/ops/identity.md says what its certificates must look like.
"""
