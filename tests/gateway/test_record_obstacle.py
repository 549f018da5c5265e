"""Whether a record could be kept where a run's artifacts belong, told without trying."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlaudit.domain.models import StoreKind
from mlaudit.gateway import environment
from mlaudit.gateway.artifacts import RunArtifacts
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.uri import resolve


def obstacle(uri: str) -> str:
    # What lies elsewhere is not asked.
    return RunArtifacts("store", "f" * 32, uri, list, None).obstacle()  # type: ignore[arg-type]


def test_folders_that_mlflow_makes_itself_are_no_obstacle(tmp_path: Path) -> None:
    for uri in (f"{tmp_path}/mlruns/1/run/artifacts", (tmp_path / "experiment/run/artifacts").as_uri()):
        assert obstacle(uri) == ""
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("uri", ["s3://bucket/1/run/artifacts", "mlflow-artifacts:/1/run/artifacts"])
def test_what_lies_elsewhere_is_for_the_server_to_say(uri: str) -> None:
    assert obstacle(uri) == ""


def test_a_place_of_another_machine_is_named() -> None:
    told = obstacle("file:///Users/nobody-here/project/mlruns/1/run/artifacts")
    assert told.endswith("belong into /Users/nobody-here/project/mlruns/1/run/artifacts, a place of another machine")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert obstacle(f"{tmp_path}/1/run/artifacts").endswith("which may not be written")


def test_a_run_whose_empty_folders_were_lost_is_named(tmp_path: Path, mlflow_environment: None) -> None:
    from mlflow import MlflowClient

    root = tmp_path / "mlruns"
    run_id = MlflowClient(str(root), str(root)).create_run("0").info.run_id
    environment.prepare({StoreKind.FILES})
    gateway = MlflowGateway(resolve(str(root), str(root), environ={}))
    assert gateway.record_obstacle(run_id) == ""
    (root / "0" / run_id / "params").rmdir()
    assert "while it lacks params (git, for one, keeps no empty folder)" in gateway.record_obstacle(run_id)
