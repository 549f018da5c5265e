"""A look into each kind of artifact: what is shown, what is cut, and what is refused."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlaudit.domain.errors import ArtifactTooLarge, StoreUnavailable
from mlaudit.domain.models import ArtifactStream
from mlaudit.domain.text import clean
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.preview import TABLE_BYTES, TEXT_BYTES, UNASKED, Kind, Preview, PreviewArtifact, preview_artifact
from mlaudit.services.preview_lines import Line, json_lines, text_of


def look(
    name: str, content: bytes, *, beside: dict[str, bytes] | None = None, cells: tuple[int, int] = (40, 10)
) -> Preview:
    """The preview of one file of a run."""
    store = MemoryGateway()
    run_id = store.add_run(store.add_experiment("x"), artifacts={name: content} | (beside or {}), model=False)
    return preview_artifact(store, PreviewArtifact(run_id, name, *cells))


def shown(lines: tuple[Line, ...]) -> list[str]:
    """The lines as plain text."""
    return ["".join(text for text, _ in line) for line in lines]


def png(width: int, height: int, colour: str = "red") -> bytes:
    """A picture of one colour."""
    image = pytest.importorskip("PIL.Image").new("RGB", (width, height), colour)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class TestText:
    def test_lines_are_printable_and_none_is_lost(self) -> None:
        """Escape bytes, tabs, the carriage returns of a progress bar, a byte-order mark."""
        preview = look("out.log", "\ufeffone\ttwo\r\n10%\r20%\r\n\x1b[31mred\x1b]52;c;eA==\x07\nrtl \u202e\n".encode())
        assert (preview.kind, preview.note, preview.size) == (Kind.LINES, "", 50)
        assert shown(preview.lines) == ["one two", "10%", "20%", "␛[31mred␛]52;c;eA==␇", "rtl ‹U+202E›"]

    def test_only_the_start_of_a_long_one(self) -> None:
        preview = look("out.txt", b"0123456789\n" * 50_000)
        assert preview.note == "the first 200.0 kB"
        assert preview.size == 550_000
        assert len(preview.lines) == TEXT_BYTES // 11 + 1

    def test_a_line_without_end_is_cut(self) -> None:
        assert shown(look("out.txt", b"x" * 100_000).lines) == ["x" * 2000 + "… (+98000 characters)"]

    def test_an_empty_one_says_so(self) -> None:
        assert look("out.txt", b"").note == "the file is empty"

    @pytest.mark.parametrize(
        ("name", "text"), [("train.py", "def f():  # no\n    return 'x'\n"), ("a.yaml", "k: 1 # no\n")]
    )
    def test_languages_are_coloured(self, name: str, text: str) -> None:
        preview = look(name, text.encode())
        assert "\n".join(shown(preview.lines)) + "\n" == text
        assert ("# no", "comment") in [piece for line in preview.lines for piece in line]

    def test_markdown_is_given_as_it_is_but_clean(self) -> None:
        preview = look("README.md", b"# Title\n\x1b[2J [x](http://evil)\n")
        assert (preview.kind, preview.text) == (Kind.MARKDOWN, "# Title\n␛[2J [x](http://evil)\n")
        windows = look("README.md", b"# Title\r\n\r\n\tcode\r\n")
        assert windows.text == "# Title\n\n    code\n", "neither its line ends nor its tabs are shown as signs"
        assert look("README.md", b"a\n" * 20_000).kind is Kind.LINES, "a long one is not laid out"

    def test_half_a_character_at_the_cut_is_left_out(self) -> None:
        assert text_of("aé".encode()[:-1]) == "a"
        assert text_of("caf\xe9 au lait, tr\xe8s bon\n".encode("latin-1")) == "café au lait, très bon\n"
        assert text_of("é".encode("utf-16")) == "é"


class TestJson:
    def test_spread_out_and_exactly_as_written(self) -> None:
        """No number is rounded and no key that comes twice is dropped."""
        preview = look("a.json", b'{"a":[1.10,1e-07,{}],"a":NaN,"b":[],"c":"\\u001b\xc3\xa9"}')
        assert shown(preview.lines) == [
            "{", '  "a": [', "    1.10,", "    1e-07,", "    {}", "  ],", '  "a": NaN,', '  "b": [],',
            '  "c": "\\u001bé"', "}",
        ]  # fmt: skip
        assert preview.lines[1][1] == ('"a"', "key")

    def test_what_is_none_is_told_with_its_place(self) -> None:
        preview = look("a.json", b'{"a": 1,\n oops}')
        assert preview.note.startswith("this is not valid JSON: line 2, column 2")
        assert shown(preview.lines) == ['{"a": 1,', " oops}"]

    def test_a_cut_one_is_spread_out_as_far_as_it_goes(self) -> None:
        assert shown(json_lines('[{"a": "b')) == ["[", "  {", '    "a": "b']
        preview = look("a.json", json.dumps([{"k": i} for i in range(30_000)]).encode())
        assert (preview.note, shown(preview.lines[:3])) == ("the first 200.0 kB", ["[", "  {", '    "k": 0'])

    def test_quotes_without_end_take_no_time(self) -> None:
        """At each of them the rest of the text would be searched for its end."""
        assert len(json_lines('\\"' * 90_000)) == 1

    def test_nested_beyond_reason(self) -> None:
        preview = look("a.json", b"[" * 100_000)
        assert "too deeply" in preview.note or "not valid" in preview.note
        assert preview.lines


class TestTable:
    def test_header_and_rows(self) -> None:
        preview = look("a.csv", b'id,text\n1,"a, ""b"""\n2,\x1b[2J\n')
        assert (preview.kind, preview.note) == (Kind.TABLE, "")
        assert preview.rows == (("id", "text"), ("1", 'a, "b"'), ("2", "␛[2J"))

    @pytest.mark.parametrize(("name", "sign"), [("a.tsv", "\t"), ("a.csv", ";"), ("a.csv", "\t")])
    def test_other_separators(self, name: str, sign: str) -> None:
        assert look(name, f"a{sign}b\n1,5{sign}2\n".encode()).rows == (("a", "b"), ("1,5", "2"))

    def test_what_is_left_out_is_told(self) -> None:
        preview = look("a.csv", (",".join(f"c{i}" for i in range(50)) + "\n" + "1,2\n" * 700).encode())
        assert preview.note == "the first 500 rows of 700, the first 40 of 50 columns"
        assert (len(preview.rows), len(preview.rows[0])) == (501, 40)

    def test_a_row_cut_in_two_by_the_limit_is_left_out(self) -> None:
        preview = look("a.csv", b"a,b\n" + b"11111111,2\n" * (TABLE_BYTES // 10))
        assert preview.note == "the first 500 rows"
        assert set(preview.rows[1:]) == {("11111111", "2")}

    def test_blank_lines_are_no_rows(self) -> None:
        preview = look("a.csv", b"\n\n")
        assert (preview.rows, preview.note) == ((), "there are no rows in it")

    def test_what_is_no_table_is_text(self) -> None:
        preview = look("a.csv", b'"' + b"x" * 200_000)
        assert preview.kind is Kind.LINES
        assert preview.note.startswith("no table: ")


class TestPicture:
    def test_it_fits_the_cells_and_keeps_its_shape(self) -> None:
        preview = look("a.png", png(400, 200, "#ff8000"), cells=(40, 30))
        assert preview.kind is Kind.PICTURE
        assert preview.picture is not None
        assert (preview.picture.width, preview.picture.height) == (40, 20)
        assert preview.picture.rgb == bytes((255, 128, 0)) * 800
        assert preview.note == "400x200 pixels"

    @pytest.mark.parametrize(
        ("mode", "grey", "kind"),
        [
            ("L", 128, "PNG"),
            ("I;16", 128 * 256, "PNG"),
            ("L", 128, "JPEG"),
            ("CMYK", (0, 0, 0, 127), "JPEG"),
            ("1", 1, "PNG"),
        ],
    )
    def test_other_kinds_of_pixels(self, mode: str, grey: int | tuple[int, ...], kind: str) -> None:
        """Of 16 bits, as masks and depth maps have them; of the four colours of print; black and white."""
        file = io.BytesIO()
        pytest.importorskip("PIL.Image").new(mode, (4, 4), grey).save(file, kind)
        preview = look(f"a.{'png' if kind == 'PNG' else 'jpg'}", file.getvalue(), cells=(4, 2))
        assert preview.picture is not None
        expected = 255 if mode == "1" else 128
        assert all(abs(value - expected) <= 2 for value in preview.picture.rgb)

    def test_a_tiny_one_grows_in_whole_pixels(self) -> None:
        preview = look("a.png", png(3, 2), cells=(40, 30))
        assert preview.picture is not None
        assert (preview.picture.width, preview.picture.height) == (39, 26)

    def test_transparency_is_white(self) -> None:
        image = pytest.importorskip("PIL.Image").new("RGBA", (2, 2), (0, 0, 0, 0))
        file = io.BytesIO()
        image.save(file, "PNG")
        preview = look("a.png", file.getvalue(), cells=(2, 1))
        assert preview.picture is not None
        assert set(preview.picture.rgb) == {255}

    @pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", png(9, 9)[:45], b"GIF89a....", b"\xff\xd8\xff\xe0"])
    def test_a_broken_one_is_refused_in_words(self, content: bytes) -> None:
        preview = look("a.png", content)
        assert (preview.kind, preview.picture) == (Kind.REFUSED, None)
        assert preview.note.startswith("this is no readable PNG or JPEG picture")
        assert preview.note.isprintable()

    def test_a_bomb_is_not_unpacked(self) -> None:
        """A few bytes whose header promises 2.5 billion pixels."""

        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
        bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 10**6)) + chunk(b"IEND", b"")
        assert look("a.png", bomb).note == "a picture of 50,000x50,000 pixels is too large to draw"


class TestBytes:
    @pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "state.pth"])
    def test_a_pickle_is_named_and_never_loaded(self, name: str) -> None:
        """Loading this one would raise."""
        preview = look(name, b"\x80\x04cbuiltins\nexec\n(V1/0\ntR.")
        assert preview.note.startswith("a pickle: it could run code, and is never loaded")
        assert shown(preview.lines)[0].startswith("00000000  80 04 63 62 75 69")
        assert shown(preview.lines)[0].endswith("··cbuiltins·exec")

    def test_bytes_by_any_name(self) -> None:
        preview = look("notes.txt", b"\x00\x01\x02" * 100)
        assert preview.note == "not text; its first bytes"
        assert len(preview.lines) == 16


MLMODEL = """\
artifact_path: model
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.9, env: {conda: conda.yaml}}
  sklearn: {sklearn_version: 1.5.0, pickled_model: model.pkl}
mlflow_version: 3.1.0
model_size_bytes: 12345
saved_input_example_info: {artifact_path: input_example.json, type: dataframe}
signature:
  inputs: '[{"type": "double", "name": "amount\\u001b", "required": true},
    {"type": "long", "name": "hour", "required": false},
    {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}, "name": "tags"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]'
  params: '[{"name": "threshold", "type": "double", "default": 0.5, "shape": null}]'
"""


class TestModel:
    def test_what_it_takes_gives_and_needs(self) -> None:
        preview = look(
            "model/MLmodel", MLMODEL.encode(), beside={"model/conda.yaml": b"x" * 99, "model/model.pkl": b""}
        )
        text = "\n".join(shown(preview.lines))
        for expected in (
            "sklearn          version 1.5.0",
            "amount␛  double",
            "hour     long, optional",
            "tags     array of object {a: string}",
            "#0  tensor float32 (-1, 2)",
            "threshold  double, default 0.5",
            "size            12.3 kB",
            "input example   input_example.json (dataframe)",
            "environment     conda.yaml 99 B",
            "The file",
            "artifact_path: model",
        ):
            assert expected in text, text

    def test_the_start_of_its_input_example(self) -> None:
        rows = "[" + ",".join(f"[{i}, 0.50]" for i in range(30)) + "]"
        beside = {"model/input_example.json": f'{{"columns": ["amount"], "data": {rows}}}'.encode()}
        text = "\n".join(shown(look("model/MLmodel", MLMODEL.encode(), beside=beside).lines))
        assert "  Input example" not in text
        assert 'Input example\n  {\n    "columns": [\n      "amount"\n    ],' in text
        assert "0.50" in text
        assert "… and more in input_example.json" in text

    @pytest.mark.parametrize("path", ["../../secret.json", "/etc/passwd", "[]", "missing.json"])
    def test_an_example_is_looked_for_beside_it_only(self, path: str) -> None:
        content = f"flavors: {{}}\nsaved_input_example_info: {{artifact_path: {path}}}\n".encode()
        preview = look("m/MLmodel", content, beside={"secret.json": b'{"no": 1}'})
        assert "no" not in [text for line in preview.lines for text, role in line if role == "key"]

    def test_a_bare_one(self) -> None:
        text = "\n".join(shown(look("m/MLmodel", b"flavors: {}\n").lines))
        for expected in ("none named", "no signature", "not recorded", "no requirements.txt"):
            assert expected in text

    @pytest.mark.parametrize(
        ("content", "note"),
        [
            (b"{", "this is not valid YAML"),
            (b"just text", "this is not an MLmodel file"),
            (b"a: !!python/object/apply:os.system ['false']", "this is not valid YAML"),
            (b"a: &a {b: 1}\nc:\n  <<: *a", "merges keys"),
        ],
    )
    def test_a_broken_one_is_shown_as_it_is(self, content: bytes, note: str) -> None:
        preview = look("m/MLmodel", content)
        assert note in preview.note
        assert shown(preview.lines)[0] == content.decode().split("\n")[0]

    def test_nothing_in_it_makes_it_fail(self) -> None:
        for part in (
            *("flavors: 3", "signature: {inputs: '[['}", "signature: {inputs: 5, outputs: {a: 1}}", "a: 2024-13-45"),
            *("flavors: {x: &x [*x]}", "signature: {inputs: '[1, null, {}]'}", "model_size_bytes: big"),
        ):
            assert look("m/MLmodel", part.encode()).lines


class Far(MemoryGateway):
    """Gives files from elsewhere; ``whole`` as a whole only."""

    whole = False
    read = 0

    @contextmanager
    def _far(self, run_id: str, path: str, whole_most: int | None) -> Iterator[ArtifactStream]:
        content = self._stored(run_id).artifacts[path]
        if self.whole and whole_most is not None and len(content) > whole_most:
            raise ArtifactTooLarge("far", path, len(content))

        def chunks() -> Iterator[bytes]:
            for at in range(0, len(content), 100_000):
                self.read += 100_000
                yield content[at : at + 100_000]

        yield ArtifactStream(chunks(), len(content), local=self.whole)

    def open_artifact(
        self, run_id: str, path: str, whole_most: int | None = None
    ) -> AbstractContextManager[ArtifactStream]:
        return self._far(run_id, path, whole_most)


class TestFar:
    def far(self, name: str, content: bytes, *, whole: bool) -> tuple[Far, PreviewArtifact]:
        store = Far()
        store.whole = whole
        run_id = store.add_run(store.add_experiment("x"), artifacts={name: content}, model=False)
        return store, PreviewArtifact(run_id, name)

    def test_of_a_large_text_only_the_start_is_fetched(self) -> None:
        store, request = self.far("a.log", b"line\n" * 10**6, whole=False)
        assert preview_artifact(store, request).note == "the first 200.0 kB"
        assert store.read <= TEXT_BYTES + 100_000

    def test_a_large_whole_one_is_asked_for(self) -> None:
        content = b"line\n" * (UNASKED // 5 + 1)
        store, request = self.far("a.log", content, whole=True)
        preview = preview_artifact(store, request)
        assert (preview.kind, preview.size) == (Kind.TOO_LARGE, len(content))
        assert preview.note == "a file of 1.0 MB can only be fetched as a whole"
        assert preview_artifact(store, PreviewArtifact(request.run_id, request.path, fetch=True)).kind is Kind.LINES

    def test_a_huge_one_only_by_download(self) -> None:
        store, request = self.far("a.log", b"x" * 31_000_000, whole=True)
        preview = preview_artifact(store, request)
        assert preview.kind is Kind.REFUSED
        assert "download it" in preview.note

    def test_a_large_picture_is_asked_for_even_where_it_comes_in_pieces(self) -> None:
        store, request = self.far("a.png", png(5, 5) + b"\0" * UNASKED, whole=False)
        assert preview_artifact(store, request).kind is Kind.TOO_LARGE
        assert store.read == 0
        assert preview_artifact(store, PreviewArtifact(request.run_id, request.path, fetch=True)).kind is Kind.PICTURE


def test_a_missing_file_is_a_preview_that_says_so() -> None:
    """A dead store is an error, as the header shows that."""
    store = MemoryGateway()
    run_id = store.add_run(store.add_experiment("x"), artifacts={}, model=False)
    preview = preview_artifact(store, PreviewArtifact(run_id, "gone\x1b.txt"))
    assert preview.kind is Kind.REFUSED
    assert "has no artifact 'gone␛.txt'" in preview.note
    store.fail = lambda method: StoreUnavailable("memory", "gone") if method == "open_artifact" else None
    with pytest.raises(StoreUnavailable):
        preview_artifact(store, PreviewArtifact(run_id, "a"))


NAMES = ("a.txt", "a.json", "a.csv", "a.tsv", "a.md", "MLmodel", "a.yaml", "a.py", "a.html", "a")
HOSTILE = st.lists(
    st.sampled_from(
        [
            *("\x1b[2J", "\x1b]52;c;eA==\x07", "\x9b31m", "\u202e", "\u200b", "\r", "\n", "\t", '"', "{", "}"),
            *("[/x]", "\ud800", ",", ":", "- ", "# ", "`", "*", "&#x202e;", "&#27;", "![a](b)", "[a](javascript:x)"),
            *("<b>", "é", "a", "\x00\x00", "flavors: ", "signature: ", "\u2028", "\U000e0001", "|", "---"),
            "\ufeff",
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    HOSTILE, st.sampled_from(["a.txt", "a.json", "a.csv", "a.tsv", "a.md", "MLmodel", "a.yaml", "a.py", "a.html", "a"])
)
def test_nothing_that_a_terminal_would_obey_comes_out(text: str, name: str) -> None:
    """Whatever a file holds and is called, every text of its preview is printable."""
    preview = look(name, text.encode("utf-8", "surrogatepass"))
    texts = [part for line in preview.lines for part, _ in line] + [cell for row in preview.rows for cell in row]
    for part in (*texts, *preview.text.split("\n"), preview.note, preview.path):
        assert clean(part) == part
