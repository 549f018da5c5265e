"""Any number of runs as CSV, JSON or Parquet, in bounded memory: for the command line and for the app.

Which columns there are is known only when the last run has been read. So rows go to a temporary file first, the cells
of keys that were not seen before at their end, and are put under the final header in a second pass. JSON has no header,
yet goes through a temporary file too: nothing comes out before everything could be read.
"""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import IO, Any, BinaryIO, Self

from mlaudit.domain.columns import FIELDS, GROUPS, duration_of, near
from mlaudit.domain.errors import MissingExtra
from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.models import Run
from mlaudit.domain.run_values import non_finite_word, run_object
from mlaudit.domain.text import format_iso
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, verdict_field

CHUNK = 2000
"""Rows written at once."""
_TIMES = ("start_time", "end_time")
_IN_MEMORY = 4_000_000
"""Bytes up to which the temporary file is none."""


class ExportFormat(StrEnum):
    """How runs are written; also the ending of a file that has them."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class ExportStopped(Exception):
    """Writing was called off."""


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


class Spool(ABC):
    """Runs on their way out. A context manager: its temporary file goes with it."""

    def __init__(self, experiments: Mapping[str, str], wanted: Sequence[str] | None = None) -> None:
        """``experiments``: id -> name. ``wanted``: the columns, or None for all that the runs turn out to have.

        The columns of verdicts are filled from what :meth:`add` is given.
        """
        self._experiments = experiments
        self._wanted = wanted
        self._stopped = False
        # Ends with the object at the latest, and has no name that anybody could open.
        self._file: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            _IN_MEMORY, "w+", encoding="utf-8", errors="surrogatepass", newline="", prefix="mlaudit-"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def stop(self) -> None:
        """From another thread: make what writes raise ExportStopped."""
        self._stopped = True

    @abstractmethod
    def add(self, runs: Iterable[Run], judged: Mapping[str, JudgedRun] | None = None) -> None:
        """Take some more runs; ``judged``: run id -> verdict."""

    @abstractmethod
    def write(self, file: BinaryIO) -> None:
        """Write them all. Raises ExportStopped, MissingExtra."""

    def _lines(self) -> Iterator[str]:
        """The temporary file from its start."""
        self._file.flush()
        self._file.seek(0)
        for number, line in enumerate(self._file):
            if self._stopped and number % 100 == 0:
                raise ExportStopped
            yield line


def spool(form: ExportFormat, experiments: Mapping[str, str], wanted: Sequence[str] | None = None) -> Spool:
    """The spool that writes this format."""
    if form is ExportFormat.JSON:
        return JsonSpool(experiments, wanted)
    return RunSpool(experiments, wanted, form)


class JsonSpool(Spool):
    """What ``mlaudit runs --format json`` writes: a JSON array with an object for each run."""

    _empty = True

    def add(self, runs: Iterable[Run], judged: Mapping[str, JudgedRun] | None = None) -> None:
        """See :meth:`Spool.add`."""
        known = judged or {}
        for run in runs:
            thing = run_object(run, self._experiments, self._wanted, known.get(run.run_id))
            # As an element of an array: a line break within a text is escaped, so all that there are can be indented.
            text = json.dumps(thing, indent=2, ensure_ascii=False, allow_nan=False).replace("\n", "\n  ")
            self._file.write(f"{'[' if self._empty else ','}\n  {text}")
            self._empty = False

    def write(self, file: BinaryIO) -> None:
        """See :meth:`Spool.write`."""
        for line in self._lines():
            file.write(line.encode("utf-8", "surrogatepass"))
        file.write(b"[]\n" if self._empty else b"\n]\n")


class RunSpool(Spool):
    """Runs as CSV or Parquet."""

    def __init__(
        self,
        experiments: Mapping[str, str],
        wanted: Sequence[str] | None = None,
        form: ExportFormat = ExportFormat.CSV,
    ) -> None:
        """``form`` is what :meth:`write` writes; see :class:`Spool`."""
        super().__init__(experiments, wanted)
        self._form = form
        self._verdicts = tuple(c for c in wanted or () if c in VERDICT_FIELDS)
        self._place = {column: i for i, column in enumerate((*FIELDS, *self._verdicts))}
        self._places: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
        """The same of metrics, params and tags by key."""
        self._first = len(self._place)
        self._writer = csv.writer(self._file, lineterminator="\n")

    def add(self, runs: Iterable[Run], judged: Mapping[str, JudgedRun] | None = None) -> None:
        """See :meth:`Spool.add`."""
        known = judged or {}
        self._writer.writerows(self._row(run, known.get(run.run_id)) for run in runs)

    def write(self, file: BinaryIO) -> None:
        """See :meth:`Spool.write`."""
        if self._form is ExportFormat.PARQUET:
            self.write_parquet(file)
            return
        for text in self.csv():
            file.write(text.encode("utf-8", "surrogatepass"))

    def _row(self, run: Run, judged: JudgedRun | None) -> list[str]:
        place = self._place
        row = [*_fields(run, self._experiments), *(_verdict_cell(judged, column) for column in self._verdicts)]
        row += [""] * (len(place) - self._first)
        for group, places in self._places.items():
            for key, value in getattr(run, group).items():
                # Written out, since it is done for every cell. NaN is within no bounds.
                if group != "metrics":
                    text = value
                elif -STORED_INFINITY < value < STORED_INFINITY:
                    text = repr(value)
                else:
                    text = non_finite_word(value)
                at = places.get(key)
                if at is None:
                    place[f"{group}.{key}"] = places[key] = len(row)
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
        for row in csv.reader(self._lines()):
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
            return pa.float64() if _is_number(column) else pa.string()

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
    if _is_number(column):
        return math.nan if text == "NaN" else float(text)
    return text


def _is_number(column: str) -> bool:
    return column in {"duration", "change"} or column.startswith("metrics.")


def _verdict_cell(judged: JudgedRun | None, column: str) -> str:
    value = verdict_field(judged, column)
    return "" if value is None else str(value)


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
