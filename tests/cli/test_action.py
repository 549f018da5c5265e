"""action.yml: the composite action's own script, run as GitHub runs it, with the real program on the sample store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sample_store import MODEL, SAMPLE

from mlaudit.reports.markdown import MARK

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / "demo" / "ci" / "github-actions.yml").read_text(encoding="utf-8"))
STEPS = {step.get("id", step["name"]): step for step in ACTION["runs"]["steps"]}
PROGRAM = """#!{python}
import sys
from mlaudit.cli.main import main
from mlaudit.wiring import Services
from tests.plugins.sample_store import build_sample_gateway
sys.exit(main(None, lambda settings: Services(settings, open_gateway=build_sample_gateway)))
"""


@pytest.fixture
def judge(tmp_path):
    """judge(inputs) -> (exit code, outputs, the process)."""
    program = tmp_path / "mlaudit"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)

    def run(**inputs):
        given = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
        given |= {k.replace("_", "-"): v for k, v in inputs.items()}
        variables = {}
        for key, value in STEPS["judge"]["env"].items():
            name = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
            variables[key] = given[name[1]] if name else str(program)
        output = tmp_path / "output"
        output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["judge"]["run"]],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "GITHUB_OUTPUT": str(output),
                              "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")} | variables,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, dict(line.split("=", 1) for line in output.read_text().splitlines()), done

    return run


@pytest.mark.parametrize(("name", "code", "verdict"), [("better", 0, "PASS"), ("worse", 1, "REGRESSION")])
def test_the_step_ends_with_the_verdict_and_tells_it(judge, tmp_path, name, code, verdict):
    ended, outputs, done = judge(run_id=SAMPLE[name], model=MODEL, against="stage:Production", tracking_uri="http://x")
    assert ended == code, done.stderr
    assert outputs == {"verdict": verdict, "exit-code": str(code), "report": "mlaudit-reports/verdict.md"}
    assert json.loads((tmp_path / "mlaudit-reports" / "verdict.json").read_text())["verdict"] == verdict
    assert verdict in (tmp_path / "summary.md").read_text()
    assert f"VERDICT: {verdict}" in done.stdout


def test_exit_zero_is_for_verdicts_only(judge):
    assert judge(run_id=SAMPLE["worse"], exit_zero="true")[:2] == (
        0, {"verdict": "REGRESSION", "exit-code": "1", "report": "mlaudit-reports/verdict.md"},
    )  # fmt: skip
    code, outputs, _ = judge(run_id="f" * 32, exit_zero="true")
    assert (code, outputs["verdict"], outputs["exit-code"]) == (2, "ERROR", "2")


def test_inputs_are_no_commands(judge, tmp_path):
    code, outputs, _ = judge(run_id="$(touch pwned); `touch pwned`", model='"; touch pwned; "')
    assert (code, outputs["verdict"]) == (2, "ERROR")
    assert not (tmp_path / "pwned").exists()


def test_no_expression_stands_in_a_script():
    """${{ ... }} is pasted into a script as text: only variables may carry what others wrote."""
    steps = [*ACTION["runs"]["steps"], *(step for job in WORKFLOW["jobs"].values() for step in job["steps"])]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_every_input_and_output_is_used_and_described():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, spec in ACTION["inputs"].items():
        assert f"${{{{ inputs.{name} }}}}" in text
        assert spec["description"]
    for name, spec in ACTION["outputs"].items():
        assert spec["value"] == f"${{{{ steps.judge.outputs.{name} }}}}"
        assert f"{name}=" in STEPS["judge"]["run"]


def test_the_workflow_runs_what_is_there():
    runs = [step["run"] for step in WORKFLOW["jobs"]["gate"]["steps"] if "run" in step]
    assert any("demo/ci/run.sh" in run for run in runs)
    assert os.access(ROOT / "demo" / "ci" / "run.sh", os.X_OK)
    assert "constraints.txt" in runs[0]


@pytest.mark.parametrize(("extras", "asked"), [("", "/src"), ("postgres,s3", "/src[postgres,s3]")])
def test_extras_are_installed_with_it(tmp_path, extras, asked):
    """Python is stood in for; its pip notes what it is to install."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nmkdir -p "$3/bin"\nprintf \'#!/bin/sh\\necho "$@" >asked\\n\' >"$3/bin/pip"\n'
                      'chmod +x "$3/bin/pip"\n')  # fmt: skip
    python.chmod(0o755)
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["Install mlaudit"]["run"]],
        cwd=tmp_path, check=True, timeout=60,
        env=os.environ | {"PYTHON": str(python), "PLACE": str(tmp_path / "place"), "SOURCE": "/src", "EXTRAS": extras},
    )  # fmt: skip
    assert (tmp_path / "asked").read_text().split()[-1] == asked


@pytest.mark.parametrize("found", ["", "77\n99\n"])
def test_the_workflow_edits_the_comment_that_bears_the_mark_and_no_other(tmp_path, found):
    """gh is stood in for: it notes what it is asked, and finds these comments."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "verdict.md").write_text(f"{MARK}\n### PASS\n")
    (tmp_path / "found").write_text(found)
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$@" >>asked\nif [ "$2" = --paginate ]; then cat found; fi\n')
    gh.chmod(0o755)
    step = next(s for s in WORKFLOW["jobs"]["gate"]["steps"] if s.get("name", "").startswith("Comment"))
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", step["run"]],
        cwd=tmp_path, check=True, timeout=60,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NUMBER": "5", "GITHUB_REPOSITORY": "o/r"},
    )  # fmt: skip
    search, write = (tmp_path / "asked").read_text().splitlines()
    assert "repos/o/r/issues/5/comments" in search
    assert f'startswith("{MARK}")' in search
    if found:
        assert write == "api --silent --method PATCH repos/o/r/issues/comments/77 --field body=@reports/verdict.md"
    else:
        assert write == "pr comment 5 --body-file reports/verdict.md"
