"""The terminal app: screens on a backend that is an argument. It paints first and asks the backend then."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events
from textual.actions import ActionParseResult
from textual.app import App
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.reactive import var
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widget import Widget

from mlaudit.config.settings import Settings
from mlaudit.domain.text import clean
from mlaudit.tui.commands import Palette, ScreenCommands
from mlaudit.tui.pauses import LOOK_SECONDS, Pauses
from mlaudit.tui.places import Places
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.too_small import TooSmallScreen, is_too_small
from mlaudit.tui.trail import Trail
from mlaudit.worker.backend import Backend

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from mlaudit.domain.models import Run, StoreInfo
    from mlaudit.tui.downloads import Downloads
    from mlaudit.tui.outside import Outside
    from mlaudit.tui.screens.notices import Notice
    from mlaudit.tui.trainings import Trainings

RESUME_SECONDS = 0.1
"""Between SIGCONT and taking the terminal again: a SIGHUP that came with it is known by then."""
SIGNAL_GRACE = 5.0
"""Seconds that the app has to end by itself after SIGTERM or SIGHUP."""
CRASHED = 5
NOTICE_SECONDS = 15.0


class MlauditApp(App[int]):
    """Returns the exit code; 128 + signal when a signal ended it."""

    TITLE = "mlaudit"
    COMMANDS = {ScreenCommands}
    BINDINGS = [
        Binding("m", "models", "Models", id="app.models", tooltip="The registered models and their versions by stage"),
        Binding("t", "train", "Train", id="app.train", tooltip="Train a model, or go back to the training that runs"),
        Binding("e", "again", "Again", show=False, id="app.again", tooltip="Train again as this run was, with changes"),
        Binding("W", "trainings", show=False, id="app.trainings", tooltip="The trainings that run, wait or have ended"),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help", tooltip="The keys of this screen"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Leave mlaudit"),
        Binding("ctrl+l", "log", show=False, id="app.log", tooltip="What MLflow and the worker had to say"),
        Binding("ctrl+n", "notices", show=False, id="app.notices", tooltip="All notifications so far"),
        Binding("ctrl+t", "change_theme", show=False, id="app.theme", tooltip="Choose the colours"),
    ]

    store: var[StoreInfo | None] = var(None, init=False)
    """None until it has answered for the first time."""
    user: var[str] = var("", init=False)
    """Who would be recorded, and how that is known; empty until the store was asked."""
    notices: var[tuple[Notice, ...]] = var((), init=False)
    """What was told so far, the newest last."""

    def __init__(self, backend: Backend, settings: Settings, *, log_path: str | None = None) -> None:
        super().__init__()
        self.backend = backend
        self.settings = settings
        self.log_path = log_path
        self.trail = Trail(self)
        self.places = Places(self)
        self.quit_guards: list[Callable[[], Awaitable[bool]]] = []
        """Asked before ``q`` quits; one False keeps the app open."""
        self.parting: list[str] = []
        """Lines that are printed once ``q`` has quit."""
        self.last_words: Callable[[], str] | None = None
        """What is printed then of the trainings. It stands since the user has said what is to become of them; the next
        ``q`` asks anew."""
        self._pauses: Pauses | None = None
        self._ending = False
        """A signal has asked for the end."""
        self._sent: deque[tuple[events.Key, Widget]] = deque(maxlen=200)
        """Keys on their way to a widget, and which; they come back here when it makes nothing of them."""

    def _apply_settings(self) -> None:
        """The user's own colours and keys; what cannot be applied is told."""
        problems = list(self.settings.problems)
        if (theme := self.settings.theme) is not None:
            if theme in self.available_themes:
                self.theme = theme
            else:
                problems.append(f"there is no theme {theme!r}; there are {', '.join(sorted(self.available_themes))}")
        if self.settings.keys:
            self.set_keymap(dict(self.settings.keys))
            self.call_after_refresh(self._check_keys)
        for problem in problems:
            self.notify(problem, severity="warning", timeout=NOTICE_SECONDS, markup=False)

    def _check_keys(self) -> None:
        """Tell of keys for actions that there are not; looked up only where there are any, after the first paint."""
        from mlaudit.tui.keys import binding_ids

        if unknown := sorted(self.settings.keys.keys() - binding_ids()):
            said = f"settings, keys: there is no action {', '.join(unknown)}"
            self.notify(said, severity="warning", timeout=NOTICE_SECONDS, markup=False)

    async def on_mount(self) -> None:
        self._apply_settings()
        if sys.platform != "win32":
            loop = asyncio.get_running_loop()
            for sig in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(sig, self._end_by_signal, int(sig))
            self._guard_resume(loop)
        screen = ExperimentsScreen()
        await self.push_screen(screen)
        self._check_size()
        self.call_after_refresh(self._start, screen)

    async def _start(self, screen: ExperimentsScreen) -> None:
        self._pauses = Pauses()
        self.set_interval(LOOK_SECONDS, self._pauses.look)
        await self.backend.start()
        screen.load()
        self.call_later(_import_ahead)

    def watch_store(self) -> None:
        """Only now it can be told which trainings belong to this store."""
        self.run_worker(self.trainings.pick_up(), group="trainings.pick_up", exclusive=True)

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is at the keys."""
        if self._pauses is not None and isinstance(event, events.InputEvent):
            self._pauses.input()
        if isinstance(event, events.Key) and not event.is_forwarded and self.screen_stack:
            self._sent.append((event, self._key_target))
        await super().on_event(event)

    @property
    def _key_target(self) -> Widget:
        return self.focused or self.screen

    def on_key(self, event: events.Key) -> None:
        """Hand a key on that was sent to what had the focus before the key ahead of it was obeyed.

        On a slow line keys come in bursts: in ``/loss`` the slash moves the focus, while the letters are already on
        their way to the table, whose keys they would be.
        """
        place = next((n for n, (sent, _) in enumerate(self._sent) if sent is event), None)
        if place is None:
            return
        target = self._sent[place][1]
        # Those before it were taken by their widgets.
        for _ in range(place + 1):
            self._sent.popleft()
        if self.screen_stack and target is not self._key_target:
            event.prevent_default()
            self._key_target._forward_event(events.Key(event.key, event.character))

    def _guard_resume(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let Textual take the terminal again after SIGCONT only where there is one, and the app goes on.

        With a lost terminal the kernel sends SIGHUP and SIGCONT together. Textual begins anew at SIGCONT, with a second
        thread that reads the keys; at the end it waits for one of the two, and the other reads for ever.
        """
        resume = signal.getsignal(signal.SIGCONT)
        if not callable(resume):
            return

        def later() -> None:
            if not self._ending:
                resume(signal.SIGCONT, None)

        def continued(*_: object) -> None:
            loop.call_soon_threadsafe(loop.call_later, RESUME_SECONDS, later)

        signal.signal(signal.SIGCONT, continued)

    def _end_by_signal(self, number: int) -> None:
        self._ending = True
        # Whatever keeps the app from ending: where the terminal is gone nobody is left to see it, and Textual reads
        # from it for ever.
        last_resort = threading.Timer(SIGNAL_GRACE, self._end_at_once, [128 + number])
        last_resort.daemon = True
        last_resort.start()
        try:
            self.places.keep()
        finally:
            self.exit(128 + number, return_code=128 + number)

    def _end_at_once(self, code: int) -> None:
        """Give the terminal back, if that can be done in a second, and be gone."""
        driver = self._driver
        if driver is not None:
            mend = threading.Thread(target=driver.stop_application_mode, daemon=True)
            mend.start()
            mend.join(1.0)
        os._exit(code)

    @cached_property
    def trainings(self) -> Trainings:
        """The trainings under way; made when first asked for, which is after the first paint."""
        from mlaudit.tui.trainings import Trainings

        trainings = Trainings(self)
        self.quit_guards.append(trainings.may_quit)
        return trainings

    @cached_property
    def downloads(self) -> Downloads:
        """The download under way; made when first asked for."""
        from mlaudit.tui.downloads import Downloads

        downloads = Downloads(self)
        self.quit_guards.append(downloads.may_quit)
        return downloads

    @cached_property
    def outside(self) -> Outside:
        """Where files lie that another program has opened; made when first asked for."""
        from mlaudit.tui.outside import Outside

        return Outside()

    @property
    def may_write(self) -> bool:
        """Whether promotion and training are possible at all; until the store is known, the settings alone tell."""
        return not self.settings.read_only and (self.store is None or self.store.writable)

    def show_run(self, run_id: str) -> None:
        """Open the screen of a run."""
        from mlaudit.tui.screens.run import RunScreen

        self.push_screen(RunScreen(run_id))

    def show_model(self, model: str, version: str | None = None) -> None:
        """Open the screen of a registered model, by its raw name; ``version`` is where the cursor begins."""
        from mlaudit.tui.screens.model import ModelScreen

        self.push_screen(ModelScreen(model, version))

    def action_models(self) -> None:
        """The registered models."""
        from mlaudit.tui.screens.models import ModelsScreen

        if not isinstance(self.screen, ModelsScreen):
            self.push_screen(ModelsScreen())

    def action_train(self) -> None:
        """The form in front of a training; it leads to one that runs."""
        from mlaudit.tui.screens.train_form import TrainFormScreen

        if not isinstance(self.screen, TrainFormScreen):
            self.push_screen(TrainFormScreen())

    def action_trainings(self) -> None:
        """The trainings of this session, and those that wait."""
        from mlaudit.tui.screens.trainings import TrainingsScreen

        if not isinstance(self.screen, TrainingsScreen):
            self.push_screen(TrainingsScreen())

    @property
    def _any_training(self) -> bool:
        """Whether there is one to be shown; asked with every screen, so nothing is made for it."""
        trainings: Trainings | None = self.__dict__.get("trainings")
        return trainings is not None and bool(trainings.all or trainings.queue.waiting)

    @property
    def _run_at_hand(self) -> Run | None:
        """The run that the screen is about, or that its cursor is on."""
        screen = self.screen if self.screen_stack else None
        return screen.run_at_hand if isinstance(screen, BaseScreen) else None

    def action_again(self) -> None:
        """The form in front of a training, with the values that this run had."""
        from mlaudit.tui.prefill import LAUNCH_TAG, of_run
        from mlaudit.tui.screens.train_form import TrainFormScreen

        run, memory = self._run_at_hand, self.trainings.memory
        if run is not None:
            self.push_screen(TrainFormScreen(of_run(run, memory.of(run.tags.get(LAUNCH_TAG)) if memory else None)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing that writes is bound where nothing may be written, nor the form's key on the form."""
        # By the class's own title: that of a list of runs is the name of an experiment, which may be "train".
        if action == "trainings" and not (self._any_training and self.screen.TITLE != "trainings"):
            return False
        if action == "again" and not (self.may_write and self._run_at_hand is not None):
            return False
        if action == "train" and not (self.may_write and self.screen_stack and self.screen.TITLE != "train"):
            return False
        return super().check_action(action, parameters)

    def action_help(self) -> None:
        """The keys that do something here and now."""
        from mlaudit.tui.screens.help import HelpScreen, keys_text

        self.push_screen(HelpScreen(self.screen.title or "mlaudit", keys_text(self.screen)))

    def action_log(self) -> None:
        """The session's log."""
        from mlaudit.tui.screens.log import LogScreen

        if not isinstance(self.screen, LogScreen):
            self.push_screen(LogScreen())

    async def action_back_to(self, index: int) -> None:
        """A name in the header was clicked."""
        await self.trail.back_to(index)

    def action_notices(self) -> None:
        """What was told so far."""
        from mlaudit.tui.screens.notices import NoticesScreen

        if not isinstance(self.screen, NoticesScreen):
            self.push_screen(NoticesScreen())

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell in a corner of whatever screen is on, and keep it to be read again."""
        self.note(f"{title}: {message}" if title else message, severity)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def note(self, message: str, severity: SeverityLevel = "information") -> None:
        """Keep what was told on the screen itself, to be read again among the notifications."""
        from mlaudit.tui.screens.notices import MOST, Notice

        screen = self.screen.title if self.screen_stack else ""
        self.notices = (*self.notices, Notice(time.time(), severity, clean(message), screen or ""))[-MOST:]

    def copy(self, text: str, what: str = "", *, said: str = "") -> None:
        """Put a text on the user's clipboard, through the terminal (OSC 52), and say so.

        ``what`` names the text, which is told as far as there is room; ``said`` is told instead of it.
        """
        self.copy_to_clipboard(text)
        told = said or (f"{what}: " if what else "") + (text if len(text) <= 60 else f"{text[:59]}…")
        self.notify(f"Copied{': ' if said or not what else ' '}{told}", timeout=3, markup=False)

    def on_resize(self) -> None:
        """Say so where the terminal is too small; the notice goes away by itself."""
        # Textual takes note of the size only after this.
        self.call_after_refresh(self._check_size)

    def _check_size(self) -> None:
        if is_too_small(self.size) and not any(isinstance(s, TooSmallScreen) for s in self.screen_stack):
            self.push_screen(TooSmallScreen())

    async def on_unmount(self) -> None:
        if "outside" in vars(self):
            self.outside.close()
        await self.backend.close()

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """As Textual does, but not on a screen whose widgets are not there yet, or not any more.

        Keys come in bursts, and the second may find the screen that the first one has opened.
        """
        of_screen = isinstance(action, str) and action.startswith("screen.") and self.screen_stack
        target = self.screen if of_screen else default_namespace
        if isinstance(target, Screen) and not (target.is_mounted and target.children):
            return False
        return await super().run_action(action, default_namespace, namespaces)

    def action_command_palette(self) -> None:
        """Once, and not where nothing can be done: Textual looks at the screen on top alone."""
        if not any(isinstance(s, CommandPalette | TooSmallScreen) for s in self.screen_stack):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Choose the colours."""
        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    async def action_quit(self) -> None:
        """Quit at once, unless a guard says no."""
        self.last_words = None
        await self.go_on_quitting()

    async def go_on_quitting(self) -> bool:
        """Ask the guards that have not been answered since ``q`` was pressed, and quit; False: one said no."""
        for guard in list(self.quit_guards):
            if not await guard():
                return False
        self.places.keep()
        words = self.last_words() if self.last_words is not None else ""
        lines = [line for line in (words, *self.parting) if line]
        self.exit(0, message=Text("\n".join(lines)) if lines else None)
        return True

    def _handle_exception(self, error: Exception) -> None:
        """Textual's own report prints local variables, which may hold secrets: a plain one goes to the log."""
        where = ""
        if self.log_path:
            # Where it cannot be written, what is told below is all there is.
            with suppress(OSError), open(self.log_path, "a", encoding="utf-8") as log:
                log.writelines(traceback.format_exception(error))
            where = f"; see {self.log_path}"
        self._exception = error
        self._exception_event.set()
        self._crash_line = f"mlaudit: internal error ({type(error).__name__}){where}"
        self.exit(CRASHED, return_code=CRASHED, message=self._crash_line)


def _import_ahead() -> None:
    """What the next screen needs, while the store is being opened and there is nothing else to do."""
    import_module("mlaudit.tui.screens.runs")
