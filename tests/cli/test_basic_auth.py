"""On a server with basic auth: who acts is what the server says, and what may not be done is not half done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.stage import Playground, furnish
from tests.plugins.servers import GuardedServer

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
MAY_EDIT, MAY_READ, PASSWORD = "ada", "grace", "a-canary-of-a-password"
EXPERIMENT = "race"


@pytest.fixture(scope="module")
def ground(basic_auth_server: GuardedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """The store in the administrator's eyes, and two users beside it."""
    from mlflow.server import get_app_client

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", basic_auth_server.admin)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", basic_auth_server.password)
        ground = furnish("server", basic_auth_server.uri, tmp_path_factory.mktemp("unused"), 2)
        users = get_app_client("basic-auth", tracking_uri=ground.uri)
        for name in (MAY_EDIT, MAY_READ):
            users.create_user(name, PASSWORD)
        experiment = ground.client.get_experiment_by_name(EXPERIMENT).experiment_id
        users.grant_user_permission(MAY_EDIT, "experiment", experiment, "EDIT")
        for model in ("by-edit", "by-read", "by-nobody"):
            ground.new_model(model, 2)
        users.grant_user_permission(MAY_EDIT, "registered_model", "by-edit", "EDIT")
        yield ground


def mlaudit(
    ground: Playground, folder: Path, *arguments: str, user: str | None, password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    """``python -m mlaudit`` as somebody; None: without a name and a password."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "COVERAGE"))}
    environ |= {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": ground.uri, "MLAUDIT_STATE_DIR": str(folder / "state")}
    if user is not None:
        environ |= {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password}
    return subprocess.run(
        [sys.executable, "-m", "mlaudit", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def test_the_record_says_whom_the_server_knows(ground: Playground, tmp_path: Path) -> None:
    done = mlaudit(ground, tmp_path, "promote", "models:/by-edit/2", "--yes", "--reason", "better", user=MAY_EDIT)
    assert done.returncode == 0, done.stderr
    assert ground.production("by-edit") == ["2"]
    record = ground.history("by-edit").records[0]
    assert (record.actor, record.known_by) == (MAY_EDIT, "authenticated")
    told = mlaudit(ground, tmp_path, "history", "by-edit", "--verify", user=MAY_READ)
    assert told.returncode == 0, told.stdout + told.stderr
    assert MAY_EDIT in told.stdout
    assert "authenticated" in told.stdout


def test_who_may_only_read_looks_and_moves_nothing(ground: Playground, tmp_path: Path) -> None:
    judged = mlaudit(ground, tmp_path, "diff", ground.runs[1], "--model", "by-read", "--format", "json", user=MAY_READ)
    assert json.loads(judged.stdout)["verdict"] == "PASS", judged.stderr
    refused = mlaudit(ground, tmp_path, "promote", "models:/by-read/2", "--yes", user=MAY_READ)
    assert refused.returncode == 5
    *plan, why = refused.stderr.strip().splitlines()
    assert why.endswith("the server does not let this user do that: registered-models set-tag (permission denied)")
    assert "verdict  PASS (not_worse)" in plan
    assert ground.production("by-read") == ["1"]
    assert ground.intents("by-read") == []
    assert ground.history("by-read").records == ()


@pytest.mark.parametrize(("user", "password"), [(MAY_EDIT, "not-the-password-at-all"), (None, "")])
def test_who_is_not_let_in_is_told_what_to_set(
    ground: Playground, tmp_path: Path, user: str | None, password: str
) -> None:
    for arguments in (["experiments"], ["promote", "models:/by-nobody/2", "--yes"]):
        refused = mlaudit(ground, tmp_path, *arguments, user=user, password=password)
        assert refused.returncode == 5
        assert "MLFLOW_TRACKING_USERNAME" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        assert not password or password not in refused.stdout + refused.stderr
    assert ground.production("by-nobody") == ["1"]


def test_a_password_in_the_address_is_used_and_never_shown(ground: Playground, tmp_path: Path) -> None:
    address = ground.uri.replace("://", f"://{MAY_EDIT}:{PASSWORD}@")
    for arguments in (["experiments"], ["promote", "models:/by-edit/1", "--to", "alias:shadow", "--yes"]):
        done = mlaudit(ground, tmp_path, "--tracking-uri", address, *arguments, user=None)
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    newest = ground.history("by-edit").records[0]
    assert (newest.actor, newest.known_by) == (MAY_EDIT, "authenticated")
    tags = [
        ground.client.get_registered_model("by-edit").tags,
        *(v.tags for v in ground.client.search_model_versions()),
    ]
    assert PASSWORD not in str(tags)
