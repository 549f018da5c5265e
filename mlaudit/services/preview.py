"""A look into one artifact without fetching or loading more of it than a look needs.

By its name and its first bytes a file is text, a table, a picture, a model's description or just bytes. Text is read
from its start only; a picture must be had whole. Pickles and other models are never loaded, by nobody in mlaudit: they
are named, with their size and their first bytes.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from mlaudit.domain.errors import ArtifactTooLarge, NotAStore, StoreError
from mlaudit.domain.models import ArtifactStream
from mlaudit.domain.text import clean, format_size
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.model_card import model_card
from mlaudit.services.preview_lines import (
    LEXERS,
    LINE_END,
    Line,
    coloured_lines,
    hex_lines,
    json_lines,
    json_problem,
    plain_lines,
    table_rows,
    text_of,
)
from mlaudit.services.preview_picture import Picture, small_picture
from mlaudit.services.requests import Request

TEXT_BYTES = 200_000
TABLE_BYTES = 1_000_000
PICTURE_BYTES = 30_000_000
UNASKED = 1_000_000
"""Bytes that are fetched from elsewhere without asking."""
EXAMPLE_BYTES = 10_000
"""Of a model's input example."""
MARKDOWN_BYTES = 12_000
"""What is longer is shown as it was written: laying it out would hold up the keys."""
LOADABLE = frozenset(
    {
        *(".pkl", ".pickle", ".joblib", ".cloudpickle", ".pt", ".pth", ".ckpt", ".bin", ".h5", ".hdf5", ".keras"),
        *(".onnx", ".npy", ".npz", ".parquet", ".feather", ".arrow", ".zip", ".gz", ".tar", ".tgz", ".safetensors"),
        *(".pb", ".tflite", ".model", ".ubj", ".cbm", ".db", ".sqlite", ".pdf", ".whl", ".so", ".dll", ".exe"),
    }
)
"""Endings of what is not looked into."""
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".cloudpickle", ".pt", ".pth", ".ckpt"})


class Kind(StrEnum):
    """How an artifact is shown."""

    LINES = "lines"
    TABLE = "table"
    PICTURE = "picture"
    MARKDOWN = "markdown"
    TOO_LARGE = "too large"
    """Its store gives it only as a whole, and that is more than is fetched unasked."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Preview:
    """An artifact to look at. Which field holds it, ``kind`` says; all text is printable."""

    path: str
    kind: Kind
    size: int | None
    """Bytes of the whole file; None where the store does not say."""
    note: str = ""
    """What is not shown, or why nothing is, in words."""
    lines: tuple[Line, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """A table's, the header first."""
    picture: Picture | None = None
    text: str = ""
    """Markdown, as written."""


@dataclass(frozen=True, slots=True)
class PreviewArtifact(Request[Preview]):
    """The preview of a file artifact; ``path`` is raw."""

    run_id: str
    path: str
    columns: int = 80
    rows: int = 20
    """The cells that a picture has room in."""
    fetch: bool = False
    """Whether a large file may be fetched as a whole."""

    # What is fetched as a whole may take its time; a server that says nothing is given up sooner, by the gateway.
    deadline: ClassVar[float] = 120.0

    @property
    def what(self) -> str:
        return f"the artifact {clean(self.path)}"


def preview_artifact(reader: TrackingReader, request: PreviewArtifact) -> Preview:
    """A missing file, a broken or a too large one are previews that say so. Raises RunNotFound, StoreError."""
    whole = PICTURE_BYTES if request.fetch else UNASKED
    try:
        with reader.open_artifact(request.run_id, request.path, whole) as stream:
            return _preview(reader, request, stream)
    except ArtifactTooLarge as error:
        return _too_large(request, error.size)
    except NotAStore as error:
        return Preview(clean(request.path), Kind.REFUSED, None, error.problem)


def _preview(reader: TrackingReader, request: PreviewArtifact, stream: ArtifactStream) -> Preview:
    path, size = clean(request.path), stream.size
    name = request.path.rpartition("/")[2]
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    if ending in {".png", ".jpg", ".jpeg"}:
        return _picture(request, stream)
    if ending in LOADABLE:
        why = "a pickle: it could run code, and is never loaded" if ending in PICKLES else "not looked into"
        return Preview(path, Kind.LINES, size, f"{why}; its first bytes", hex_lines(stream.read(512)))
    table = ending in {".csv", ".tsv"}
    limit = TABLE_BYTES if table else TEXT_BYTES
    data = stream.read(limit + 1)
    whole = len(data) <= limit
    data = data[:limit]
    text = text_of(data)
    if text is None:
        return Preview(path, Kind.LINES, size, "not text; its first bytes", hex_lines(data))
    cut = "" if whole else f"the first {format_size(limit)}"
    if not text:
        return Preview(path, Kind.LINES, size, "the file is empty" if whole else cut)
    if table:
        try:
            rows, note = table_rows(text, tabs=ending == ".tsv", whole=whole)
            return Preview(path, Kind.TABLE, size, note if rows else "there are no rows in it", rows=rows)
        except csv.Error as error:
            return Preview(path, Kind.LINES, size, f"no table: {clean(error)}", plain_lines(text[:TEXT_BYTES]))
    if name == "MLmodel":
        return _model(reader, request, text, size)
    if ending == ".json":
        problem = json_problem(text) if whole else ""
        lines = plain_lines(text) if problem else json_lines(text)
        return Preview(path, Kind.LINES, size, problem or cut, lines)
    if ending in {".md", ".markdown"} and whole and len(text) <= MARKDOWN_BYTES:
        printed = "\n".join(line.expandtabs(4) for line in LINE_END.split(text))
        return Preview(path, Kind.MARKDOWN, size, text=clean(printed, max_length=MARKDOWN_BYTES, keep_newlines=True))
    language = "docker" if name == "Dockerfile" else "markdown" if ending == ".md" else LEXERS.get(ending)
    return Preview(path, Kind.LINES, size, cut, coloured_lines(text, language) if language else plain_lines(text))


def _picture(request: PreviewArtifact, stream: ArtifactStream) -> Preview:
    path, size = clean(request.path), stream.size
    if size is not None and size > PICTURE_BYTES:
        note = f"a picture of {format_size(size)} is too large to draw; download it to see it"
        return Preview(path, Kind.REFUSED, size, note)
    if not stream.local and not request.fetch and (size is None or size > UNASKED):
        return _too_large(request, size)
    data = stream.read(PICTURE_BYTES + 1)
    if len(data) > PICTURE_BYTES:
        return Preview(path, Kind.REFUSED, size, "the picture is too large to draw; download it to see it")
    made = small_picture(data, request.columns, request.rows * 2)
    if isinstance(made, str):
        return Preview(path, Kind.REFUSED, size, made)
    return Preview(path, Kind.PICTURE, size, f"{made.original[0]}x{made.original[1]} pixels", picture=made)


def _too_large(request: PreviewArtifact, size: int | None) -> Preview:
    told = "of unknown size" if size is None else f"of {format_size(size)}"
    if size is not None and size > PICTURE_BYTES:
        note = f"a file {told} can only be fetched as a whole: download it to see it"
        return Preview(clean(request.path), Kind.REFUSED, size, note)
    return Preview(clean(request.path), Kind.TOO_LARGE, size, f"a file {told} can only be fetched as a whole")


def _model(reader: TrackingReader, request: PreviewArtifact, text: str, size: int | None) -> Preview:
    folder = request.path.rpartition("/")[0]
    beside: dict[str, int | None] | None
    try:
        entries = reader.list_artifacts(request.run_id, folder)
        beside = {entry.raw_path.rpartition("/")[2]: entry.size for entry in entries if not entry.is_dir}
    except StoreError:
        beside = None
    raw = coloured_lines(text, "yaml")
    try:
        card, note = (
            model_card(text, beside, lambda name: _example(reader, request, f"{folder}/{name}".lstrip("/"))),
            "",
        )
    except ValueError as error:
        card, note = (), str(error)
    lines = (*card, (("The file", "title"),), *raw) if card else raw
    return Preview(clean(request.path), Kind.LINES, size, note, lines)


def _example(reader: TrackingReader, request: PreviewArtifact, path: str) -> tuple[Line, ...]:
    """The first lines of a model's input example; what cannot be read is no example."""
    try:
        with reader.open_artifact(request.run_id, path, UNASKED) as stream:
            text = text_of(stream.read(EXAMPLE_BYTES))
    except StoreError:
        return ()
    return json_lines(text) if text else ()
