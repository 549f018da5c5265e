"""The worker process. Started by :mod:`mlaudit.worker.spawn` with the number of a socket; of no use by hand."""

import importlib.util
import sys
from pathlib import Path

if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("mlaudit.worker is started by mlaudit itself")
    # Screen and worker must be of one piece: in a checkout, another mlaudit may be installed, or none.
    ours = Path(__file__).resolve().parents[2]
    found = importlib.util.find_spec("mlaudit")
    if found is None or found.origin is None or Path(found.origin).resolve().parents[1] != ours:
        sys.path.insert(0, str(ours))
    from mlaudit.starting import collect_rarely

    collect_rarely()
    from mlaudit.worker.child import main

    main(int(sys.argv[1]))
