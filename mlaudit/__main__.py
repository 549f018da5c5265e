"""``python -m mlaudit``: the same program as the console script."""

from mlaudit.cli.main import run

if __name__ == "__main__":
    run()
