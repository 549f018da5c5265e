"""Serves the services to the screen, from a process of its own.

The screen's process never imports MLflow (3.4 s, with event-loop gaps up to 177 ms when a thread does it) and never
waits for a store. ``backend`` is what the screen sees, ``process`` the screen's side of the worker process, ``child``
what runs in it.
"""
