"""mlaudit: may this model replace the one in production?

A terminal program and a command for CI that judge MLflow runs against the model in production.
"""

__version__ = "0.1.0"
