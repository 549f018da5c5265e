"""Use cases. Each is handed its gateway; requests and results are frozen dataclasses that travel between processes."""
