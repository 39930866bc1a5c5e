"""The verifier: offline checks of footage and logs by someone who trusts neither recorder nor ledger."""
