"""`custody demo`: the whole story on one machine: record, sign, prove, verify, tamper, catch."""
