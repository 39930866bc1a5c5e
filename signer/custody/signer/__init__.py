"""The signer: a separate process that holds the log's key and signs only consistent growth."""
