"""Asking time-stamping authorities (RFC 3161 over HTTP): what the ledger and the exporter do alike."""
