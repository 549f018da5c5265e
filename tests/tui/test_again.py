"""Training again: from the launches that are remembered, and as a run was, with changes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.config.launch_memory import Launch, LaunchMemory
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.launcher import LAUNCH_TAG
from mlaudit.tui import prefill, trainings
from mlaudit.tui.prefill import Prefill, fill
from mlaudit.tui.screens.launches import LaunchesScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.train_form import TrainFormScreen
from mlaudit.tui.widgets.parameter_field import ParameterField
from tests.plugins.screen_tools import see, text_of, until
from tests.tui.training_bench import TrainingBench, ended, field, open_form, train


@pytest.fixture
def bench(tmp_path: Path, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingBench]:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(trainings, "POLL_SECONDS", 0.05)
    bench = TrainingBench(tmp_path, sample_gateway)
    yield bench
    bench.close()


def test_both_know_the_same_tag() -> None:
    assert prefill.LAUNCH_TAG == LAUNCH_TAG


async def form_of(pilot: Pilot[Any]) -> TrainFormScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainFormScreen))
    screen = pilot.app.screen
    assert isinstance(screen, TrainFormScreen)
    await until(pilot, lambda: len(screen.query(ParameterField)) == 6)
    return screen


class TestLaunches:
    """What was launched on this store."""

    async def test_one_is_chosen_and_launched_again(self, bench: TrainingBench) -> None:
        run = bench.add_run("FINISHED")
        async with bench.app().run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "quick", epochs="7", run_id=run)
            await ended(pilot, screen.live)
            form = await open_form(pilot)
            field(form, "epochs").reset()
            await pilot.press("ctrl+o")
            await see(pilot, "FINISHED", run[:8], f"epochs=7, run-id={run}", "enter puts these into the form")
            await pilot.press("enter")
            form = await form_of(pilot)
            await see(pilot, "As the launch of 20")
            assert field(form, "epochs").value == "7"
            await pilot.press("ctrl+s")
            await see(pilot, "Start this training?", "--epochs=7")
            await pilot.press("right", "enter")
            await until(pilot, lambda: len(bench.started) == 2)
            assert bench.started[0].values == bench.started[1].values

    async def test_one_can_be_taken_out(self, bench: TrainingBench) -> None:
        memory = LaunchMemory("memory://")
        for name in ("a", "b"):
            memory.remember(Launch(name, 0.0, "gone [/x]", (("epochs", name),)))
        async with bench.app().run_test(size=(80, 24)) as pilot:
            await see(pilot, "fraud-detector")
            await open_form(pilot)
            await pilot.press("ctrl+o")
            await see(pilot, "epochs=b", "epochs=a", "There is no script 'gone [/x]' any more.")
            await pilot.press("x")
            await until(pilot, lambda: "epochs=b" not in text_of(pilot))
            assert [each.launch_id for each in LaunchMemory("memory://").launches] == ["a"]
            await pilot.press("x")
            await see(pilot, "Nothing was launched from here on this store so far.")
            await pilot.press("enter", "x", "escape")
            await form_of(pilot)

    async def test_a_broken_file_is_named(self, bench: TrainingBench, tmp_path: Path) -> None:
        LaunchMemory("memory://").remember(Launch("a", 0.0, "x", ()))
        (path,) = (tmp_path / "state" / "launches").iterdir()
        path.write_text("{")
        async with bench.app().run_test(size=(160, 40)) as pilot:
            await see(pilot, "fraud-detector")
            await open_form(pilot)
            await pilot.press("ctrl+o")
            await until(pilot, lambda: isinstance(pilot.app.screen, LaunchesScreen))
            await see(pilot, "the launches kept in", path.name[:10], "they are passed over")


class TestARunAgain:
    """``e`` wherever a run is at hand."""

    async def test_its_params_are_in_the_form_and_what_is_not_passed_on_is_said(self, bench: TrainingBench) -> None:
        run = bench.add_run(
            "FINISHED",
            name="mlp [/x]",
            params={"learning_rate": "0.5", "epochs": "9", "layers": "3", "mode": "other", "gate": "True"},
        )
        async with bench.app().run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            await pilot.app.push_screen(RunScreen(run))
            await see(pilot, "mlp [/x]")
            await pilot.press("e")
            form = await form_of(pilot)
            await see(
                pilot,
                f"As run mlp [/x] ({run[:8]}) had it.",
                "Not passed on, since the script has no such option: layers.",
                "Not taken over, since the script does not allow it: mode 'other'.",
                "Not known from there, so at their defaults: experiment, run-id.",
            )
            values = {f.parameter.name: f.value for f in form.query(ParameterField)}
            assert values["learning-rate"] == "0.5"
            assert (values["epochs"], values["gate"], values["mode"]) == ("9", "true", "quick")

    def test_an_option_whose_name_ends_anothers_is_missed_all_the_same(self, bench: TrainingBench) -> None:
        (script,) = bench.declared()
        mode = next(p for p in script.parameters if p.name == "mode")
        epochs = next(p for p in script.parameters if p.name == "epochs")
        script = replace(script, parameters=(replace(mode, name="max-epochs"), epochs))
        filled = fill(script, Prefill({"max-epochs": "zzz"}, origin="run x"))
        assert filled.remarks == (
            "Not taken over, since the script does not allow it: max-epochs 'zzz'.",
            "Not known from there, so at their defaults: epochs.",
        )

    async def test_what_it_did_not_record_is_known_from_its_launch(self, bench: TrainingBench) -> None:
        LaunchMemory("memory://").remember(Launch("l1", 0.0, "bundled", (("experiment", "mine"), ("epochs", "4"))))
        run = bench.add_run("FINISHED", params={"epochs": "5"}, tags={LAUNCH_TAG: "l1"})
        async with bench.app().run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            screen = RunScreen(run)
            await pilot.app.push_screen(screen)
            # The breadcrumb has the id before the run is read, and the key comes with the run.
            await until(pilot, lambda: screen.run)
            await pilot.press("e")
            form = await form_of(pilot)
            await until(pilot, lambda: field(form, "experiment").value == "mine")
            assert field(form, "epochs").value == "5"

    async def test_from_the_runs_it_is_the_one_under_the_cursor(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            assert "e" not in pilot.app.screen.active_bindings
            await pilot.press("a")
            await until(pilot, lambda: pilot.app.screen.run_at_hand is not None)  # type: ignore[attr-defined]
            run = pilot.app.screen.run_at_hand  # type: ignore[attr-defined]
            await pilot.press("e")
            await form_of(pilot)
            await see(pilot, f"As run {run.name} ({run.run_id[:8]}) had it.")

    async def test_it_is_not_bound_where_nothing_may_be_written(self, bench: TrainingBench) -> None:
        async with bench.app(read_only=True).run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            await pilot.press("a")
            await until(pilot, lambda: pilot.app.screen.run_at_hand is not None)  # type: ignore[attr-defined]
            assert "e" not in pilot.app.screen.active_bindings
