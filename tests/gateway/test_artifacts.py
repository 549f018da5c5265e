"""Where a run's artifacts are looked for and where not; stores that give files in pieces, and stores that do not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlaudit.domain.errors import ArtifactTooLarge, NotAStore, PermissionDenied, StoreError
from mlaudit.domain.models import ArtifactStream
from mlaudit.gateway.artifacts import CHUNK, Listed, LoggedModel, RunArtifacts
from mlaudit.gateway.mlflow_client import StoredArtifacts


class Elsewhere:
    """A store that gives files only as a whole, as most clouds' are by MLflow."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.fetched: list[str] = []

    def list_run(self, path: str) -> list[Listed]:
        return [(name, False, len(content)) for name, content in self.files.items()]

    def list_model(self, model: LoggedModel, path: str) -> list[Listed]:
        return []

    @contextmanager
    def stream(self, location: str, path: str) -> Iterator[ArtifactStream | None]:
        yield None

    def fetch(self, location: str, path: str, folder: str) -> str:
        self.fetched.append(path)
        target = Path(folder, path)
        target.write_bytes(self.files[path])
        return str(target)


def local(root: Path) -> RunArtifacts:
    """The artifacts of a run that lie on this machine."""
    return RunArtifacts("here", "f" * 32, root.as_uri(), list, Elsewhere({}))


class TestLocal:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "secret.txt").write_text("not yours")
        root = tmp_path / "artifacts"
        (root / "sub").mkdir(parents=True)
        (root / "sub" / "a.txt").write_bytes(b"x" * (CHUNK + 5))
        return root

    def test_no_more_is_read_than_was_asked_for(self, root: Path) -> None:
        with local(root).open("sub/a.txt") as stream:
            assert (stream.local, stream.size) == (True, CHUNK + 5)
            assert stream.read(10) == b"x" * 10
            assert len(b"".join(stream.chunks)) == 5, "the first chunk was taken, the second not"

    @pytest.mark.parametrize(
        "path",
        ["../secret.txt", "sub/../../secret.txt", "/etc/passwd", "out/secret.txt", "link.txt", "a\x00b", "\\x"],
    )
    def test_nothing_outside_is_reached(self, root: Path, path: str) -> None:
        """Neither by the path nor by links that lead out."""
        os.symlink("..", root / "out")
        os.symlink("../secret.txt", root / "link.txt")
        with pytest.raises(NotAStore), local(root).open(path):
            pass
        assert local(root).list("sub")
        assert local(root).list("out") == ()
        for folder in ("..", "sub/../.."):
            with pytest.raises(NotAStore):
                local(root).list(folder)

    @pytest.mark.parametrize(
        ("inner", "found"),
        [
            ("", ("model.pt", "sub")),
            ("/", ("model.pt", "sub")),
            ("/sub", ("a.txt",)),
            ("/sub/", ("a.txt",)),
            ("/model.pt", ("model.pt",)),
            ("/sub/a.txt", ("a.txt",)),
            ("/gone", ()),
            ("/sub/gone.txt", ()),
            ("/../secret.txt", None),
            ("-other", None),
        ],
    )
    def test_what_a_version_was_registered_from(self, root: Path, inner: str, found: tuple[str, ...] | None) -> None:
        """A folder, a single file, or all that the run has; what lies elsewhere is not looked at."""
        (root / "model.pt").write_bytes(b"")
        for source in (f"{root.as_uri()}{inner}", f"runs:/{'f' * 32}{inner}"):
            assert local(root).at_source(source) == found

    def test_a_pipe_is_no_file(self, root: Path) -> None:
        """Opening it would wait for ever."""
        os.mkfifo(root / "pipe")
        with pytest.raises(NotAStore), local(root).open("pipe"):
            pass

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read_is_told(self, root: Path) -> None:
        (root / "sub" / "a.txt").chmod(0)
        with pytest.raises(PermissionDenied), local(root).open("sub/a.txt"):
            pass


class TestWhole:
    def test_a_large_file_is_not_fetched_unasked(self) -> None:
        remote = Elsewhere({"small": b"s" * 10, "large": b"l" * 2000})
        artifacts = RunArtifacts("there", "f" * 32, "gs://bucket/1", list, remote)
        with artifacts.open("small", 1000) as stream:
            assert (stream.local, stream.size, stream.read(99)) == (True, 10, b"s" * 10)
        with pytest.raises(ArtifactTooLarge) as caught, artifacts.open("large", 1000):
            pass
        assert (caught.value.size, remote.fetched) == (2000, ["small"])
        assert "2,000 bytes" in str(caught.value)
        with artifacts.open("large") as stream:
            assert stream.read(99999) == b"l" * 2000


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 that stands in this process, with a file in it."""
    moto = pytest.importorskip("moto")
    boto3 = pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="1/run/artifacts/plots/a.txt", Body=b"y" * (2 * CHUNK))
        yield client


def test_s3_gives_the_start_alone(bucket: Any) -> None:
    """No limit matters, since not more than the asked start is fetched."""
    place = "s3://bucket/1/run/artifacts"
    artifacts = RunArtifacts("there", "f" * 32, place, list, StoredArtifacts(place, "there"))
    assert [(a.path, a.size) for a in artifacts.list("plots")] == [("plots/a.txt", 2 * CHUNK)]
    with artifacts.open("plots/a.txt", 10) as stream:
        assert (stream.local, stream.size) == (False, 2 * CHUNK)
        assert stream.read(7) == b"y" * 7
        assert len(next(stream.chunks)) == CHUNK
    with pytest.raises((NotAStore, StoreError)), artifacts.open("plots/b.txt"):
        pass
