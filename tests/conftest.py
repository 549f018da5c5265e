"""Fixtures that every test may ask for."""

pytest_plugins = ("tests.plugins.sample_store", "tests.plugins.servers", "tests.plugins.demo_store")
