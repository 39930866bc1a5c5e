"""A log as C2SP tlog-tiles, from a folder or over HTTP: the form in which any log can be read by anybody."""
