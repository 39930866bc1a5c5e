"""Benchmarks: speeds are measured here and never asserted in tests."""
