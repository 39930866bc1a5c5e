"""The report of a custody audit as one HTML file: no script, nothing from outside, both languages."""
