"""models, history, rollback, recover and promote on the command line, on the sample store."""

from __future__ import annotations

import errno
import io
import json
import os
import sys

import pytest
from sample_store import MODEL, SAMPLE, SECOND_MODEL

from mlaudit.cli import output
from mlaudit.domain.models import Stage
from tests.plugins.fake_world import fake_surroundings


@pytest.fixture
def program(cli, monkeypatch):
    """The command line in a world without waiting."""
    monkeypatch.setattr("mlaudit.wiring.Surroundings.real", fake_surroundings)
    return cli


@pytest.fixture
def promoted(program):
    """With two promotions and a rollback."""
    assert program("promote", SAMPLE["noise"], "--yes", "--reason", "first").code == 0
    assert program("promote", SAMPLE["better"], "--yes", "--reason", "wider").code == 0
    assert program("rollback", MODEL, "--yes", "--reason", "fraud went up").code == 0
    return program


def stages(program):
    return {v.version: str(v.stage) for v in program.store.list_model_versions(MODEL)}


class TestModels:
    def test_the_table(self, promoted):
        result = promoted("models")
        assert result.code == 0
        lines = result.out.splitlines()
        assert lines[0].split() == ["MODEL", "VERSION", "STAGE", "ALIASES", "RUN", "AGE", "WHO", "WHY", "PROBLEMS"]
        assert [line.split()[:3] for line in lines[1:]] == [
            [SECOND_MODEL, "1", "None"],
            [MODEL, "4", "Production"],
            [MODEL, "3", "Staging"],
            [MODEL, "5", "Archived"],
            [MODEL, "2", "Archived"],
            [MODEL, "1", "Archived"],
        ]
        assert "ada, not judged  fraud went up" in lines[2]

    def test_json_and_one_model(self, promoted):
        (model,) = json.loads(promoted("models", MODEL, "--format", "json").out)
        assert (model["model"], model["aliases"]) == (MODEL, {"challenger": "3", "champion": "2"})
        first = model["versions"][0]
        assert (first["version"], first["record"]["why"], first["artifacts"]) == ("5", "wider", None)

    def test_warnings_and_problems(self, program):
        program.store.add_version(MODEL, "f" * 32, stage=Stage.PRODUCTION)
        result = program("models", MODEL)
        assert "2 versions are in Production: 4, 2" in result.err
        assert "run gone, artifacts gone" in result.out

    def test_none_and_unknown(self, program):
        result = program("models", "nobody")
        assert (result.code, result.out) == (2, "")
        program.store._models.clear()
        result = program("models")
        assert (result.code, result.out) == (0, "")
        assert "no model is registered" in result.err


class TestHistory:
    def test_the_table(self, promoted):
        result = promoted("history", MODEL, "--verify")
        assert result.code == 0
        assert "3 records; the chain is whole" in result.err
        rows = [line for line in result.out.splitlines() if "OUT OF BAND" not in line]
        assert "version 4 to Production, was 2" in rows[1]
        assert "version 5 to Production, was 4" in rows[2]
        assert "version 4 back to Production, was 5" in rows[3]
        assert "ada (claimed)" in rows[3]

    def test_json(self, promoted):
        told = json.loads(promoted("history", MODEL, "--format", "json").out)
        records = [e for e in told["entries"] if e["seq"]]
        assert [e["event"] for e in records] == ["promotion", "promotion", "rollback"]
        assert told["head"]["sha256"] == records[-1]["sha256"]
        assert (told["problems"], told["moved_since"], told["unfinished"]) == ([], [], [])

    def test_a_tampered_record_is_reported(self, promoted):
        artifacts = promoted.store._runs[SAMPLE["better"]].artifacts
        path = next(p for p in artifacts if p.startswith("mlaudit/"))
        artifacts[path] = artifacts[path].replace(b"wider", b"wiser")
        result = promoted("history", MODEL, "--verify")
        assert result.code == 1
        assert "broken: record 2" in result.err
        assert "BROKEN" in result.out
        assert promoted("history", MODEL).code == 0

    def test_a_move_behind_its_back_is_reported(self, promoted):
        promoted.store.transition(MODEL, "1", Stage.PRODUCTION, archive_existing=True)
        result = promoted("history", MODEL, "--verify")
        assert result.code == 1
        assert "out of band since the last record: version 1 went from Archived to Production" in result.err
        assert "OUT OF BAND" in result.out.splitlines()[-1]

    def test_an_anchor_is_written_checked_and_renewed(self, promoted, tmp_path):
        file = tmp_path / "anchor.json"
        assert promoted("history", MODEL, "--anchor", str(file)).code == 0
        first = json.loads(file.read_text())
        assert (first["model"], first["seq"]) == (MODEL, 3)
        promoted("promote", f"models:/{MODEL}/5", "--yes")
        assert promoted("history", MODEL, "--verify", "--anchor", str(file)).code == 0
        assert json.loads(file.read_text())["seq"] == 4

    def test_an_anchor_that_the_history_contradicts_stays(self, promoted, tmp_path):
        file = tmp_path / "anchor.json"
        promoted("history", MODEL, "--anchor", str(file))
        changed = file.read_text().replace(json.loads(file.read_text())["sha256"], "0" * 64)
        file.write_text(changed)
        result = promoted("history", MODEL, "--anchor", str(file))
        assert result.code == 1
        assert "which this history has not" in result.err
        assert file.read_text() == changed

    @pytest.mark.parametrize("content", ["", "{}", "my notes"])
    def test_another_file_is_not_overwritten(self, promoted, tmp_path, content):
        file = tmp_path / "notes.txt"
        file.write_text(content)
        result = promoted("history", MODEL, "--anchor", str(file))
        assert (result.code, file.read_text()) == (2, content)

    def test_no_records(self, program, promoted, tmp_path):
        result = program("history", SECOND_MODEL, "--verify")
        assert (result.code, result.out) == (0, "")
        assert "has no record" in result.err
        assert program("history", SECOND_MODEL, "--anchor", str(tmp_path / "a")).code == 2
        nowhere = str(tmp_path / "missing" / "a")
        found = promoted("history", MODEL, "--anchor", nowhere)
        assert (found.code, found.err.splitlines()[-1]) == (
            2,
            f"mlaudit: error: cannot write the anchor to {nowhere}: {os.strerror(errno.ENOENT)}",
        )
        assert program("history", "nobody").code == 2


class TestRollback:
    def test_it_needs_a_reason_and_consent(self, promoted):
        before = list(promoted.store.writes)
        assert promoted("rollback", MODEL, "--yes").code == 2
        result = promoted("rollback", MODEL, "--reason", "x")
        assert result.code == 2
        assert "nobody is there to ask" in result.err
        assert promoted("--read-only", "rollback", MODEL, "--reason", "x", "--yes").code == 2
        assert promoted.store.writes == before

    def test_the_plan_and_its_id(self, promoted):
        result = promoted("rollback", MODEL, "--dry-run")
        assert result.code == 0
        assert "to       Production: version 2, now in Archived" in result.out
        plan_id = next(line.split()[1] for line in result.out.splitlines() if line.startswith("plan "))
        promoted.store.set_alias(MODEL, "champion", "1")
        assert promoted("rollback", MODEL, "--reason", "x", "--yes", "--plan", plan_id).code == 5
        assert promoted("rollback", MODEL, "--reason", "x", "--yes", "--expect-current", "5").code == 5
        assert promoted("rollback", MODEL, "--reason", "x", "--yes", "--expect-current", "4").code == 0
        assert stages(promoted)["2"] == "Production"

    def test_nothing_to_go_back_to(self, program):
        result = program("rollback", MODEL, "--reason", "x", "--yes")
        assert (result.code, result.out) == (2, "")
        assert "has no record of its promotion" in result.err


class TestRecover:
    def unfinished(self, program, at="set_version_tag"):
        from mlaudit.domain.errors import StoreUnavailable

        program.store.fail = lambda m: StoreUnavailable("memory://", "down") if m == at else None
        result = program("promote", SAMPLE["better"], "--yes")
        program.store.fail = lambda _m: None
        assert result.code == 5
        assert "mlaudit recover" in result.err

    def test_nothing_to_do(self, program):
        result = program("recover", MODEL)
        assert (result.code, result.out) == (0, f"{MODEL}: nothing to recover\n")
        assert program.store.writes == []

    def test_forward(self, program):
        self.unfinished(program)
        assert "unfinished, or under way" in program("models").err
        assert "mlaudit recover ends what was cut off" in program("history", MODEL).err
        result = program("recover", MODEL)
        assert result.code == 0
        assert "to do       roll forward" in result.err
        assert "put its record in place" in result.out
        assert program("history", MODEL, "--verify").code == 0

    def test_back(self, program):
        self.unfinished(program, "transition")
        result = program("recover", MODEL)
        assert result.code == 0
        assert "deleted the intent" in result.out
        assert stages(program)["2"] == "Production"

    @pytest.mark.parametrize(("typed", "code"), [(None, 2), ("n\n", 2), ("y\n", 0)])
    def test_unclear_is_asked(self, program, monkeypatch, typed, code):
        self.unfinished(program)
        program.store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        monkeypatch.setattr(output, "can_ask", lambda: typed is not None)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed or ""))
        before = stages(program)
        result = program("recover", MODEL)
        assert (result.code, stages(program)) == (code, before)
        assert "in Production: 5, 4" in result.err
        assert bool(result.out) is (code == 0)

    def test_unclear_by_yes(self, program):
        self.unfinished(program)
        program.store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        assert program("recover", MODEL, "--yes").code == 0
        assert program("recover", MODEL).out == f"{MODEL}: nothing to recover\n"


class TestPromote:
    def test_plan_then_execute_by_its_id(self, program):
        planned = program("promote", SAMPLE["better"], "--dry-run")
        assert (planned.code, program.store.writes) == (0, [])
        plan_id = next(line.split()[1] for line in planned.out.splitlines() if line.startswith("plan "))
        assert program("promote", SAMPLE["better"], "--yes", "--plan", plan_id).code == 0
        assert program("promote", SAMPLE["noise"], "--yes", "--plan", plan_id).code == 5

    def test_a_dry_run_needs_no_right_to_write(self, program):
        assert program("--read-only", "promote", SAMPLE["better"], "--dry-run").code == 0

    def test_a_version_to_an_alias(self, program):
        result = program("promote", f"models:/{MODEL}/3", "--to", "alias:champion", "--yes")
        assert result.code == 0
        assert f"{MODEL} alias champion is at version 3" in result.out

    def test_expect_current_has_no_meaning_for_a_move(self, program):
        result = program("promote", SAMPLE["better"], "--to", "Staging", "--expect-current", "2", "--yes")
        assert (result.code, program.store.writes) == (2, [])
