"""Any number of runs as CSV or Parquet, in bounded memory.

Which columns there are is known only when the last run has been read. So rows go to a temporary file first, the cells
of keys that were not seen before at their end, and are put under the final header in a second pass. Nothing comes out
before everything could be read.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO, Any

from mlaudit.domain.columns import FIELDS, GROUPS, duration_of, near
from mlaudit.domain.errors import MissingExtra
from mlaudit.domain.models import Run, is_finite
from mlaudit.domain.run_values import non_finite_word
from mlaudit.domain.text import format_iso

CHUNK = 2000
"""Rows written at once."""
_TIMES = ("start_time", "end_time")
_IN_MEMORY = 4_000_000
"""Bytes up to which the temporary file is none."""


@dataclass
class SeenKeys:
    """Which metrics, params and tags the runs had that went by."""

    count: int = 0
    printable: dict[str, set[str]] = field(default_factory=lambda: {group: set() for group in GROUPS})
    changed: dict[str, str] = field(default_factory=dict)
    """Printable key -> the store's, where they differ."""

    def add(self, runs: Iterable[Run]) -> None:
        """Look at some more runs."""
        for run in runs:
            self.count += 1
            for group, keys in self.printable.items():
                keys.update(getattr(run, group))
            if run.raw_keys:
                self.changed.update(run.raw_keys)

    def has(self, group: str, raw_key: str) -> bool:
        """Whether any run had this key, in the store's form."""
        keys = self.printable[group]
        return raw_key in keys or any(raw == raw_key and key in keys for key, raw in self.changed.items())

    def unknown(self, columns: Iterable[str]) -> list[tuple[str, str]]:
        """Columns whose key no run had, each with a hint at near ones. Empty when there were no runs."""
        split = [(c, *c.partition(".")) for c in columns] if self.count else []
        return [
            (column, near(key, self.printable[group]))
            for column, group, dot, key in split
            if dot and key not in self.printable[group]
        ]


class RunSpool:
    """Runs on their way out. A context manager: its temporary file goes with it."""

    def __init__(self, experiments: Mapping[str, str], wanted: Sequence[str] | None = None) -> None:
        """``experiments``: id -> name. ``wanted``: the columns, or None for all that the runs turn out to have."""
        self._experiments = experiments
        self._wanted = wanted
        self._place = {column: i for i, column in enumerate(FIELDS)}
        # Ends with the object at the latest, and has no name that anybody could open.
        self._file: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            _IN_MEMORY, "w+", encoding="utf-8", errors="surrogatepass", newline="", prefix="mlaudit-"
        )
        self._writer = csv.writer(self._file, lineterminator="\n")

    def __enter__(self) -> RunSpool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, runs: Iterable[Run]) -> None:
        """Take some more runs."""
        self._writer.writerows(map(self._row, runs))

    def _row(self, run: Run) -> list[str]:
        place = self._place
        row = [*_fields(run, self._experiments), *("" for _ in range(len(place) - len(FIELDS)))]
        for group in GROUPS:
            for key, value in getattr(run, group).items():
                column = f"{group}.{key}"
                text = value if group != "metrics" else repr(value) if is_finite(value) else non_finite_word(value)
                at = place.get(column)
                if at is None:
                    place[column] = len(row)
                    row.append(text)
                else:
                    row[at] = text
        return row

    @property
    def columns(self) -> tuple[str, ...]:
        """The final header: as wanted, else all fields, metrics, params, the users' tags, MLflow's own tags."""
        if self._wanted is not None:
            return tuple(self._wanted)
        keyed = [c for c in self._place if c not in FIELDS]

        def rank(column: str) -> tuple[int, bool, str]:
            group, _, key = column.partition(".")
            return GROUPS.index(group), group == "tags" and key.startswith("mlflow."), key

        return (*FIELDS, *sorted(keyed, key=rank))

    def _rows(self) -> Iterator[Sequence[str]]:
        """The cells under the final header."""
        width = len(self._place)
        places = [self._place.get(c, width) for c in self.columns]
        pick = itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
        empty = [""] * (width + 1)
        self._file.flush()
        self._file.seek(0)
        for row in csv.reader(self._file):
            yield pick(row + empty[len(row) :])

    def csv(self) -> Iterator[str]:
        """The CSV in pieces. Values are the store's: a cell that starts with ``=`` is left as it is."""
        times = [i for i, c in enumerate(self.columns) if c in _TIMES]
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        for number, cells in enumerate(self._rows(), 1):
            row = list(cells)
            for i in times:
                row[i] = (format_iso(int(row[i])) or "") if row[i] else ""
            writer.writerow(row)
            if number % CHUNK == 0:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    def write_parquet(self, file: Any) -> None:
        """Parquet to a binary file: times as timestamps, durations and metrics as doubles, all else as text.

        NaN and infinity stay what they are, a missing value is null. Raises MissingExtra.
        """
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise MissingExtra("pyarrow", "parquet", "--format parquet") from None
        columns = self.columns

        def kind(column: str) -> Any:
            if column in _TIMES:
                return pa.timestamp("ms", "UTC")
            return pa.float64() if column == "duration" or column.startswith("metrics.") else pa.string()

        schema = pa.schema([(c, kind(c)) for c in columns])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in _batches(self._rows()):
                arrays = [
                    pa.array([_parsed(c, text) for text in cells], kind(c))
                    for c, cells in zip(columns, zip(*batch, strict=True), strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _batches(rows: Iterator[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    batch: list[Sequence[str]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == CHUNK:
            yield batch
            batch = []
    if batch:
        yield batch


def _parsed(column: str, text: str) -> Any:
    if not text:
        return None if column != "run_name" else ""
    if column in _TIMES:
        return int(text)
    if column == "duration" or column.startswith("metrics."):
        return math.nan if text == "NaN" else float(text)
    return text


def _fields(run: Run, experiments: Mapping[str, str]) -> tuple[str, ...]:
    """A run's fields in the order of FIELDS; times in milliseconds, the duration in seconds."""
    duration = duration_of(run)
    return (
        run.run_id,
        run.name,
        experiments.get(run.experiment_id, run.experiment_id),
        run.experiment_id,
        run.status,
        "" if run.start_time is None else str(run.start_time),
        "" if run.end_time is None else str(run.end_time),
        "" if duration is None else str(duration / 1000),
        run.user,
        run.lifecycle_stage,
        run.artifact_uri,
    )
