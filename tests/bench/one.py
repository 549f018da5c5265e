"""One figure: does one thing with one reader on one store and prints how long it took, as JSON."""

from __future__ import annotations

import time

START = time.perf_counter()

import io  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import redirect_stdout  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from tests.bench.bulk_store import LONG_METRIC, run_id  # noqa: E402

EXPERIMENT = "1"
PAGE = 200
FILTER = "metrics.val_f1 > 0.9 AND params.optimizer = '3'"
ORDER = ["metrics.val_loss DESC"]
DEPTH = 20
EXPORTS = ("csv", "parquet")
"""Works of whole commands."""


def mlaudit(uri: str, work: str) -> dict[str, Callable[[], Any]]:
    """What mlaudit does for this kind of work, and others."""

    def export(form: str) -> None:
        # The console script, whole.
        from mlaudit.__main__ import run

        sys.argv = ["mlaudit", "--tracking-uri", uri, "runs", "--max", "1000000", "--format", form]
        out = io.TextIOWrapper(open("/dev/null", "wb"), encoding="utf-8")  # noqa: SIM115
        with redirect_stdout(out):
            try:
                run()
            except SystemExit as end:
                if end.code:
                    raise

    if work in EXPORTS:
        # The command opens the store itself.
        return {work: lambda: export(work)}
    from mlaudit.config.settings import Settings
    from mlaudit.wiring import open_store

    gateway = open_store(Settings(tracking_uri=uri))
    return _works(gateway.search_runs, gateway.metric_history, lambda page: page.next_page_token)


def mlflow(uri: str, work: str) -> dict[str, Callable[[], Any]]:
    """What MLflow's client does for it."""
    import mlflow
    from mlflow import MlflowClient

    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri, uri)

    def search(experiments: list[str], **options: Any) -> Any:
        return client.search_runs(experiments, **options)

    def export(form: str) -> int:
        found = mlflow.search_runs([EXPERIMENT], max_results=1_000_000)
        return len(found.to_csv() if form == "csv" else found.to_parquet())

    if work in EXPORTS:
        return {work: lambda: export(work)}
    return _works(search, client.get_metric_history, lambda page: page.token or None)


def _works(
    search: Callable[..., Any],
    history: Callable[[str, str], Any],
    token: Callable[[Any], Any],
) -> dict[str, Callable[[], Any]]:
    def deep() -> Any:
        page = search([EXPERIMENT], max_results=PAGE)
        for _ in range(DEPTH - 1):
            following = token(page)
            if following is None:
                break
            page = search([EXPERIMENT], max_results=PAGE, page_token=following)
        return page

    return {
        "first page": lambda: search([EXPERIMENT], max_results=PAGE),
        "order": lambda: search([EXPERIMENT], order_by=ORDER, max_results=PAGE),
        "filter": lambda: search([EXPERIMENT], filter_string=FILTER, max_results=PAGE),
        "deep": deep,
        "history": lambda: len(history(run_id(0), LONG_METRIC)),
    }


def main() -> None:
    """``python -m tests.bench.one READER WORK URI``."""
    reader, work, uri = sys.argv[1:]
    works = {"mlaudit": mlaudit, "mlflow": mlflow}[reader](uri, work)
    begin, busy = time.perf_counter(), time.process_time()
    works[work]()
    end, busy = time.perf_counter(), time.process_time() - busy
    # Not getrusage's: that is no less than what the process had that started this one.
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    print(json.dumps({"seconds": end - begin, "cpu": busy, "wall": end - START, "megabytes": peak}))


if __name__ == "__main__":
    main()
