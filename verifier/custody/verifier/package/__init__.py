"""The evidence package: its forms, which the exporter writes too, and its checks (docs/spec/package.md)."""
