"""Benchmarks: run by hand, never with the tests."""
