"""`custody prove` and `custody verify proof`: C2SP tlog-proof files, made from a log and checked without one."""
