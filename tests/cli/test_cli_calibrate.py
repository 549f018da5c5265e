"""calibrate: what the replicates in the store tell, and a fragment that a policy takes."""

from __future__ import annotations

import json

import pytest
from sample_store import MODEL, SAMPLE

from mlaudit.config.policy import check_policies


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def noisy(cli):
    """The sample store with a recipe of its own, five seeds of it."""
    for seed, loss in enumerate((0.50, 0.52, 0.49, 0.51, 0.53)):
        cli.store.add_run(
            "1", name="noisy", params={"recipe": "noisy", "seed": seed}, metrics={"val_loss": loss, "val_f1": 0.7},
            tags={"dataset_version": "v1"},
        )  # fmt: skip
    return cli


def test_the_groups_and_the_noise(noisy):
    result = noisy("calibrate", MODEL)
    assert result.code == 0
    assert "2 replicate groups of 5, 2 runs" in result.out
    assert "mlp-seed-7: 2 runs, the baseline's" in result.out
    row = next(line.split() for line in result.out.splitlines() if "↓ val_loss" in line)
    assert row[2:4] == ["2", "5"]
    assert row[4:6] == ["2.77", "%"]


def test_json(noisy):
    report = json.loads(noisy("calibrate", MODEL, "-f", "json").out)
    assert report["schema"] == "mlaudit.calibration/1"
    assert report["baseline"]["run_id"] == SAMPLE["production"]
    loss = next(m for m in report["metrics"] if m["name"] == "val_loss")
    assert (loss["df"], loss["n_baseline"], len(loss["groups"])) == (5, 2, 2)
    assert loss["suggested_tolerance"] >= loss["noise"] > loss["relative_sd"]
    assert loss["replicates_needed"] > 1
    assert SAMPLE["noise"] in report["groups"][loss["groups"][1]["group"]]["run_ids"]


def test_the_fragment_is_taken_by_a_policy_and_keeps_its_bounds(noisy, here):
    policy = here / "mlaudit.toml"
    policy.write_text(
        f"schema = 1\n[[model.{MODEL}.metric]]\nname = 'val_loss'\ndirection = 'lower'\nmax_rel_regression = 0.05\n"
        "upper_bound = 0.9\n[[model.fraud-detector.metric]]\nname = 'other'\ndirection = 'higher'\nlower_bound = 0.1\n"
    )
    report = json.loads(noisy("calibrate", MODEL, "-f", "json").out)
    assert f"sha256      {report['policy']['sha256']}\n" in noisy("calibrate", MODEL).out
    policy.write_text(f"schema = 1\n{report['fragment']}")
    checked = check_policies(str(policy))
    assert not checked.mistakes
    (rule,) = checked.policies.for_model(MODEL).metrics
    assert (rule.name, rule.upper_bound) == ("val_loss", 0.9)
    assert rule.max_rel_regression == pytest.approx(0.069, abs=2e-3)
    assert '# "other": no replicates measure it' in report["fragment"]


def test_the_fragment_keeps_an_absolute_tolerance_and_how_the_two_combine(noisy, here):
    policy = here / "mlaudit.toml"
    policy.write_text(
        f"schema = 1\n[[model.{MODEL}.metric]]\nname = 'val_loss'\ndirection = 'lower'\nmax_rel_regression = 0.05\n"
        "max_abs_regression = 0.01\ncombine = 'min'\n"
    )
    fragment = json.loads(noisy("calibrate", MODEL, "-f", "json").out)["fragment"]
    policy.write_text(f"schema = 1\n{fragment}")
    (rule,) = check_policies(str(policy)).policies.for_model(MODEL).metrics
    assert (rule.max_abs_regression, rule.combine) == (0.01, "min")
    assert "the stricter of the two counts" in fragment


def test_the_text_ends_with_the_fragment(noisy):
    out = noisy("calibrate", MODEL).out
    assert out[out.index("# Measured by") :] == json.loads(noisy("calibrate", MODEL, "-f", "json").out)["fragment"]


def test_no_replicates_at_all_say_what_to_do(cli):
    result = cli("calibrate", "churn")
    assert result.code == 0
    assert "different seeds" in " ".join(result.out.split())
    assert "To paste" not in result.out


def test_what_cannot_be_calibrated(cli, here):
    assert cli("calibrate", "nope").code == 2
    (here / "mlaudit.toml").write_text("schema = 1\n[model.new]\n")
    assert "experiment" in cli("calibrate", "new").err
    (here / "mlaudit.toml").write_text("schema = 1\n[model.new]\nexperiment = 'gone'\n")
    assert "gone" in cli("calibrate", "new").err
    (here / "mlaudit.toml").write_text("schema = 1\n[model.new]\nexperiment = 'fraud-detector'\n")
    assert cli("calibrate", "new").code == 0


def test_a_file(noisy, here):
    result = noisy("calibrate", MODEL, "-o", "out.txt")
    assert (result.code, result.out) == (0, "")
    assert "replicate groups" in (here / "out.txt").read_text()
