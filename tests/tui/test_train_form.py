"""The form in front of a training."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Static

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.training import TrainingScript
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.launcher import DescribeTraining, StartTraining
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.train_form import TrainFormScreen
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.parameter_field import Choices, OnOff, ParameterField
from mlaudit.tui.widgets.store_header import StoreHeader
from tests.plugins.screen_tools import see, text_of, told, until
from tests.tui.training_bench import TrainingBench, field, open_form, train


@pytest.fixture
def bench(tmp_path: Path, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingBench]:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    bench = TrainingBench(tmp_path, sample_gateway)
    yield bench
    bench.close()


class TestFields:
    """Every option, checked as it is typed."""

    @pytest.mark.parametrize(("size", "key"), [((80, 24), "down"), ((160, 45), "tab")])
    async def test_every_option_can_be_reached_and_says_what_it_is(
        self, bench: TrainingBench, size: tuple[int, int], key: str
    ) -> None:
        async with bench.app().run_test(size=size) as pilot:
            screen = await open_form(pilot)
            await see(pilot, "Fake [/red] training", "memory memory://", "a number from 1e-06 to 10", "[b]bold[/b]")
            names = []
            for _ in screen.query(ParameterField):
                await pilot.pause()
                owner = next(f for f in screen.query(ParameterField) if f.has_focus_within)
                names.append(owner.parameter.name)
                fields = screen.query_one("#fields").region
                await until(pilot, lambda field=owner, fields=fields: fields.contains_region(field.region))
                await pilot.press(key)
            assert names == ["mode", "learning-rate", "epochs", "experiment", "run-id", "gate"]
            assert screen.focused is screen.query_one("#start")

    async def test_each_type_has_its_control(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            kinds = {f.parameter.name: type(f.control) for f in screen.query(ParameterField)}
            assert kinds["mode"] is Choices
            assert kinds["gate"] is OnOff
            assert kinds["epochs"] is Field
            for name, keys in (("mode", ["enter", "down", "enter"]), ("gate", ["enter"])):
                field(screen, name).control.focus()
                await pilot.press(*keys)
            assert field(screen, "mode").value == "slow"
            assert field(screen, "gate").value == "true"

    async def test_an_error_stands_beside_its_field_until_it_is_put_right(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            epochs = field(screen, "epochs")
            epochs.control.focus()
            await pilot.press("end", *"q0j")
            assert epochs.value == "3q0j", "a text field owns the keys that print"
            note = epochs.query_one(".note", Static)
            assert str(note.render()) == "must be an integer from 1 to 1000"
            await see(pilot, "not right yet: epochs")
            await pilot.press("backspace", "backspace", "backspace")
            assert str(note.render()) == ""
            assert "not right" not in text_of(pilot)

    async def test_a_wrong_value_starts_nothing_and_gets_the_focus(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot, epochs="0", learning_rate="nan")
            await pilot.press("ctrl+s")
            await see(pilot, "--learning-rate must be a number from 1e-06 to 10.")
            assert screen.focused is field(screen, "learning-rate").control
            assert pilot.app.screen is screen
            assert not bench.started

    async def test_ctrl_r_puts_one_field_back_and_the_button_all(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot, epochs="5", gate="True", mode="slow", experiment="x")
            assert {f.value for f in screen.query(ParameterField)} == {"slow", "0.1", "5", "x", "", "true"}
            field(screen, "epochs").control.focus()
            await pilot.press("ctrl+r")
            assert field(screen, "epochs").value == "3"
            assert field(screen, "mode").value == "slow"
            screen.query_one("#reset-all", Button).press()
            await until(pilot, lambda: not any(f.changed for f in screen.query(ParameterField)))
            await see(pilot, "0 changed")

    async def test_values_that_the_script_cannot_take_are_named(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(120, 24)) as pilot:
            screen = await open_form(pilot, batch_size="1", mode="nonsense", epochs="7")
            await see(pilot, "Not passed on", "batch_size", "Not taken over", "mode 'nonsense'")
            assert field(screen, "mode").value == "quick"
            assert field(screen, "epochs").value == "7"

    async def test_what_was_typed_is_there_again_when_the_form_is_left(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            field(screen, "epochs").control.focus()
            await pilot.press("end", "3", "escape")
            await until(pilot, lambda: pilot.app.screen is not screen)
            again = await open_form(pilot)
            assert field(again, "epochs").value == "33"
            field(again, "epochs").control.focus()
            await pilot.press("end", "7")
            await pilot.click(StoreHeader, offset=(3, 0))
            await until(pilot, lambda: pilot.app.screen is not again)
            assert field(await open_form(pilot), "epochs").value == "337"


class TestStart:
    """Nothing starts without an answer."""

    async def test_the_dialog_shows_command_and_store_and_starts_on_cancel(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(100, 30)) as pilot:
            screen = await open_form(pilot, experiment="a b; $HOME", gate="true")
            await pilot.press("ctrl+s")
            await see(pilot, "'--experiment=a b; $HOME'", "--gate", "--epochs=3", "memory memory://")
            assert isinstance(pilot.app.screen, ConfirmDialog)
            await pilot.press("enter")
            await see(pilot, "Not started: cancelled.")
            assert pilot.app.screen is screen
            assert not bench.started
            assert pilot.app.trainings.all == []  # type: ignore[attr-defined]

    async def test_confirmed_it_starts_once_and_its_screen_takes_the_forms_place(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "slow", epochs="9")
            assert len(bench.started) == 1
            assert ("epochs", "9") in bench.started[0].values
            assert not any(isinstance(s, TrainFormScreen) for s in pilot.app.screen_stack)
            await see(pilot, f"process {screen.live.training.pid}")

    @pytest.mark.parametrize("error", [None, StoreUnavailable("memory://", "gone")])
    async def test_who_has_left_the_form_is_told_of_the_start(
        self, bench: TrainingBench, error: StoreUnavailable | None
    ) -> None:
        gate, asked = threading.Event(), threading.Event()

        def hold(request: Any) -> None:
            if isinstance(request, StartTraining):
                asked.set()
                gate.wait(10)
                if error is not None:
                    raise error

        bench.before = hold
        async with bench.app().run_test(size=(100, 30)) as pilot:
            form = await open_form(pilot, mode="slow")
            form.action_start()
            await see(pilot, "Start this training?")
            await pilot.press("right", "enter")
            await until(pilot, asked.is_set)
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is not form)
            there = pilot.app.screen
            gate.set()
            await until(
                pilot, lambda: ("t shows it" if error is None else "was not started: memory://: gone") in told(pilot)
            )
            assert pilot.app.screen is there

    async def test_a_store_that_is_gone_is_said_in_place(self, bench: TrainingBench) -> None:
        def gone(request: Any) -> None:
            if isinstance(request, StartTraining):
                raise StoreUnavailable("http://h", "refused")

        bench.before = gone
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            await pilot.press("ctrl+s")
            await see(pilot, "Start this training?")
            await pilot.press("right", "enter")
            await see(pilot, "Not started: http://h: refused.")
            assert pilot.app.screen is screen
            assert not screen.query_one("#start", Button).disabled


class TestScripts:
    """Scripts of the team's own, from its mlaudit.toml."""

    @pytest.fixture
    def two(self, bench: TrainingBench) -> TrainingBench:
        def declared(script: TrainingScript) -> tuple[TrainingScript, ...]:
            own = replace(script, source="/x/mlaudit.toml", directory=str(bench.scripts))
            large = replace(own, parameters=own.parameters[:3], environment=("AWS_*",), experiment="big [/x]")
            return (replace(own, key="small", name="Small"), replace(large, key="large", name="Large"))

        bench.more = declared
        return bench

    async def test_one_is_chosen_and_each_keeps_its_own_values(self, two: TrainingBench) -> None:
        async with two.app().run_test(size=(100, 30)) as pilot:
            screen = await open_form(pilot)
            await see(pilot, "small: Small", "/x/mlaudit.toml", "6 options, 0 changed")
            field(screen, "epochs").control.focus()
            await pilot.press("end", "7")
            screen.query_one("#script").focus()
            await pilot.press("enter", "down", "enter")
            await see(pilot, "large: Large", "3 options, 0 changed", "experiment big [/x]")
            await pilot.press("enter", "up", "enter")
            await see(pilot, "6 options, 1 changed")
            assert field(screen, "epochs").value == "37"

    async def test_the_question_says_who_wants_the_command_and_where_it_runs(self, two: TrainingBench) -> None:
        async with two.app().run_test(size=(160, 40)) as pilot:
            app = pilot.app
            app.trainings.script = "large"  # type: ignore[attr-defined]
            screen = await open_form(pilot)
            screen.action_start()
            await see(
                pilot, "script.py", "--mode=quick", "Declared in: /x/mlaudit.toml", "Variables it gets: AWS_*, and"
            )
            await pilot.press("right", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
            assert two.started[0].script == "large"
            assert two.started[0].directory == str(two.scripts)

    async def test_a_declaration_that_changes_after_the_question_starts_nothing(self, two: TrainingBench) -> None:
        async with two.app().run_test(size=(120, 40)) as pilot:
            screen = await open_form(pilot)
            screen.action_start()
            await see(pilot, "Start this training?")
            two.declare('"script.py"', '"other.py"')
            await pilot.press("right", "enter")
            await see(pilot, "Not started: /x/mlaudit.toml has changed since the question", "other.py")


class TestOff:
    """Where nothing can be started the form says so, and the key is not bound."""

    async def refused(self, pilot: Any, screen: TrainFormScreen) -> None:
        assert screen.query_one("#start", Button).disabled
        assert "ctrl+s" not in screen.active_bindings
        await pilot.press("ctrl+s")
        screen.action_start()
        await pilot.pause()
        assert pilot.app.screen is screen

    async def test_a_missing_package(self, bench: TrainingBench) -> None:
        bench.declare('["json"]', '["no_such_torch"]')
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            await see(
                pilot, "Training is off: the training script needs the package no_such_torch:", "'mlaudit[train]'"
            )
            await self.refused(pilot, screen)

    async def test_read_only(self, bench: TrainingBench) -> None:
        async with bench.app(read_only=True).run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            await see(pilot, "Training is off: mlaudit was started with --read-only.", "READ-ONLY")
            await self.refused(pilot, screen)
            assert "t" not in screen.active_bindings

    async def test_a_store_that_must_not_be_written_to(self, bench: TrainingBench) -> None:
        bench.forbid_writing()
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await open_form(pilot)
            await see(pilot, "this store must not be written to; an older schema")
            await self.refused(pilot, screen)

    async def test_a_broken_declaration_and_f5(self, bench: TrainingBench) -> None:
        bench.declare("[train]", "[train")
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = TrainFormScreen()
            await pilot.app.push_screen(screen)
            await see(pilot, "this is not TOML", "f5")
            bench.declare("", "")
            await pilot.press("f5")
            await until(pilot, lambda: len(screen.query(ParameterField)) == 6)
            assert "TOML" not in text_of(pilot)


async def test_t_opens_the_form(bench: TrainingBench) -> None:
    asked: list[Any] = []
    bench.before = asked.append
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainFormScreen))
        await until(pilot, lambda: any(isinstance(r, DescribeTraining) for r in asked))
        assert not isinstance(pilot.app.screen, TrainingScreen)


async def test_the_button_goes_back_to_the_training_that_lies_below(bench: TrainingBench) -> None:
    """And the app goes on."""
    async with bench.app().run_test(size=(100, 30)) as pilot:
        training = await train(pilot, "slow")
        form = await open_form(pilot)
        await until(pilot, lambda: form.query_one("#there").display)
        form.query_one("#there-button", Button).press()
        await until(pilot, lambda: pilot.app.screen is training and not form.is_attached)


async def test_a_field_that_is_taken_away_at_once_is_no_error(bench: TrainingBench) -> None:
    """As where a form is filled anew before it was on screen."""
    (script,) = bench.declared()
    async with bench.app().run_test(size=(80, 24)) as pilot:
        form = await open_form(pilot)
        for parameter in script.parameters:
            mounted = ParameterField(parameter, "x")
            form.query_one("#fields").mount(mounted)
            mounted.remove()
        await until(pilot, lambda: len(form.query(ParameterField)) == len(script.parameters))
