"""The pure floor: forms, hashing, proofs and their strict encode/decode pairs.

Nothing here reads a clock, a random source, a file or a socket; the same bytes always give the same
answer, so that every party (ledger, signer, witness, client, verifier) may stand on the same code.
"""
