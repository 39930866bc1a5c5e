"""The read-only side over HTTP: C2SP tlog-tiles, health and metrics. Bytes for strangers' tools, nothing to append with."""
