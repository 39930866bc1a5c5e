"""`custody ca`, `custody enrol`, `custody revoke`: from a name to a certificate, and to the log's word for its scopes."""
