"""The worker process. Started by :mod:`mlaudit.worker.link` with the number of a socket; of no use by hand."""

import importlib.util
import sys
from pathlib import Path

if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("mlaudit.worker is started by mlaudit itself")
    if importlib.util.find_spec("mlaudit") is None:
        # A checkout that is not installed.
        sys.path.append(str(Path(__file__).resolve().parents[2]))
    from mlaudit.worker.child import main

    main(int(sys.argv[1]))
