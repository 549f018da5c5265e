"""Any number of runs as CSV, JSON or Parquet, in bounded memory: for the command line and for the app.

Which columns there are is known only when the last run has been read. So the runs' values go to a temporary file first,
and are put under the final header in a second pass. JSON has no header, yet goes through a temporary file too: nothing
comes out before everything could be read.

The temporary file has each run's values one after the other, and which keys they belong to is said once for all runs
with the same ones. Written down as CSV and read again instead, an export of 100,000 runs took half as long again. The
first runs wait in memory instead, as they are: putting 10,000 into the file and back takes a twentieth of their export.
"""

from __future__ import annotations

import csv
import io
import json
import marshal
import math
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import IO, Any, BinaryIO, Self

from mlaudit.domain.columns import FIELDS, GROUPS, duration_of
from mlaudit.domain.errors import MissingExtra
from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.models import Run
from mlaudit.domain.run_values import non_finite_word, run_object
from mlaudit.domain.text import format_iso
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, verdict_field

CHUNK = 5000
"""Rows written at once, and in a row group of Parquet."""
LAYOUTS = 1000
"""Different sets of keys that are remembered; runs with further ones carry their keys themselves."""
_TIMES = ("start_time", "end_time")
_IN_MEMORY = 4_000_000
"""Bytes up to which the temporary file is none."""
_WAITING = 8_000_000
"""Bytes of runs that wait in memory, as they would be in the file; there they are three times as many."""
_SAMPLED = 100
"""One run in so many is looked at for that."""
_LOOSE = -1
"""The layout of a run that carries its keys itself."""


class ExportFormat(StrEnum):
    """How runs are written; also the ending of a file that has them."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class ExportStopped(Exception):
    """Writing was called off."""


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
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="mlaudit-")  # noqa: SIM115

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
            self._file.write(f"{'[' if self._empty else ','}\n  {text}".encode("utf-8", "surrogatepass"))
            self._empty = False

    def write(self, file: BinaryIO) -> None:
        """See :meth:`Spool.write`."""
        self._file.seek(0)
        for number, line in enumerate(self._file):
            if self._stopped and number % 100 == 0:
                raise ExportStopped
            file.write(line)
        file.write(b"[]\n" if self._empty else b"\n]\n")


class RunSpool(Spool):
    """Runs as CSV or Parquet."""

    def __init__(
        self,
        experiments: Mapping[str, str],
        wanted: Sequence[str] | None = None,
        form: ExportFormat = ExportFormat.CSV,
        *,
        verdicts: bool = False,
    ) -> None:
        """``form`` is what :meth:`write` writes; ``verdicts``: all columns are those of verdicts too. See Spool."""
        super().__init__(experiments, wanted)
        self._form = form
        shown = (VERDICT_FIELDS if verdicts else ()) if wanted is None else wanted
        self._verdicts = tuple(c for c in shown if c in VERDICT_FIELDS)
        self._first = (*FIELDS, *self._verdicts)
        """The columns that every run has."""
        self._keyed: dict[str, None] = {}
        """The columns of metrics, params and tags, as they were seen."""
        self._layouts: dict[tuple[tuple[str, ...], ...], int] = {}
        """The keys of metrics, params and tags -> the number of their layout."""
        self._chunks: list[int | list[tuple[Any, ...]]] = []
        """The first ones themselves; of each further one, its bytes in the temporary file."""
        self._room = _WAITING

    def add(self, runs: Iterable[Run], judged: Mapping[str, JudgedRun] | None = None) -> None:
        """See :meth:`Spool.add`."""
        known = judged or {}
        rows: list[tuple[Any, ...]] = []
        for run in runs:
            rows.append(self._row(run, known.get(run.run_id)))
            if len(rows) == CHUNK:
                self._put(rows)
                rows = []
        if rows:
            self._put(rows)

    def _put(self, rows: list[tuple[Any, ...]]) -> None:
        sample = rows[::_SAMPLED]
        self._room -= len(marshal.dumps(sample, 2)) * len(rows) // len(sample)
        if self._room > 0:
            self._chunks.append(rows)
            return
        # Version 2: nothing here occurs twice, and looking for it takes time.
        data = marshal.dumps(rows, 2)
        self._file.write(data)
        self._chunks.append(len(data))

    def _row(self, run: Run, judged: JudgedRun | None) -> tuple[Any, ...]:
        """The layout's number, whether a metric is not finite, the fields, and the values of the layout's keys.

        Of a loose row: its columns with their values instead of the last.
        """
        metrics, params, tags = run.metrics, run.params, run.tags
        keys = tuple(metrics), tuple(params), tuple(tags)
        values: tuple[Any, ...] = (*metrics.values(), *params.values(), *tags.values())
        layout = self._layouts.get(keys)
        if layout is None:
            columns = _columns_of(keys)
            self._keyed.update(dict.fromkeys(columns))
            layout = len(self._layouts)
            if layout < LAYOUTS:
                self._layouts[keys] = layout
            else:
                layout, values = _LOOSE, (dict(zip(columns, values, strict=True)),)
        odd = any(not -STORED_INFINITY < value < STORED_INFINITY for value in metrics.values())
        verdicts = [_stored(verdict_field(judged, column)) for column in self._verdicts]
        return layout, odd, *_fields(run, self._experiments), *verdicts, *values

    def write(self, file: BinaryIO) -> None:
        """See :meth:`Spool.write`."""
        if self._form is ExportFormat.PARQUET:
            self.write_parquet(file)
            return
        for text in self.csv():
            file.write(text.encode("utf-8", "surrogatepass"))

    @property
    def columns(self) -> tuple[str, ...]:
        """The final header: as wanted, else all fields, metrics, params, the users' tags, MLflow's own tags.

        Those of verdicts stand behind the name.
        """
        if self._wanted is not None:
            return tuple(self._wanted)

        def rank(column: str) -> tuple[int, bool, str]:
            group, _, key = column.partition(".")
            return GROUPS.index(group), group == "tags" and key.startswith("mlflow."), key

        return (*FIELDS[:2], *self._verdicts, *FIELDS[2:], *sorted(self._keyed, key=rank))

    def _rows(self) -> Iterator[list[tuple[bool, Sequence[Any]]]]:
        """Chunks of (whether a metric is not finite, the values under the final header; None where there is none)."""
        columns = self.columns
        names = list(map(_columns_of, self._layouts))
        picks: dict[int, Callable[[Sequence[Any]], Sequence[Any]]] = {}
        self._file.seek(0)
        for rows in self._chunks:
            if self._stopped:
                raise ExportStopped
            chunk: list[tuple[bool, Sequence[Any]]] = []
            for layout, odd, *values in rows if isinstance(rows, list) else marshal.loads(self._file.read(rows)):
                if layout == _LOOSE:
                    known = dict(zip(self._first, values, strict=False)) | values[-1]
                    chunk.append((odd, [known.get(column) for column in columns]))
                    continue
                pick = picks.get(layout)
                if pick is None:
                    pick = picks[layout] = _pick(columns, (*self._first, *names[layout]))
                values.append(None)
                chunk.append((odd, pick(values)))
            yield chunk

    def csv(self) -> Iterator[str]:
        """The CSV in pieces. Values are the store's: a cell that starts with ``=`` is left as it is."""
        columns = self.columns
        times = [i for i, c in enumerate(columns) if c in _TIMES]
        metrics = [i for i, c in enumerate(columns) if c.startswith("metrics.")]

        def cells(odd: bool, values: Sequence[Any]) -> Sequence[Any]:
            row = list(values)
            for i in times:
                row[i] = format_iso(row[i])
            if odd:
                for i in metrics:
                    value = row[i]
                    # NaN is within no bounds.
                    if value is not None and not -STORED_INFINITY < value < STORED_INFINITY:
                        row[i] = non_finite_word(value)
            return row

        buffer = io.StringIO()
        # It writes a float as repr() does, and nothing for None.
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        for chunk in self._rows():
            writer.writerows([cells(odd, values) for odd, values in chunk])
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
        if text := buffer.getvalue():
            yield text

    def write_parquet(self, file: Any) -> None:
        """Parquet to a binary file: times as timestamps, durations and metrics as doubles, all else as text.

        NaN and infinity stay what they are, a missing value is null. Raises MissingExtra, ExportStopped.
        """
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq

            from mlaudit.services import arrow_columns
        except ImportError:
            raise MissingExtra("pyarrow", "parquet", "--format parquet") from None
        columns = self.columns

        def array_of(column: str, values: Sequence[Any]) -> Any:
            if column in _TIMES:
                return arrow_columns.instants(values)
            return arrow_columns.doubles(values) if _is_number(column) else arrow_columns.texts(values)

        schema = pa.schema([(c, array_of(c, ()).type) for c in columns])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for chunk in self._rows():
                by_column = zip(*(values for _, values in chunk), strict=True)
                arrays = [array_of(c, _typed(c, v)) for c, v in zip(columns, by_column, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _columns_of(keys: Sequence[Sequence[str]]) -> list[str]:
    """The columns of a layout's keys, group by group."""
    return [f"{group}.{key}" for group, those in zip(GROUPS, keys, strict=True) for key in those]


def _pick(columns: Sequence[str], there: Sequence[str]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What puts the values of the columns that are there, and None behind them, in the order of ``columns``."""
    place = {column: i for i, column in enumerate(there)}
    places = [place.get(column, len(there)) for column in columns]
    return itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)


def _typed(column: str, values: Sequence[Any]) -> Sequence[Any]:
    if column.startswith("metrics."):
        return [
            v if v is None or -STORED_INFINITY < v < STORED_INFINITY or math.isnan(v) else math.copysign(math.inf, v)
            for v in values
        ]
    if column in FIELDS and column not in _TIMES and column not in {"run_name", "duration"}:
        # Of these, MLflow has no empty ones.
        return [v or None for v in values]
    return values


def _is_number(column: str) -> bool:
    return column in {"duration", "change"} or column.startswith("metrics.")


def _stored(value: str | float | None) -> str | float | None:
    """A plain value: a member of an enumeration is a text of its own class."""
    return str(value) if isinstance(value, str) else value


def _fields(run: Run, experiments: Mapping[str, str]) -> tuple[Any, ...]:
    """A run's fields in the order of FIELDS; times in milliseconds, the duration in seconds."""
    duration = duration_of(run)
    return (
        run.run_id,
        run.name,
        experiments.get(run.experiment_id, run.experiment_id),
        run.experiment_id,
        run.status,
        run.start_time,
        run.end_time,
        None if duration is None else duration / 1000,
        run.user,
        run.lifecycle_stage,
        run.artifact_uri,
    )
