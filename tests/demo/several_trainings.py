"""Calls train.py again and again in one process, which imports PyTorch and MLflow once, and notes how each call ended.

    python several_trainings.py SCRIPT_DIR PLAN.json RESULT.json

PLAN is a list of steps: {"train": [arguments]}, {"stage": [version, stage]}, {"touch": file} (adds a line to a file).
RESULT is a list as long: {"code", "out", "err"} of each training, null for the other steps.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path


def step(wanted: dict, script: Path) -> dict | None:
    if "touch" in wanted:
        with Path(wanted["touch"]).open("a") as file:
            file.write("\n# changed\n")
        return None
    if "stage" in wanted:
        from mlflow import MlflowClient

        version, stage = wanted["stage"]
        MlflowClient().transition_model_version_stage("fraud-detector", version, stage)
        return None
    import train

    sys.argv = [str(script), *wanted["train"]]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = train.main(wanted["train"])
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def main() -> None:
    directory, plan, result = sys.argv[1:]
    sys.path.insert(0, directory)
    os.environ["MLFLOW_RUN_CONTEXT"] = '{"mlaudit.launch_id": "launch-7"}'
    script = Path(directory) / "train.py"
    answers = [step(wanted, script) for wanted in json.loads(Path(plan).read_text())]
    Path(result).write_text(json.dumps(answers))


main()
