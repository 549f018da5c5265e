"""``mlaudit runs --view``: a view that was saved in the app, as a list."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from sample_store import EXPERIMENT

from mlaudit.config.saved_views import SavedViews
from mlaudit.domain.models import ViewType
from mlaudit.domain.saved_view import SavedView
from mlaudit.domain.sorting import SortKey
from mlaudit.gateway.memory import MemoryGateway

VIEW = SavedView(
    "attributes.run_name LIKE 'mlp-%'",
    (SortKey("metrics.val_loss"),),
    ("metrics.val_loss ASC",),
    ("run_name", "metrics.val_loss", "curves.val_loss", "params.hidden_size", "verdict"),
    pinned=("params.hidden_size",),
    curves=("val_loss",),
    group_by=("params.seed",),
)


@pytest.fixture(autouse=True)
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_gateway: MemoryGateway) -> SavedViews:
    """The views of the sample's first experiment, one among them."""
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = next(e for e in sample_gateway.list_experiments() if e.name == EXPERIMENT)
    views = SavedViews("memory://", [found.experiment_id])
    views.save("best of [/x]", VIEW)
    return views


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_filter_order_and_columns_are_the_views(cli):
    """Pinned columns stand where they stand in the app; what a list cannot have is said."""
    result = cli("runs", "-e", EXPERIMENT, "--view", "best of [/x]", "--format", "csv")
    header, *found = rows(result.out)
    assert header == ["run_name", "params.hidden_size", "metrics.val_loss"]
    assert found[0] == ["mlp-wide", "128", "0.23"]
    assert all(row[0].startswith("mlp-") for row in found)
    losses = [float(row[2]) for row in found if row[2] not in {"", "NaN"}]
    assert losses == sorted(losses)
    assert "mlaudit: view best of [/x]: attributes.run_name LIKE 'mlp-%'" in result.err
    assert "leaves out: groups, curves, verdicts (they need --verdict)" in result.err


def test_deleted_runs_are_part_of_a_view(cli, saved):
    saved.save("gone", SavedView(view_type=ViewType.DELETED_ONLY))
    gone = cli("runs", "-e", EXPERIMENT, "--view", "gone", "--format", "json")
    assert [run["lifecycle_stage"] for run in json.loads(gone.out)] == ["deleted"]
    every = cli("runs", "-e", EXPERIMENT, "--view", "gone", "--all", "--format", "json")
    assert {run["lifecycle_stage"] for run in json.loads(every.out)} == {"active", "deleted"}


def test_an_order_by_verdicts_below_another_key_is_left_out_and_said(cli, saved):
    order = (SortKey("run_name"), SortKey("verdict"))
    saved.save("mixed", SavedView(VIEW.filter_string, order, ("attributes.run_name ASC",), ("run_name",)))
    result = cli("runs", "-e", EXPERIMENT, "--view", "mixed", "--verdict", "--format", "csv")
    assert result.code == 0
    names = [row[0] for row in rows(result.out)[1:]]
    assert names
    assert names == sorted(names)
    assert "leaves out: the order by verdicts after another key" in result.err


def test_options_come_before_the_view(cli):
    result = cli(
        *("runs", "-e", EXPERIMENT, "--view", "best of [/x]", "--filter", "params.hidden_size = '128'"),
        *("--columns", "run_name,status", "--format", "csv"),
    )
    assert rows(result.out) == [["run_name", "status"], ["mlp-wide", "FINISHED"]]


def test_verdicts_of_a_view_are_listed_and_sorted_by_where_they_are_asked_for(cli, saved):
    saved.save("worst", SavedView(sorting=(SortKey("verdict", False),), columns=("run_name", "verdict")))
    result = cli("runs", "-e", EXPERIMENT, "--view", "worst", "--verdict", "--format", "csv")
    header, *found = rows(result.out)
    assert header == ["run_name", "verdict"]
    words = [row[1] for row in found if row[1]]
    assert words[-1] == "PASS" != words[0]
    assert "leaves out" not in result.err


def test_a_view_that_is_not_there_is_said_with_those_that_are(cli):
    wrong = cli("runs", "-e", EXPERIMENT, "--view", "besst")
    assert (wrong.code, wrong.out) == (2, "")
    assert "no view is named 'besst'; there are: 'best of [/x]'" in wrong.err
    elsewhere = cli("runs", "--view", "best of [/x]")
    assert elsewhere.code == 2
    assert f"is one of the experiment {EXPERIMENT}: choose it with -e" in elsewhere.err


def test_a_broken_file_is_named(cli, saved):
    saved.path.write_text("{broken")
    result = cli("runs", "-e", EXPERIMENT, "--view", "best of [/x]")
    assert result.code == 2
    assert "cannot be read" in result.err
    assert saved.path.read_text() == "{broken"
