"""Where the policy is found, what it may say, and how plainly its mistakes are named."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace

import pytest

from mlaudit.config.policy import Policies, check_policies, load_policies
from mlaudit.domain.errors import PolicyError
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Role

FULL = """\
schema = 1
[model."fraud-detector"]
experiment = "fraud-detector"          # where replicates are looked up
baseline = ["stage:Production", "alias:champion"]   # first that resolves; also "version:12", "run:<id>", "previous"
on_multiple_baselines = "error"        # error | newest
first_promotion = "bounds"             # bounds | allow | block
[model."fraud-detector".comparability]
dataset = { input_context = "validation", tag = "dataset_version" }
on_unknown = "warn"                    # warn | block
git_commit = "ignore"                  # ignore | same
[model."fraud-detector".replicates]
nuisance_params = ["seed", "random_state", "*_seed"]
calibrate = true
paired = false
[model."fraud-detector".gate]
alpha = 0.05
on_inconclusive = "block"              # block | warn | pass
[[model."fraud-detector".metric]]
name = "val_loss"
role = "primary"                       # primary | guard | info
direction = "lower"                    # lower | higher; mandatory for primary and guard
max_rel_regression = 0.05              # and/or max_abs_regression; upper_bound, lower_bound
select = "last"                        # last | best | step:<n>
"""
METRIC = '[[model.m.metric]]\nname = "x"\ndirection = "lower"\nmax_rel_regression = 0.1\n'


def written(folder, text, name="mlaudit.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_documented_policy_is_read_whole(tmp_path):
    path = written(tmp_path, FULL)
    found = load_policies(directory=tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.path, found.sha256, found.models) == (str(path), digest, ("fraud-detector",))
    assert found.for_model("fraud-detector") == GatePolicy(
        metrics=(MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05),),
        model="fraud-detector",
        experiment="fraud-detector",
        baselines=("stage:Production", "alias:champion"),
        path=str(path),
        sha256=digest,
    )


def test_every_key_changes_something(tmp_path):
    text = """\
schema = 1
[model.m]
baseline = "stage:staging"
on_multiple_baselines = "newest"
first_promotion = "allow"
comparability = { dataset = { tag = "data" }, on_unknown = "block", git_commit = "same" }
replicates = { nuisance_params = ["fold"], calibrate = false, paired = true }
gate = { alpha = 0.01, on_inconclusive = "pass" }
[[model.m.metric]]
name = "auc"
role = "guard"
direction = "higher"
max_rel_regression = 0.01
max_abs_regression = 0.02
combine = "min"
upper_bound = 1
lower_bound = 0.5
select = "step:-3"
relative_sd = 0.02
[[model.m.metric]]
name = "loss"
role = "info"
"""
    written(tmp_path, text)
    policy = load_policies(directory=tmp_path).for_model("m")
    assert policy == GatePolicy(
        metrics=(
            MetricRule("auc", Role.GUARD, Direction.HIGHER, 0.01, 0.02, "min", 1.0, 0.5, "step:-3", 0.02),
            MetricRule("loss", Role.INFO),
        ),
        model="m",
        baselines=("stage:Staging",),
        on_multiple_baselines="newest",
        first_promotion="allow",
        dataset_context=None,
        dataset_tag="data",
        on_unknown="block",
        git_commit="same",
        nuisance_params=("fold",),
        calibrate=False,
        paired=True,
        alpha=0.01,
        on_inconclusive="pass",
        path=policy.path,
        sha256=policy.sha256,
    )


def test_what_is_not_said_is_the_default(tmp_path):
    path = written(tmp_path, f"schema = 1\n[model.bare]\n{METRIC}upper_bound = 1\nlower_bound = 1\n")
    found = load_policies(str(path))
    common = {"path": str(path), "sha256": found.sha256}
    assert found.for_model("bare") == GatePolicy(model="bare", **common)
    rule = MetricRule("x", Role.PRIMARY, Direction.LOWER, 0.1, upper_bound=1.0, lower_bound=1.0)
    assert found.for_model("m") == GatePolicy((rule,), "m", **common)
    # In a table that says something else, too.
    path.write_text(
        "schema = 1\n[model.m]\ncomparability.git_commit = 'ignore'\nreplicates.calibrate = true\n"
        "gate.on_inconclusive = 'block'\n"
    )
    assert replace(load_policies(str(path)).for_model("m"), path=None, sha256=None) == GatePolicy(model="m")


@pytest.mark.parametrize(
    ("named", "context", "tag"),
    [
        ('{ input_context = "test" }', "test", None),
        ('{ tag = "data" }', None, "data"),
        ('{ input_context = "test", tag = "data" }', "test", "data"),
        ("{}", None, None),
    ],
)
def test_naming_one_witness_of_the_data_means_that_one_only(tmp_path, named, context, tag):
    path = written(tmp_path, f"schema = 1\n[model.m.comparability]\ndataset = {named}\n")
    policy = load_policies(str(path)).for_model("m")
    assert (policy.dataset_context, policy.dataset_tag) == (context, tag)


def test_the_hash_is_of_the_bytes(tmp_path):
    content = b"\xef\xbb\xbfschema = 1\r\n[model.m]\r\n"
    path = written(tmp_path, content)
    assert load_policies(str(path)).sha256 == hashlib.sha256(content).hexdigest()


def test_found_upwards_and_the_nearest_wins(tmp_path):
    outer = written(tmp_path, FULL)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    written(tmp_path / "a", "[tool.other]\nx = 1\n", "pyproject.toml")
    assert load_policies(directory=deep).path == str(outer)
    inner = written(tmp_path / "a", "[tool.mlaudit]\nschema = 1\n", "pyproject.toml")
    assert load_policies(directory=deep).path == str(inner)
    nearest = written(tmp_path / "a", "schema = 1\n")
    assert load_policies(directory=deep).path == str(nearest)


def test_pyproject_is_read_below_tool(tmp_path):
    text = "[tool.mlaudit]\nschema = 1\n[[tool.mlaudit.model.m.metric]]\nname = 'x'\nrole = 'primry'\n"
    path = written(tmp_path, text, "pyproject.toml")
    with pytest.raises(PolicyError, match=r"pyproject.toml:5: tool.mlaudit.model.m.metric.role: must be"):
        load_policies(directory=tmp_path)
    with pytest.raises(PolicyError, match=r"pyproject.toml:5"):
        load_policies(str(path))


def test_another_tools_broken_pyproject_is_passed_over(tmp_path):
    written(tmp_path, "[tool.black\n", "pyproject.toml")
    assert load_policies(directory=tmp_path).path is None
    written(tmp_path, "[tool.mlaudit\n", "pyproject.toml")
    with pytest.raises(PolicyError):
        load_policies(directory=tmp_path)


def test_no_policy_at_all(tmp_path):
    found = load_policies(directory=tmp_path)
    assert found == Policies()
    assert found.for_model("m") == found.for_model(None) == GatePolicy()


def test_a_model_without_a_section_gets_the_built_in_rules_and_names_the_file(tmp_path):
    path = written(tmp_path, FULL)
    policy = load_policies(directory=tmp_path).for_model("other")
    assert (policy.model, policy.path, policy.metrics) == ("", str(path), ())
    assert policy.sha256


def test_the_explicit_file_wins_and_must_exist(tmp_path):
    written(tmp_path, FULL)
    other = written(tmp_path, "schema = 1\n[model.m]\n", "other.toml")
    assert load_policies(str(other), tmp_path).models == ("m",)
    for bad, why in (
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "Is a directory"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(PolicyError, match=re.escape(why)):
            load_policies(str(bad), tmp_path)
    bare = written(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml")
    with pytest.raises(PolicyError, match=r"no \[tool.mlaudit\]"):
        load_policies(str(bare))


def test_a_working_directory_that_is_gone_has_no_policy(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    os.rmdir(gone)
    assert load_policies().path is None


@pytest.mark.parametrize(
    ("text", "line", "pieces"),
    [
        (b"schema = 1\n\xff\n", 2, ["not UTF-8"]),
        ("schema = 1\n[model\n", 2, ["not TOML"]),
        ("schema = 1\na = 'x", 2, ["not TOML"]),
        ("", 0, ["schema = 1"]),
        ("[model.m]\n", 0, ["schema = 1"]),
        ("schema = 2\n", 1, ["schema", "not 2"]),
        ("schema = true\n", 1, ["schema"]),
        ("schema = 1\nmodels = 1\n", 2, ["models: unknown key", "did you mean model", "allowed here: schema, model"]),
        ("schema = 1\nmodel = 1\n", 2, ["model: must be a table"]),
        ("schema = 1\nmodel.m = 1\n", 2, ["model.m: must be a table"]),
        ("schema = 1\n[model.m]\n\n# x = 1\nexperimnt = 'x'\n", 5, ["model.m.experimnt", "did you mean experiment"]),
        ("schema = 1\n[model.m]\nexperiment = ''\n", 3, ["text in quotes"]),
        ("schema = 1\n[model.m]\nbaseline = ['prod']\n", 3, ["model.m.baseline", "stage:NAME"]),
        ("schema = 1\n[model.m]\nbaseline = ['stage:Prod']\n", 3, ["Production, Archived"]),
        ("schema = 1\n[model.m]\nbaseline = ['stage:Production', 'alias:v3']\n", 3, ["model.m.baseline", "alias:v3"]),
        ("schema = 1\n[model.m]\nbaseline = []\n", 3, ["at least one"]),
        ("schema = 1\n[model.m]\nbaseline = [1]\n", 3, ["list of texts"]),
        ("schema = 1\n[model.m]\nfirst_promotion = 'yes'\n", 3, ['"bounds" or "allow" or "block"', '"yes"']),
        ("schema = 1\n[model.m.gate]\nalpha = 0\n", 3, ["model.m.gate.alpha", "not 0"]),
        ("schema = 1\n[model.m.gate]\nalpha = 1e-10\n", 3, ["1e-9 or more", "not 1e-10"]),
        ("schema = 1\n[model.m.gate]\nalpha = 0.7\n", 3, ["at most 0.5"]),
        ("schema = 1\n[model.m.gate]\nalpha = '0.05'\n", 3, ["alpha"]),
        ("schema = 1\n[model.m.gate]\nalhpa = 0.05\n", 3, ["did you mean alpha"]),
        ("schema = 1\n[model.m.replicates]\npaired = 1\n", 3, ["true or false"]),
        ("schema = 1\n[model.m]\n[model.m.comparability]\ndataset = { ctx = 'v' }\n", 4, ["dataset.ctx"]),
        ("schema = 1\n[model.m.metric]\nname = 'x'\n", 2, ["array of tables"]),
        ("schema = 1\n[[model.m.metric]]\nrole = 'info'\n", 2, ["model.m.metric.name: is missing"]),
        ("schema = 1\n[[model.m.metric]]\nname = 'x'\nmax_rel_regression = 0.1\n", 2, ["direction: is missing", "'x'"]),
        (f"schema = 1\n{METRIC}\n[[model.m.metric]]\nname = 'y'\n", 7, ["direction: is missing for 'y'"]),
        (f"schema = 1\n{METRIC}direction2 = 'lower'\n", 6, ["direction2", "did you mean direction"]),
        (f"schema = 1\n{METRIC}{METRIC}", 7, ["'x' has a rule already"]),
        (
            "schema = 1\n[[model.m.metric]]\nname = 'x'\ndirection = 'down'\nlower_bound = 1\n",
            4,
            ['"lower" or "higher"', '"down"'],
        ),
        ("schema = 1\n[[model.m.metric]]\nname = 'x'\ndirection = 'lower'\n", 2, ["has no limit", "upper_bound"]),
        (f"schema = 1\n{METRIC}max_abs_regression = -1\n", 6, ["0 or more", "-1"]),
        (f"schema = 1\n{METRIC.replace('0.1', '-0.01')}", 5, ["max_rel_regression", "0 or more", "-0.01"]),
        (f"schema = 1\n{METRIC}relative_sd = -0.01\n", 6, ["relative_sd", "0 or more", "-0.01"]),
        (f"schema = 1\n{METRIC}max_abs_regression = nan\n", 6, ["max_abs_regression"]),
        (f"schema = 1\n{METRIC}upper_bound = inf\n", 6, ["upper_bound"]),
        (f"schema = 1\n{METRIC}upper_bound = true\n", 6, ["upper_bound"]),
        (f"schema = 1\n{METRIC}upper_bound = {'9' * 400}\n", 6, ["upper_bound"]),
        (f"schema = 1\n{METRIC}upper_bound = {'9' * 5000}\n", 6, ["not TOML", "number is too long"]),
        (f"schema = 1\n{METRIC}upper_bound = 0x{'f' * 5000}\n", 6, ["upper_bound", "must be a number"]),
        (f"schema = 1\n{METRIC}upper_bound = 2026-03-01\n", 6, ["must be a number, not 2026-03-01"]),
        (f"schema = 1\n{METRIC}upper_bound = [1]\n", 6, ["must be a number, not a list"]),
        ("schema = 1\n[model.m]\nexperiment.name = 'x'\n", 3, ["must be text in quotes, not a table"]),
        ("schema = 2026-03-01\n", 1, ["schema = 1, not 2026-03-01"]),
        (f"schema = 1\n{METRIC}upper_bound = 1\nlower_bound = 2\n", 6, ["below lower_bound"]),
        (f"schema = 1\n{METRIC}select = 'first'\n", 6, ['"step:<n>"', "first"]),
        (f"schema = 1\n{METRIC}select = 'step:x'\n", 6, ['"step:<n>"']),
        ("schema = 1\n[[model.m.metric]]\nname='x'\nrole='info'\nselect='best'\n", 2, ["direction", "best"]),
        ('schema = 1\n[model."a\\u001bb"]\nx = 1\n', 3, ["unknown key"]),
        ('schema = 1\n[model.m]\nexperiment = "x\\u001b]0;y\\u0007"\n', 3, ["m.experiment", "control characters"]),
        ('schema = 1\n[model.m]\nbaseline = ["alias:a\\u001b[2J"]\n', 3, ["m.baseline", "control characters"]),
        ('schema = 1\n[model.m]\ncomparability.dataset.tag = "a\\u202eb"\n', 3, ["tag", "control characters"]),
        ('schema = 1\n[model.m]\nreplicates.nuisance_params = ["a\\nb"]\n', 3, ["nuisance", "control characters"]),
    ],
)
def test_mistakes_name_file_line_key_and_what_is_allowed(tmp_path, text, line, pieces):
    path = written(tmp_path, text)
    with pytest.raises(PolicyError) as caught:
        load_policies(directory=tmp_path)
    message = str(caught.value)
    assert caught.value.line == line, message
    assert message.startswith(f"policy {path}:{line}: " if line else f"policy {path}: ")
    assert message.isprintable()
    assert caught.value.exit_code == 2
    for piece in pieces:
        assert piece in message


def test_windows_line_ends_and_a_byte_order_mark(tmp_path):
    written(tmp_path, b"\xef\xbb\xbfschema = 1\r\n[model.m]\r\nbaseline = 'x'\r\n")
    with pytest.raises(PolicyError) as caught:
        load_policies(directory=tmp_path)
    assert caught.value.line == 3


TWENTY = """schema = 1
modle = 1
[model.m]
experimnt = "x"
baseline = ["stage:Prod", "latest"]
on_multiple_baselines = "oldest"
first_promotion = true
[model.m.comparability]
dataset = { context = "validation" }
on_unknown = "ignore"
git_commit = "equal"
[model.m.replicates]
nuisance_params = "seed, [1]"
calibrate = "yes"
paired = 1
[model.m.gate]
alpha = 0.9
on_inconclusive = "fail"
[[model.m.metric]]
name = "a"
role = "main"
direction = "down"
max_rel_regression = "5%"
max_abs_regression = -1
combine = "both"
select = "first"
relative_sd = nan
[[model.m.metric]]
role = "info"
[[model.m.metric]]
name = "b"
max_rel_regression = 0.1
[[model.m.metric]]
name = "c"
direction = "lower"
[[model.m.metric]]
name = "d"
direction = "lower"
upper_bound = 1
lower_bound = 2
"""


def test_all_mistakes_of_a_file_are_found_at_once_each_with_its_own_message(tmp_path):
    path = written(tmp_path, TWENTY)
    mistakes = check_policies(str(path)).mistakes
    problems = [m.problem for m in mistakes]
    assert len(mistakes) >= 20
    assert len(set(problems)) == len(problems)
    assert [m.line for m in mistakes] == sorted(m.line for m in mistakes)
    lines = TWENTY.split("\n")
    for mistake in mistakes:
        key = mistake.problem.split(": ")[0].split(".")[-1]
        at = lines[mistake.line - 1]
        # The key itself stands there, or the table that lacks it.
        assert key in at or at == "[[model.m.metric]]", mistake
    with pytest.raises(PolicyError) as caught:
        load_policies(str(path))
    assert str(caught.value) == f"{mistakes[0]} (and {len(mistakes) - 1} more: mlaudit policy check)"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"schema = 1\n{METRIC}direction2 = 1\n", 1),
        ("schema = 1\n[[model.m.metric]]\nname = 3\n", 1),
        ("schema = 1\n[model.m]\nmetric = [1]\n", 1),
        ("schema = 1\n[[model.m.metric]]\nname='x'\ndirection='down'\nselect='best'\nupper_bound='x'\n", 2),
        ("schema = 3\nother = 1\n", 2),
    ],
)
def test_a_mistake_makes_no_other_one(tmp_path, text, count):
    assert len(check_policies(str(written(tmp_path, text))).mistakes) == count
