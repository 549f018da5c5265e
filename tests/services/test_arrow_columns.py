"""Arrow arrays made from their buffers: the same that pyarrow makes of the values."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow")

from mlaudit.services import arrow_columns  # noqa: E402

INSTANTS = pa.timestamp("ms", "UTC")


@pytest.mark.parametrize(
    ("make", "kind", "values"),
    [
        (arrow_columns.doubles, pa.float64(), [1.0, None, -0.0, 1e308, math.inf, 5e-324, None, 2.5, 3.5]),
        (arrow_columns.doubles, pa.float64(), [0.5] * 1000),
        (arrow_columns.instants, INSTANTS, [None, 0, -1, 1_700_000_000_123, 2**62]),
        (arrow_columns.texts, pa.string(), ["a", "", None, "é", "\U0001f600 \u2028", None, "x" * 5000, "\n", "z"]),
        (arrow_columns.texts, pa.string(), ["plain", None, "", "ascii"]),
        (arrow_columns.texts, pa.string(), [None] * 17),
        (arrow_columns.doubles, pa.float64(), []),
        (arrow_columns.texts, pa.string(), []),
    ],
)  # fmt: skip
def test_they_are_what_pyarrow_makes(make: Any, kind: Any, values: list[Any]) -> None:
    made = make(values)
    made.validate(full=True)
    assert made.equals(pa.array(values, kind))


def test_nan_is_no_null() -> None:
    made = arrow_columns.doubles([math.nan, None])
    assert made.null_count == 1
    assert math.isnan(made[0].as_py())


def test_a_number_that_no_column_holds_is_refused() -> None:
    with pytest.raises(OverflowError):
        arrow_columns.instants([2**63])


def test_an_export_does_without_pandas() -> None:
    """It takes longer to import than the rows to write."""
    script = """
import io, sys
from mlaudit.domain.models import Run
from mlaudit.services.run_export import ExportFormat, spool
with spool(ExportFormat.PARQUET, {}) as spooled:
    spooled.add([Run("a" * 32, "1", "x", "FINISHED", start_time=1, metrics={"m": 1.0}, params={"p": "1"})])
    file = io.BytesIO()
    spooled.write(file)
print(len(file.getvalue()) > 100, "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
