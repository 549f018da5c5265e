"""The list of registered models, the board of one, and every change from it, on the sample store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, DataTable, Input, OptionList

from mlaudit.config.settings import Settings
from mlaudit.domain.errors import MlauditError, StoreUnavailable
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.promote import ExecutePromotion
from mlaudit.services.requests import Request
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.screens.alias import AliasDialog
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.history import HistoryScreen
from mlaudit.tui.screens.model import ModelScreen
from mlaudit.tui.screens.models import ModelsScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.version_board import VersionBoard
from mlaudit.wiring import Services
from mlaudit.worker.backend import ThreadBackend
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import HOSTILE_NAME, MARKUP_NAME, MODEL, SAMPLE, SECOND_MODEL
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until

WIDE, NARROW = (160, 45), (80, 24)
WRITE_KEYS = ("p", "S", "A", "a", "R", "u")


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy is searched for upwards from the working directory."""
    monkeypatch.chdir(tmp_path)


def stages(gateway: MemoryGateway, model: str = MODEL) -> dict[str, str]:
    return {v.version: str(v.stage) for v in gateway.list_model_versions(model)}


def aliases(gateway: MemoryGateway, model: str = MODEL) -> dict[str, str]:
    return {a: v.version for v in gateway.list_model_versions(model) for a in v.aliases}


async def show(
    pilot: Pilot[Any], model: str = MODEL, version: str | None = None, *, on: str | None = None
) -> ModelScreen:
    """Push a model's screen and wait for its board, the cursor on ``version``."""
    screen = ModelScreen(model, version)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.state is not None)
    if version is not None:
        await until(pilot, lambda: screen.current is not None and screen.current.version.version == version)
    await pilot.pause()
    return screen


async def press_for_dialog(pilot: Pilot[Any], key: str) -> ConfirmDialog:
    """Press a key and wait for the dialog, which starts on Cancel."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
    await pilot.pause()
    asked = pilot.app.screen
    assert isinstance(asked, ConfirmDialog)
    assert asked.focused is asked.query_one("#cancel", Button)
    return asked


async def confirm(pilot: Pilot[Any], asked: ConfirmDialog, *, typed: str = "", reason: str = "") -> None:
    """Fill in what is asked for and press the other button."""
    if typed:
        asked.query_one("#typed", Input).value = typed
    if reason:
        asked.query_one("#reason", Input).value = reason
    button = asked.query_one("#confirm", Button)
    await until(pilot, lambda: not button.disabled)
    button.focus()
    await pilot.press("enter")


class TestList:
    """All registered models."""

    async def test_m_lists_what_stands_where_and_enter_opens_one(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            await see(pilot, "fraud-detector")
            await pilot.press("m")
            await until(pilot, lambda: isinstance(app.screen, ModelsScreen))
            await see(pilot, "2 registered models", SECOND_MODEL, "@chall", "2026-01-01")
            await pilot.press("m", "j", "enter")
            await until(pilot, lambda: isinstance(app.screen, ModelScreen))
            await see(pilot, "v2 @champion")
            assert len([s for s in app.screen_stack if isinstance(s, ModelsScreen)]) == 1

    async def test_an_empty_registry_says_how_one_begins(self) -> None:
        app = app_on(MemoryGateway())
        async with app.run_test(size=NARROW) as pilot:
            await see(pilot, "no experiments")
            await pilot.press("m")
            await see(pilot, "No model is registered in this store")
            await pilot.press("enter", "H", "y", "G")
            assert isinstance(app.screen, ModelsScreen)

    async def test_two_in_production_stand_out(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            await app.push_screen(ModelsScreen())
            await see(pilot, "4, 2", "! fraud-detector: 2 versions are in Production: 4, 2")

    async def test_a_dead_store_keeps_the_rows_and_says_so(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            await app.push_screen(ModelsScreen())
            await see(pilot, "2 registered models")
            sample_gateway.fail = lambda _method: StoreUnavailable("memory://", "gone")
            await pilot.press("r")
            await see(pilot, "memory://: gone. What is shown is from before.", SECOND_MODEL, "STALE")
            sample_gateway.fail = lambda _method: None
            await pilot.press("r")
            await see(pilot, "2 registered models")

    async def test_hostile_model_names_are_literal(self, sample_gateway: MemoryGateway) -> None:
        for name in ("[/x]", "[@click=app.quit]x[/]", HOSTILE_NAME):
            sample_gateway.add_version(name, SAMPLE["markup"], aliases=("champion",))
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await app.push_screen(ModelsScreen())
            await see(pilot, "[/x]", "[@click=app.quit]x[/]", "␛[2J evil")
            assert "\x1b" not in text_of(pilot)
            rows = [m.model.raw_name for m in app.screen.models.models]  # type: ignore[attr-defined]
            app.screen.query_one(DataTable).move_cursor(row=rows.index(HOSTILE_NAME))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ModelScreen) and app.screen.state is not None)
            await see(pilot, "v1 @champion", MARKUP_NAME)
            await pilot.press("H")
            await see(pilot, "history of ␛[2J evil", "OUT OF BAND")


class TestBoard:
    """The versions of one model by stage."""

    async def test_four_columns_where_there_is_room(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot)
            await see(pilot, "None (in no stage) · 0", "Staging · 1", "Production · 1", "Archived · 1")
            lines = text_of(pilot).splitlines()
            (heads,) = (line for line in lines if "v2" in line and "v3" in line)
            assert heads.index("v3") < heads.index("v2") < heads.index("v1")
            await see(pilot, "v2 @champion", "mlp-base", SAMPLE["production"][:8], "val_loss ↓", "0.254", "old")
            assert screen.current is not None
            assert screen.current.version.version == "2", "what serves is where one begins"
            await see(pilot, "version 2 in Production, @champion", "built-in rules: ", "val_accuracy ↑ 0.941")

    async def test_keys_go_from_card_to_card(self, sample_gateway: MemoryGateway) -> None:
        for _ in range(12):
            sample_gateway.add_version(MODEL, SAMPLE["noise"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot)

            async def at(*keys: str) -> str:
                await pilot.press(*keys)
                await pilot.pause()
                assert screen.current is not None
                return screen.current.version.version

            assert await at("l") == "1"
            assert await at("l") == "1"
            assert await at("left", "h") == "3"
            assert await at("h") == "15"
            assert await at("j", "down") == "13"
            assert await at("G") == "4"
            await see(pilot, "v4")
            assert "v15" not in text_of(pilot)
            assert await at("k") == "5"
            assert await at("g") == "15"
            await see(pilot, "↓ ", " more")

    async def test_one_list_grouped_by_stage_where_there_is_none(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version(MODEL, SAMPLE["noise"])
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            screen = await show(pilot)
            text = text_of(pilot)
            order = ["Production · 1", "Staging · 1", "None (in no stage) · 1", "Archived · 1"]
            assert [text.index(title) for title in order] == sorted(text.index(title) for title in order)
            await pilot.press("l", "j")
            await until(pilot, lambda: screen.current is not None and screen.current.version.version == "4")
            await pilot.resize_terminal(*WIDE)
            await until(pilot, lambda: screen.query_one(VersionBoard).is_wide)
            assert screen.current is not None
            assert screen.current.version.version == "4", "the cursor stays on its version"

    async def test_the_mouse_chooses_and_opens(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot)
            await pilot.click(VersionBoard, offset=(45, 2))
            assert screen.current is not None
            assert screen.current.version.version == "3"
            await pilot.click(VersionBoard, offset=(45, 2), times=2)
            await until(pilot, lambda: isinstance(app.screen, RunScreen))

    async def test_what_is_wrong_is_marked_and_greyed_out(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version(MODEL, "0" * 32, stage=Stage.STAGING)
        sample_gateway.delete_run(SAMPLE["archived"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, version="4")
            await see(pilot, "! run gone, artifacts gone", "! run deleted", "it can be neither judged nor moved")
            await pilot.press("enter", "d", "p", "S", "A", "a")
            await pilot.pause()
            assert app.screen is screen
            assert sample_gateway.writes == []
            active = screen.active_bindings
            assert not any(active[key].enabled for key in ("enter", "d", "p", "A", "a"))
            assert active["H"].enabled

    async def test_two_in_production_are_warned_of_and_can_be_settled(self, sample_gateway: MemoryGateway) -> None:
        """Promoting is greyed out; archiving one of them is the way out."""
        sample_gateway.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, version="3")
            await see(pilot, "! 2 versions are in Production: 4, 2", "Production · 2")
            assert not screen.active_bindings["p"].enabled
            assert not screen.active_bindings["R"].enabled
            await pilot.press("l")
            asked = await press_for_dialog(pilot, "A")
            await see(pilot, "version 4 leaves Production, and nothing takes its place")
            await confirm(pilot, asked)
            await see(pilot, "In Archived now: fraud-detector version 4", "Production · 1")
            await until(pilot, lambda: "2 versions are in Production" not in text_of(pilot))
            assert stages(sample_gateway) == {"4": "Archived", "3": "Staging", "2": "Production", "1": "Archived"}

    async def test_a_policy_names_the_metrics(self, sample_gateway: MemoryGateway, tmp_path: Path) -> None:
        (tmp_path / "mlaudit.toml").write_text(
            f'schema = 1\n[[model."{MODEL}".metric]]\nname = "train_loss"\ndirection = "lower"\nrole = "primary"\n'
            'max_rel_regression = 0.1\nselect = "best"\n'
        )
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot)
            await see(pilot, "policy mlaudit.toml: train_loss ↓ 0.204 (last; best is judged)")
            assert "val_f1" not in text_of(pilot)

    async def test_a_model_without_versions(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.create_model("bare")
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            screen = await show(pilot, "bare")
            await see(pilot, "This model has no version.")
            await pilot.press("enter", "d", "p", "A", "a", "R", "j", "l", "G", "y")
            assert app.screen is screen

    async def test_a_model_that_is_gone(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await app.push_screen(ModelScreen("nonsense"))
            await see(pilot, "nonsense was not read", "Press r to try again")

    async def test_it_is_read_anew_after_a_promotion_on_the_screen_above(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version="3")
            await pilot.press("d")
            await see(pilot, "candidate  mlp-dropout")
            sample_gateway.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
            await pilot.press("escape")
            await see(pilot, "Staging · 0", "Archived · 2")

    async def test_hostile_names_are_literal_in_the_dialogs(self, sample_gateway: MemoryGateway) -> None:
        model = f"[/x] {HOSTILE_NAME}"
        sample_gateway.add_version(model, SAMPLE["hostile"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, model)
            await see(pilot, "␛[2J evil")
            await pilot.press("a")
            await see(pilot, "Alias for version 1 of [/x] ␛[2J evil")
            await pilot.press(*"champion", "enter")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await see(pilot, "Set alias champion: [/x] ␛[2J evil", "models:/[/x] ␛[2J evil")
            assert "\x1b" not in text_of(pilot)

    async def test_a_dead_store_keeps_the_board_and_says_so(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot)
            sample_gateway.fail = lambda _method: StoreUnavailable("memory://", "gone")
            await pilot.press("r")
            await see(pilot, "memory://: gone. What is shown is from before.", "v2 @champion", "STALE")
            sample_gateway.fail = lambda _method: None
            await pilot.press("r")
            await until(pilot, lambda: "gone" not in text_of(pilot))


class TestWays:
    """To other screens."""

    async def test_enter_diff_history_and_copy(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version="3")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            await see(pilot, "mlp-dropout")
            await pilot.press("escape", "d")
            await until(pilot, lambda: isinstance(app.screen, DiffScreen))
            await see(pilot, "candidate  mlp-dropout", f"model {MODEL} (--model)")
            await pilot.press("escape", "H")
            await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
            await pilot.press("escape", "y")
            await until(pilot, lambda: app.clipboard == f"models:/{MODEL}/3")

    async def test_m_on_a_run_opens_its_model_on_its_version(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await see(pilot, "fraud-detector")
            app.show_run(SAMPLE["archived"])
            await see(pilot, "mlp-first", "Registered versions")
            await pilot.press("m")
            await until(pilot, lambda: isinstance(app.screen, ModelScreen) and app.screen.current is not None)
            assert isinstance(app.screen, ModelScreen)
            assert app.screen.current is not None
            assert app.screen.current.version.version == "1"

    async def test_m_on_a_run_without_versions_lists_the_models(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await see(pilot, "fraud-detector")
            app.show_run(SAMPLE["better"])
            await see(pilot, "mlp-wide", "Registered versions")
            await pilot.press("m")
            await until(pilot, lambda: isinstance(app.screen, ModelsScreen))


class TestChanges:
    """Every change goes through the dialog, is read back and recorded."""

    @pytest.mark.parametrize("size", [WIDE, NARROW])
    async def test_promote(self, sample_gateway: MemoryGateway, size: tuple[int, int]) -> None:
        version = sample_gateway.add_version(MODEL, SAMPLE["better"])
        app = app_on(sample_gateway)
        async with app.run_test(size=size) as pilot:
            await show(pilot, version=version)
            asked = await press_for_dialog(pilot, "p")
            await see(pilot, "memory://", "version 2 in Production, @champion", "version 4 (run mlp-wide", "✓ PASS")
            await confirm(pilot, asked)
            await see(pilot, "In Production now: fraud-detector version 4", "Archived:", "Production · 1")
            assert stages(sample_gateway)["4"] == "Production"
            (record,) = read_history(sample_gateway, MODEL).records
            assert (record.event, record.version, record.previous) == ("promotion", "4", "2")
            await see(pilot, record.record_id)
            await until(pilot, lambda: "promotion to Production" in text_of(pilot))

    async def test_what_does_not_pass_needs_name_and_reason(self, sample_gateway: MemoryGateway) -> None:
        version = sample_gateway.add_version(MODEL, SAMPLE["worse"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version=version)
            asked = await press_for_dialog(pilot, "p")
            await see(pilot, "✗ REGRESSION", "The gate does not let it through", "--override")
            asked.query_one("#typed", Input).value = MODEL
            await pilot.pause()
            assert asked.query_one("#confirm", Button).disabled
            await confirm(pilot, asked, typed=MODEL, reason="the old one is broken")
            await see(pilot, "In Production now: fraud-detector version 4")
            (record,) = read_history(sample_gateway, MODEL).records
            assert (record.overridden, record.why) == (True, "the old one is broken")
            await see(pilot, "the old one is broken")

    async def test_staging_and_archive(self, sample_gateway: MemoryGateway) -> None:
        version = sample_gateway.add_version(MODEL, SAMPLE["better"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, version=version)
            asked = await press_for_dialog(pilot, "S")
            await see(pilot, "Move to Staging: fraud-detector", "from     None", "Staging: version 4", "--to Staging")
            await confirm(pilot, asked)
            await see(pilot, "In Staging now: fraud-detector version 4", "Staging · 2")
            await until(pilot, lambda: not screen.active_bindings["S"].enabled)
            asked = await press_for_dialog(pilot, "A")
            await see(pilot, "nothing is judged", "from     Staging")
            await confirm(pilot, asked)
            await see(pilot, "In Archived now: fraud-detector version 4", "Archived · 2")
            assert stages(sample_gateway)["4"] == "Archived"
            assert [r.target for r in read_history(sample_gateway, MODEL).records] == ["Staging", "Archived"]

    async def test_a_new_alias_by_name(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            await show(pilot, version="3")
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, AliasDialog))
            await pilot.press(*"v2")
            await see(pilot, "'alias:v2' is no target")
            await pilot.press("enter")
            assert isinstance(app.screen, AliasDialog)
            await pilot.press("backspace", "backspace", *"shadow")
            await see(pilot, "@shadow is new, and names version 3")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await see(pilot, "nothing: no version has this alias", "alias:shadow")
            assert isinstance(app.screen, ConfirmDialog)
            await confirm(pilot, app.screen)
            await see(pilot, "Alias shadow names fraud-detector version 3")
            assert aliases(sample_gateway) == {"champion": "2", "challenger": "3", "shadow": "3"}

    async def test_an_alias_moves_from_the_list(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version="3")
            await pilot.press("a")
            await see(pilot, "@champion  moves from version 2 to version 3", "@challenger  is taken off version 3")
            await pilot.press("down")
            assert isinstance(app.focused, OptionList)
            await pilot.press("down", "enter")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await see(pilot, "version 2 in Production, @champion, run", "to       version 3")
            assert isinstance(app.screen, ConfirmDialog)
            await confirm(pilot, app.screen)
            await see(pilot, "Alias champion names fraud-detector version 3")
            assert aliases(sample_gateway)["champion"] == "3"
            assert stages(sample_gateway)["2"] == "Production"

    async def test_an_alias_is_taken_away(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version="2")
            await pilot.press("a", *"@champion", "enter")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await see(pilot, "Take alias champion away", "nothing is called @champion any more", "unalias:champion")
            assert isinstance(app.screen, ConfirmDialog)
            await confirm(pilot, app.screen)
            await see(pilot, "Alias champion of fraud-detector names no version now")
            assert aliases(sample_gateway) == {"challenger": "3"}
            assert read_history(sample_gateway, MODEL).holds

    async def test_rollback_wants_a_reason(self, sample_gateway: MemoryGateway) -> None:
        version = sample_gateway.add_version(MODEL, SAMPLE["better"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version=version)
            await pilot.press("R")
            await see(pilot, "Not rolled back: ", "has no record of its promotion")
            await confirm(pilot, await press_for_dialog(pilot, "p"))
            await see(pilot, "In Production now: fraud-detector version 4")
            asked = await press_for_dialog(pilot, "R")
            await see(pilot, "Roll back: fraud-detector", "version 4 in Production", "Why is it rolled back?")
            assert asked.query_one("#confirm", Button).disabled
            await confirm(pilot, asked, reason="latency")
            await see(pilot, "In Production now: fraud-detector version 2", "Archived: version 4")
            record = read_history(sample_gateway, MODEL).records[-1]
            assert (record.event, record.why) == ("rollback", "latency")

    @pytest.mark.parametrize("key", ["p", "S", "A"])
    @pytest.mark.parametrize("answer", ["enter", "escape"])
    async def test_cancel_is_the_default_and_changes_nothing(
        self, sample_gateway: MemoryGateway, key: str, answer: str
    ) -> None:
        version = sample_gateway.add_version(MODEL, SAMPLE["better"])
        before = stages(sample_gateway)
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            await show(pilot, version=version)
            await press_for_dialog(pilot, key)
            await pilot.press(answer)
            await see(pilot, "cancelled. Nothing was changed.")
            assert sample_gateway.writes == []
            assert stages(sample_gateway) == before

    async def test_the_alias_dialog_can_be_left(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            screen = await show(pilot)
            await pilot.press("a", *"champion", "escape")
            await until(pilot, lambda: app.screen is screen)
            assert sample_gateway.writes == []

    async def test_a_registry_that_moved_since_the_plan_is_left_alone(self, sample_gateway: MemoryGateway) -> None:
        version = sample_gateway.add_version(MODEL, SAMPLE["better"])
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version=version)
            asked = await press_for_dialog(pilot, "p")
            sample_gateway.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
            sample_gateway.writes.clear()
            await confirm(pilot, asked)
            await see(pilot, "Not promoted: ", "moved since this was planned", "nothing was changed")
            await see(pilot, "Staging · 0", "Archived · 2")
            assert sample_gateway.writes == []

    async def test_a_conflict_is_told_with_what_is_there_now(
        self, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody puts another version into Production while this one goes there."""
        version = sample_gateway.add_version(MODEL, SAMPLE["better"])
        real = sample_gateway.transition

        def interfered(model: str, number: str, stage: Stage, *, archive_existing: bool) -> Any:
            done = real(model, number, stage, archive_existing=archive_existing)
            if number == version and stage is Stage.PRODUCTION:
                real(model, "3", Stage.PRODUCTION, archive_existing=False)
            return done

        monkeypatch.setattr(sample_gateway, "transition", interfered)
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version=version)
            await confirm(pilot, await press_for_dialog(pilot, "p"))
            await see(pilot, "did not end as asked", "Look at the registry")
            await see(pilot, "None (in no stage) · 1", "Production · 1")
            assert stages(sample_gateway)["3"] == "Production"

    async def test_a_store_that_dies_after_it_leaves_the_message(self, sample_gateway: MemoryGateway) -> None:
        """What was done must stay to be read when the board cannot be read anew."""
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, version="3")
            asked = await press_for_dialog(pilot, "A")
            done = threading.Event()

            def fail(method: str) -> Any:
                if method == "delete_model_tag":
                    done.set()
                elif done.is_set() and method == "list_registered_models":
                    return StoreUnavailable("memory://", "gone")
                return None

            sample_gateway.fail = fail
            await confirm(pilot, asked)
            await see(
                pilot, "In Archived now: fraud-detector version 3", "memory://: gone. What is shown is from before."
            )


class TestReadOnly:
    """Nothing that writes is bound."""

    async def test_no_key_writes(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway, read_only=True)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, version="3")
            await see(pilot, "promotion is off: mlaudit was started with --read-only", "READ-ONLY")
            assert not set(WRITE_KEYS) & set(screen.active_bindings)
            await pilot.press(*WRITE_KEYS)
            await pilot.pause(0.1)
            assert app.screen is screen
            assert {"d", "H", "enter"} <= set(screen.active_bindings)
            assert sample_gateway.writes == []

    async def test_a_store_that_must_not_be_written_says_why(self) -> None:
        gateway = MemoryGateway(writable=False, notes=("its schema is older than MLflow's",))
        run_id = gateway.add_run(gateway.add_experiment("e"), name="r", metrics={"loss": 1.0})
        gateway.add_version("m", run_id)
        app = app_on(gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "m")
            await see(pilot, "promotion is off: this store must not be written to; its schema is older than MLflow's")
            assert not set(WRITE_KEYS) & set(screen.active_bindings)


class TestUnderWay:
    """While the registry is being changed."""

    @pytest.fixture
    def gate(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    async def test_it_is_sent_once_and_escape_and_q_wait(
        self, sample_gateway: MemoryGateway, gate: threading.Event
    ) -> None:
        sent: list[Request[Any]] = []

        def around(handle: Handle) -> Handle:
            def hold(request: Request[Any]) -> Any:
                if isinstance(request, ExecutePromotion):
                    sent.append(request)
                    gate.wait(10)
                return handle(request)

            return hold

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, version="3")
            await confirm(pilot, await press_for_dialog(pilot, "A"))
            await see(pilot, "Moving fraud-detector to Archived…")
            assert not any(screen.active_bindings[key].enabled for key in ("p", "A", "a", "R"))
            await pilot.press("A", "p", "escape")
            await see(pilot, "The move is under way")
            await pilot.press("q")
            await see(pilot, "Press q again to quit")
            gate.set()
            await see(pilot, "In Archived now: fraud-detector version 3")
            assert len(sent) == 1
            assert app.quit_guards == [app.trainings.may_quit]


def app_in_fake_time(gateway: MemoryGateway) -> MlauditApp:
    """The app on a store whose services do not really wait."""
    services = Services(Settings(), open_gateway=lambda: gateway)
    services.surroundings = fake_surroundings()
    return MlauditApp(ThreadBackend(services.handle), Settings())


def cut_off(gateway: MemoryGateway, method: str) -> None:
    """Leave a promotion of version 4 unfinished, from where ``method`` is called on."""
    services = Services(Settings(), open_gateway=lambda: gateway)
    services.surroundings = fake_surroundings(user="bob")
    from mlaudit.services.promote import PlanPromotion

    plan = services.handle(PlanPromotion(f"models:/{MODEL}/4", MODEL))
    gateway.fail = lambda called: StoreUnavailable("memory://", "gone") if called == method else None
    with pytest.raises(MlauditError):
        services.handle(ExecutePromotion(plan))
    gateway.fail = lambda _method: None


class TestRecovery:
    """What was cut off is said and can be ended."""

    async def test_one_that_was_done_is_rolled_forward(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version(MODEL, SAMPLE["better"])
        cut_off(sample_gateway, "set_version_tag")
        app = app_in_fake_time(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot)
            await see(
                pilot, "! unfinished, or under way: promotion of version 4 to Production by bob", "press u to see"
            )
            asked = await press_for_dialog(pilot, "u")
            await see(
                pilot,
                "cut off  promotion of version 4",
                "in Production: 4",
                "roll forward",
                "recover fraud-detector",
                "memory://",
            )
            assert not asked.query(Input)
            await confirm(pilot, asked)
            await see(pilot, "✓ put its record in place")
            await until(pilot, lambda: "unfinished" not in text_of(pilot))
            assert not screen.active_bindings["u"].enabled
            history = read_history(sample_gateway, MODEL)
            assert (len(history.records), history.holds, history.unfinished) == (1, True, ())

    async def test_what_cannot_be_told_needs_the_name_typed(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.set_model_tag(MODEL, "mlaudit.intent.x", "[/nonsense]")
        app = app_in_fake_time(sample_gateway)
        async with app.run_test(size=NARROW) as pilot:
            await show(pilot)
            asked = await press_for_dialog(pilot, "u")
            await see(pilot, "The registry does not tell how far it came")
            assert asked.query_one("#confirm", Button).disabled
            await pilot.press("enter")
            await see(pilot, "Not recovered: cancelled. Nothing was changed.")
            asked = await press_for_dialog(pilot, "u")
            await confirm(pilot, asked, typed=MODEL)
            await see(pilot, "deleted the intent of")
            assert "mlaudit.intent.x" not in sample_gateway.model_tags(MODEL)

    async def test_what_ends_by_itself_is_left_alone(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.set_model_tag(MODEL, "mlaudit.intent.x", "nonsense")
        services = Services(Settings(), open_gateway=lambda: sample_gateway)
        services.surroundings = fake_surroundings()
        clock: Callable[..., None] = lambda: sample_gateway.delete_model_tag(MODEL, "mlaudit.intent.x")  # noqa: E731
        from tests.plugins.fake_world import FakeClock

        watch = FakeClock()
        watch.on_sleep = clock
        services.surroundings = fake_surroundings(watch)
        app = MlauditApp(ThreadBackend(services.handle), Settings())
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot)
            await pilot.press("u")
            await see(pilot, "Nothing to recover. Under way, or just ended: an intent that cannot be read")
            await until(pilot, lambda: "unfinished" not in text_of(pilot))
