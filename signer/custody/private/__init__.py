"""Files with secrets, for every party alike: how they are read, made and opened. No party's own rules live here."""
