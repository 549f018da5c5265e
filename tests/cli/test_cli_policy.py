"""policy init writes a policy that is valid; policy check names every mistake and says what a policy means."""

from __future__ import annotations

import re
import tomllib

import pytest
from sample_store import HOSTILE_KEY, MODEL, SAMPLE

from mlaudit.config.policy import check_policies
from mlaudit.domain.gate import Direction, Role
from mlaudit.domain.models import Stage


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestInit:
    """The first policy of a model."""

    def test_it_is_written_valid_and_judges(self, cli, here):
        result = cli("policy", "init", MODEL)
        assert (result.code, result.out) == (0, "")
        assert "wrote mlaudit.toml" in result.err
        checked = check_policies(str(here / "mlaudit.toml"))
        assert not checked.mistakes
        policy = checked.policies.for_model(MODEL)
        assert (policy.experiment, policy.baselines) == ("fraud-detector", ("stage:Production", "alias:champion"))
        rules = {rule.name: rule for rule in policy.metrics}
        assert rules["val_loss"].role is Role.PRIMARY
        assert rules["val_f1"].direction is Direction.HIGHER
        assert "built-in" not in cli("diff", SAMPLE["worse"]).err
        assert cli("policy", "check").code == 0

    def test_only_well_known_names_get_a_direction(self, cli):
        text = cli("policy", "init", MODEL, "-o", "-").out
        declared = {m["name"] for m in tomllib.loads(text)["model"][MODEL]["metric"]}
        assert declared == {"val_loss", "val_accuracy", "val_f1", "val_roc_auc"}
        assert '# name = "huge"' in text
        assert re.search(r'# name = "huge"\n# role = "guard"\n# direction = "lower or higher"', text)

    def test_what_is_commented_out_can_be_taken_in(self, cli, here):
        text = cli("policy", "init", MODEL, "-o", "-").out
        head, _, tail = text.partition("\n# [[")
        opened = "\n".join(line.removeprefix("# ") for line in ("# [[" + tail).split("\n"))
        (here / "mlaudit.toml").write_text(f"{head}\n{opened.replace('lower or higher', 'lower')}")
        assert not check_policies(str(here / "mlaudit.toml")).mistakes

    def test_an_existing_file_is_kept_unless_forced(self, cli, here):
        (here / "mlaudit.toml").write_text("schema = 1\n")
        result = cli("policy", "init", MODEL)
        assert result.code == 2
        assert "--force" in result.err
        assert (here / "mlaudit.toml").read_text() == "schema = 1\n"
        assert cli("policy", "init", MODEL, "--force").code == 0
        assert "val_loss" in (here / "mlaudit.toml").read_text()

    def test_names_that_are_hostile_or_odd_are_quoted(self, cli, here):
        raw = 'evil"\\\x1b[2J\u202e\x9b\U000e0041\n[model.x] 😀'
        cli.store.add_version(raw, SAMPLE["hostile"], stage=Stage.PRODUCTION)
        cli.store.add_run("1", metrics={'a"b\\c\n[[x]]': 1.0, HOSTILE_KEY: 1.0, "loss": 0.1})
        result = cli("policy", "init", raw)
        assert result.code == 0
        checked = check_policies(str(here / "mlaudit.toml"))
        assert not checked.mistakes
        assert checked.policies.models == (raw,)
        text = (here / "mlaudit.toml").read_text()
        assert all(line.isprintable() for line in text.split("\n"))
        assert all(line.isprintable() for line in cli("policy", "init", raw, "-o", "-").out.split("\n"))
        assert cli("policy", "check").code == 0

    def test_a_model_that_is_not_there(self, cli):
        missing = cli("policy", "init", "nope")
        assert missing.code == 2
        assert "fraud-detector" in missing.err
        new = cli("policy", "init", "nope", "-e", "fraud-detector", "-o", "-")
        assert new.code == 0
        assert "[model.nope]" in new.out
        assert cli("policy", "init", "nope", "-e", "nowhere").code == 2

    def test_runs_without_a_known_metric(self, cli):
        place = cli.store.add_experiment("custom")
        cli.store.add_version("custom", cli.store.add_run(place, metrics={"my_score": 1.0}))
        text = cli("policy", "init", "custom", "-o", "-").out
        assert "metric" not in tomllib.loads(text)["model"]["custom"]
        assert "nothing can be judged" in text
        assert "none: log the seed" in text


class TestCheck:
    """What a policy means, or what is wrong with it."""

    def test_the_demo_policy(self, cli, pytestconfig):
        result = cli("policy", "check", str(pytestconfig.rootpath / "demo" / "mlaudit.toml"))
        assert result.code == 0
        lines = result.out.splitlines()
        assert re.fullmatch(r"sha256 [0-9a-f]{64}", lines[1])
        assert "  primary        val_loss: lower is better, at most 5 % worse" in lines
        assert "  guard          val_recall: higher is better, at most 5 % worse, never below 0.3" in lines

    def test_every_mistake_is_a_line_and_the_code_is_2(self, cli, here):
        (here / "p.toml").write_text("schema = 1\n[model.m]\nx = 1\nfirst_promotion = 'no'\n")
        for arguments in (["check", "p.toml"], ["check", "--policy", "p.toml"]):
            result = cli("policy", *arguments)
            assert (result.code, result.out) == (2, "")
            assert "p.toml:3: model.m.x: unknown key" in result.err
            assert 'p.toml:4: model.m.first_promotion: must be "bounds" or "allow" or "block"' in result.err
            assert "2 mistakes in p.toml" in result.err

    def test_what_training_scripts_would_run_is_said_and_their_mistakes_are_named(self, cli, here):
        (here / "mlaudit.toml").write_text(
            'schema = 1\n[train.mine]\nname = "Mine"\ncommand = ["make", "train x"]\nenvironment = ["AWS_*"]\n'
            '[[train.mine.parameter]]\nname = "lr"\ntype = "float"\ndefault = 0.1\npass = "--lr {}"\n'
        )
        result = cli("policy", "check")
        assert result.code == 0
        for said in (
            "training script mine",
            "command        make 'train x'",
            f"runs in        {here}",
            "environment    AWS_*",
            "parameter      lr: a number, default 0.1; passed as --lr VALUE",
        ):
            assert said in result.out, said
        (here / "mlaudit.toml").write_text("schema = 1\n[model.m]\nx = 1\n[train.mine]\ncommand = 3\n")
        result = cli("policy", "check")
        assert result.code == 2
        first, second, count = result.err.splitlines()
        assert "mlaudit.toml:3: model.m.x: unknown key" in first
        assert "mlaudit.toml:5: train.mine.command: must be a list of texts, one for each word, not 3" in second
        assert "2 mistakes in" in count

    def test_no_policy_at_all(self, cli):
        result = cli("policy", "check")
        assert result.code == 2
        assert "policy init" in result.err

    def test_what_is_probably_not_meant_is_said(self, cli, here):
        (here / "mlaudit.toml").write_text(
            "schema = 1\n[model.m]\nreplicates = { nuisance_params = [], paired = true }\n"
            "[[model.m.metric]]\nname = 'x'\ndirection = 'lower'\nmax_rel_regression = 0.1\ncombine = 'min'\n"
            "[[model.m.metric]]\nname = 'y'\nrole = 'info'\nmax_abs_regression = 0.1\n"
            "[[model.m.metric]]\nname = 'z'\ndirection = 'lower'\nmax_rel_regression = 5\n"
            "[[model.m.metric]]\nname = 'v'\ndirection = 'lower'\nlower_bound = 0\n"
            "[[model.m.metric]]\nname = 'w'\ndirection = 'higher'\nlower_bound = 0\n"
            "[model.n]\ncomparability = { dataset = {}, on_unknown = 'block' }\nreplicates.nuisance_params = '*'\n"
            "[model.o]\ncomparability = { dataset = {}, on_unknown = 'block', git_commit = 'same' }\n"
        )
        result = cli("policy", "check")
        assert result.code == 0
        for piece in (
            "x: combine says nothing",
            "y: it has a tolerance",
            "no replicates to pair",
            "z: max_rel_regression is a fraction, so that 5 allows 500 %",
            'for the same data; on_unknown = "block" blocks nothing',
            "model n: nuisance_params: with *",
            "v: nothing keeps it from getting worse: it has no tolerance and no upper_bound",
            "model o: dataset: neither an input_context nor a tag is named, so that nobody asks for the same data\n",
        ):
            assert piece in result.err
        assert " w: " not in result.err

    def test_every_setting_changes_what_is_said(self, cli, here):
        head = "schema = 1\n[model.m]\n"
        said = set()
        settings = (
            "", "baseline = 'previous'", "on_multiple_baselines = 'newest'", "first_promotion = 'allow'",
            "experiment = 'e'", "comparability.dataset = { tag = 't' }", "comparability.on_unknown = 'block'",
            "comparability.git_commit = 'same'", "replicates.nuisance_params = 'x'", "replicates.calibrate = false",
            "replicates.paired = true", "gate.alpha = 0.1", "gate.on_inconclusive = 'warn'",
        )  # fmt: skip
        for setting in settings:
            (here / "mlaudit.toml").write_text(f"{head}{setting}\n")
            result = cli("policy", "check")
            assert result.code == 0, result.err
            said.add(result.out.split("\n", 3)[3])
        assert len(said) == len(settings)


def test_without_a_command_it_says_what_there_is(cli):
    result = cli("policy")
    assert result.code == 2
    assert cli("policy", "--help").out.count("policy") > 1


def test_the_policy_may_be_named_before_or_after_what_to_do_with_it(cli, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("schema = 1\n")
    for words in (["--policy", str(file), "check"], ["check", "--policy", str(file)]):
        result = cli("policy", *words)
        assert (result.code, result.out.splitlines()[0]) == (0, f"{file} is valid")
