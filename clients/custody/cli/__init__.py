"""The `custody` command: a table of sub-commands, each imported only when it is called."""
