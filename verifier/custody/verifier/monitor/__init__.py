"""`custody monitor`: follows a log like an inspector's office, and keeps the proof when it lies."""
