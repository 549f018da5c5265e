"""The console script, and ``python -m mlaudit``: the worker of the app begins before the rest is imported."""

from mlaudit.starting import collect_rarely
from mlaudit.worker.ahead import begin_ahead


def run() -> None:
    """Do what the command line says, and end the process with the exit code."""
    collect_rarely()
    begun = begin_ahead()
    # Only now: importing the command line takes as long as a third of what the worker does meanwhile.
    from mlaudit.cli.main import run as run_command

    run_command(begun)


if __name__ == "__main__":
    run()
