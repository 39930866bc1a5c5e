"""The ledger server: admission, sequencing, storage, proofs and the gRPC API in front of them."""
