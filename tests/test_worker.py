"""The worker process: real processes that are slow, hang, die and talk."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlaudit.cli.main import program
from mlaudit.config.settings import Settings
from mlaudit.domain import errors
from mlaudit.domain.errors import BackendCrashed, DeadlineExceeded, MlauditError, StoreError
from mlaudit.services.experiments import ListExperiments
from mlaudit.worker import process, spawn
from mlaudit.worker.ahead import VALUED, begin_ahead, is_for_app
from mlaudit.worker.backend import ThreadBackend
from mlaudit.worker.log_file import delete_old_logs, new_log_path
from mlaudit.worker.messages import Hello
from mlaudit.worker.process import WorkerProcess
from mlaudit.worker.spawn import begin
from tests.plugins.worker_services import PLACE, Do, Write

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker must find the fake services."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    worker = WorkerProcess(Settings(tracking_uri="http://u:canary-secret@h:1"), str(tmp_path / "log"), services=PLACE)
    await worker.start()
    yield worker
    await worker.close()


def is_alive(pid: int) -> bool:
    """Zombies are dead: here nobody else reaps those whose parent was killed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.02)


async def settled(worker: WorkerProcess) -> int:
    """The pid of a process that answers."""
    return await worker.ask(Do("pid"))


class TestAnswers:
    """Results and errors come back as they were."""

    async def test_many_at_once_and_a_quick_one_during_slow_ones(self, worker: WorkerProcess) -> None:
        slow = [asyncio.create_task(worker.ask(Do("sleep", 1.5))) for _ in range(20)]
        await settled(worker)
        began = time.monotonic()
        assert await asyncio.gather(*(worker.ask(Do("echo", i)) for i in range(50))) == list(range(50))
        assert time.monotonic() - began < 1.0
        assert await asyncio.gather(*slow) == [1.5] * 20

    async def test_settings_travel_whole(self, worker: WorkerProcess) -> None:
        assert await worker.ask(Do("settings")) == Settings(tracking_uri="http://u:canary-secret@h:1")

    async def test_no_secret_among_the_arguments(self, worker: WorkerProcess) -> None:
        line = Path(f"/proc/{await settled(worker)}/cmdline").read_bytes()
        assert b"mlaudit" in line
        assert b"canary-secret" not in line

    async def test_errors_keep_their_type(self, worker: WorkerProcess) -> None:
        with pytest.raises(errors.AmbiguousRunId) as caught:
            await worker.ask(Do("fail"))
        assert caught.value.run_ids == ("abc1", "abc2")

    @pytest.mark.parametrize("action", ["defect", "exit", "unpackable"])
    async def test_a_defect_is_told_and_its_details_are_in_the_log(self, worker: WorkerProcess, action: str) -> None:
        with pytest.raises(StoreError, match="internal error") as caught:
            await worker.ask(Do(action))
        assert worker.log_path in str(caught.value)
        assert "canary-secret" not in str(caught.value)
        log = Path(worker.log_path).read_text()
        assert "Traceback" in log
        assert "canary-secret" not in log
        assert await worker.ask(Do("echo", 1)) == 1

    async def test_a_million_points_come_without_blocking_the_loop(self, worker: WorkerProcess) -> None:
        await settled(worker)
        gaps, last = [0.0], time.monotonic()

        async def tick() -> None:
            nonlocal last
            while True:
                await asyncio.sleep(0.005)
                gaps.append(time.monotonic() - last)
                last = time.monotonic()

        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        history = await worker.ask(Do("history", 1_000_000))
        took = time.monotonic() - began
        ticking.cancel()
        assert len(history) == 1_000_000
        assert history.values[-1] == 999_999
        assert took < 3
        assert max(gaps) < 0.25

    async def test_a_cancelled_question_drops_its_answer(self, worker: WorkerProcess) -> None:
        await settled(worker)
        asking = asyncio.create_task(worker.ask(Do("sleep", 0.3)))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        pid = await settled(worker)
        await asyncio.sleep(0.5)
        assert await settled(worker) == pid


def example_of(kind: type[MlauditError]) -> MlauditError:
    """An error with something in every argument."""
    if kind.__init__ is MlauditError.__init__:
        return kind("what", "why")
    values: dict[str, Any] = {"str": "x", "int": 3, "float": 2.5, "bool": True, "tuple[str, ...]": ("a", "b")}
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return kind(*(values[str(p.annotation)] for p in parameters))


def subclasses(kind: type[MlauditError]) -> Iterator[type[MlauditError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


@pytest.mark.parametrize("kind", [k for k in subclasses(MlauditError) if k.__module__ == errors.__name__])
def test_every_error_travels(kind: type[MlauditError]) -> None:
    error = example_of(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), vars(again), again.args) == (str(error), vars(error), error.args)


class TestDeadlines:
    """A backend that hangs is replaced."""

    async def test_it_says_what_was_asked_and_starts_anew(self, worker: WorkerProcess) -> None:
        old = await settled(worker)
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            await worker.ask(Do("sleep", 600), deadline=0.3)
        assert time.monotonic() - began < 2
        assert "the fake sleep" in str(caught.value)
        assert "canary-secret" not in str(caught.value)
        assert "h:1" in str(caught.value)
        assert await settled(worker) != old
        await until(lambda: not is_alive(old))

    async def test_other_reads_are_asked_again(self, worker: WorkerProcess, tmp_path: Path) -> None:
        await settled(worker)
        mark = tmp_path / "mark"
        other = asyncio.create_task(worker.ask(Do("sleep_first", mark=str(mark))))
        with pytest.raises(DeadlineExceeded):
            await worker.ask(Do("sleep", 600), deadline=0.5)
        assert await other == "second"
        assert len(mark.read_text().split()) == 2

    async def test_a_write_goes_on_in_the_old_process(self, worker: WorkerProcess, tmp_path: Path) -> None:
        old = await settled(worker)
        mark = tmp_path / "mark"
        write = asyncio.create_task(worker.ask(Write("sleep", 2.0, str(mark))))
        with pytest.raises(DeadlineExceeded):
            await worker.ask(Do("sleep", 600), deadline=0.3)
        assert await settled(worker) != old
        assert is_alive(old)
        assert await write == 2.0
        await until(lambda: not is_alive(old))
        assert mark.read_text().split() == [str(old)], "once only"

    async def test_a_write_that_hangs_says_look_again(self, worker: WorkerProcess, tmp_path: Path) -> None:
        old = await settled(worker)
        mark = tmp_path / "mark"
        with pytest.raises(DeadlineExceeded, match="look again"):
            await worker.ask(Write("sleep", 600, str(mark)), deadline=0.3)
        await until(lambda: not is_alive(old))
        assert await worker.ask(Do("echo", 1)) == 1
        assert mark.read_text().split() == [str(old)]

    async def test_a_slow_start_is_no_hanging(self, tmp_path: Path) -> None:
        worker = WorkerProcess(Settings(policy_path="1.5"), str(tmp_path / "log"), services=PLACE)
        await worker.start()
        try:
            with pytest.raises(DeadlineExceeded):
                await worker.ask(Do("sleep", 1.2), deadline=0.3)
            old = await settled(worker)
            await asyncio.sleep(1.5)
            assert await settled(worker) == old
        finally:
            await worker.close()

    async def test_a_stopped_process_is_replaced_too(self, worker: WorkerProcess) -> None:
        old = await settled(worker)
        os.kill(old, signal.SIGSTOP)
        with pytest.raises(DeadlineExceeded):
            await worker.ask(Do("echo", 1), deadline=0.4)
        assert await settled(worker) != old
        await until(lambda: not is_alive(old))


class TestCrashes:
    """A process that dies takes nothing with it."""

    async def test_reads_are_asked_again(self, worker: WorkerProcess, tmp_path: Path) -> None:
        assert await worker.ask(Do("die_first", mark=str(tmp_path / "mark"))) == "second"

    async def test_but_only_once(self, worker: WorkerProcess, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        with pytest.raises(BackendCrashed, match="twice"):
            await worker.ask(Do("die", mark=str(mark)))
        assert len(mark.read_text().split()) == 2
        assert await worker.ask(Do("echo", 1)) == 1

    async def test_a_write_is_not(self, worker: WorkerProcess, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        with pytest.raises(BackendCrashed, match="look again"):
            await worker.ask(Write("die", mark=str(mark)))
        assert len(mark.read_text().split()) == 1
        assert await worker.ask(Do("echo", 1)) == 1

    async def test_killed_while_idle_it_comes_back_by_itself(self, worker: WorkerProcess) -> None:
        old = await settled(worker)
        await asyncio.sleep(0.2)
        os.kill(old, signal.SIGKILL)
        await until(lambda: worker.pid not in {None, old})
        assert await settled(worker) != old

    async def test_one_that_cannot_start_is_told(self, tmp_path: Path) -> None:
        worker = WorkerProcess(Settings(), str(tmp_path / "log"), services="no.such:thing")
        try:
            with pytest.raises(BackendCrashed, match="log"):
                await worker.ask(Do("echo", 1))
            assert "ModuleNotFoundError" in (tmp_path / "log").read_text()
        finally:
            await worker.close()

    async def test_a_log_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        worker = WorkerProcess(Settings(), str(tmp_path / "no" / "such" / "log"), services=PLACE)
        try:
            with pytest.raises(BackendCrashed):
                await worker.ask(Do("echo", 1))
        finally:
            await worker.close()


class TestClosing:
    """Quitting is quick, and leaves nobody behind."""

    async def test_with_a_hung_store(self, worker: WorkerProcess) -> None:
        pid = await settled(worker)
        asking = asyncio.create_task(worker.ask(Do("sleep", 600)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await worker.close()
        assert time.monotonic() - began < 3
        assert not is_alive(pid)
        assert isinstance(*await asyncio.gather(asking, return_exceptions=True), BaseException)
        with pytest.raises(BackendCrashed, match="closing"):
            await worker.ask(Do("echo", 1))

    async def test_a_write_that_is_nearly_done_gets_done(self, worker: WorkerProcess) -> None:
        pid = await settled(worker)
        asking = asyncio.create_task(worker.ask(Write("sleep", 0.2)))
        await asyncio.sleep(0.05)
        await worker.close()
        assert await asking == 0.2
        assert not is_alive(pid)

    @pytest.mark.parametrize("asker_waits", [True, False])
    async def test_a_longer_write_is_not_cut_off(
        self, worker: WorkerProcess, tmp_path: Path, asker_waits: bool
    ) -> None:
        """Quitting cancels whoever asked, before it closes the worker."""
        pid, mark = await settled(worker), tmp_path / "mark"
        (child,) = worker._children
        asking = asyncio.create_task(worker.ask(Write("sleep_then_mark", 1.5, str(mark))))
        await until(mark.exists)
        if not asker_waits:
            asking.cancel()
            await asyncio.wait([asking])
        began = time.monotonic()
        await worker.close()
        assert time.monotonic() - began < 1
        assert is_alive(pid)
        assert isinstance(*await asyncio.gather(asking, return_exceptions=True), BaseException)
        assert child._process is not None
        assert await asyncio.to_thread(child._process.wait, 10) == 0
        assert mark.read_text().split()[-1] == "done"

    async def test_a_write_that_hangs_ends_at_its_deadline(self, worker: WorkerProcess) -> None:
        await settled(worker)
        (child,) = worker._children
        asking = asyncio.create_task(worker.ask(Write("sleep", 600), deadline=1.0))
        await asyncio.sleep(0.1)
        await worker.close()
        assert isinstance(*await asyncio.gather(asking, return_exceptions=True), BaseException)
        assert child._process is not None
        assert await asyncio.to_thread(child._process.wait, 10) == 0

    async def test_before_the_process_is_there(self, tmp_path: Path) -> None:
        worker = WorkerProcess(Settings(), str(tmp_path / "log"), services=PLACE)
        await worker.close()
        worker = WorkerProcess(Settings(), str(tmp_path / "log"), services=PLACE)
        await worker.start()
        children = set(worker._children)
        await worker.close()
        assert all(c.pid is not None and not is_alive(c.pid) for c in children)

    @pytest.mark.parametrize("writes", [False, True])
    async def test_a_killed_screen_leaves_no_orphan(self, tmp_path: Path, writes: bool) -> None:
        program = f"""
import asyncio
from mlaudit.config.settings import Settings
from mlaudit.worker.process import WorkerProcess
from tests.plugins.worker_services import Do, Write
async def main():
    worker = WorkerProcess(Settings(), {str(tmp_path / "log")!r}, services={PLACE!r})
    print(await worker.ask(Do("pid")), flush=True)
    await worker.ask({"Write" if writes else "Do"}("sleep", {1.5 if writes else 600}, {str(tmp_path / "mark")!r}))
asyncio.run(main())
"""
        screen = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        try:
            assert screen.stdout is not None
            pid = int(screen.stdout.readline())
            await until((tmp_path / "mark").exists)
            screen.kill()
        finally:
            screen.kill()
            screen.wait()
        if writes:
            await asyncio.sleep(0.5)
            assert is_alive(pid), "a write is not cut off half-way"
        await until(lambda: not is_alive(pid))


class TestBegun:
    """A process that was started before there was an event loop, so that it imports beside the screen."""

    async def test_it_is_the_one_that_answers(self, tmp_path: Path) -> None:
        hello = Hello(Settings(tracking_uri="http://h:1"), str(tmp_path / "log"), PLACE)
        begun = begin(hello.log_path)
        assert begun is not None
        begun.greet(hello)
        worker = WorkerProcess(hello.settings, hello.log_path, services=PLACE, begun=begun)
        assert await worker.ask(Do("pid")) == begun.process.pid
        assert await worker.ask(Do("settings")) == hello.settings
        os.kill(begun.process.pid, signal.SIGKILL)
        await until(lambda: worker.pid not in {None, begun.process.pid})
        assert await worker.ask(Do("pid")) == worker.pid, "the next one is greeted, too"
        await worker.close()
        assert begun.process.returncode == -signal.SIGKILL

    @pytest.mark.parametrize("greeted", [True, False])
    async def test_one_that_was_never_used_ends(self, tmp_path: Path, greeted: bool) -> None:
        hello = Hello(Settings(), str(tmp_path / "log"), PLACE)
        begun = begin(hello.log_path)
        assert begun is not None
        if greeted:
            begun.greet(hello)
        await WorkerProcess(hello.settings, hello.log_path, services=PLACE, begun=begun).close()
        assert await asyncio.to_thread(begun.process.wait, 20) == 0

    async def test_where_none_can_be_started_the_first_request_tells(self, tmp_path: Path) -> None:
        hello = Hello(Settings(), str(tmp_path / "no" / "such" / "log"), PLACE)
        assert begin(hello.log_path) is None
        worker = WorkerProcess(hello.settings, hello.log_path, services=PLACE)
        with pytest.raises(BackendCrashed):
            await worker.ask(Do("pid"))
        await worker.close()


class Tty(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self) -> bool:
        """It does."""
        return True


class TestAhead:
    """One that is started before the arguments are read."""

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("--tracking-uri", "runs"),
            ("--tracking-uri=x", "--read-only"),
            ("--slow", "--policy", "p.toml", "--reader", "mlflow", "--registry-uri", "diff"),
        ],
    )
    def test_where_the_app_will_open(self, arguments: tuple[str, ...]) -> None:
        assert is_for_app(arguments)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("runs",),
            ("--tracking-uri", "x", "diff", "abc"),
            ("--read-only", "models", "--help"),
            ("--help",),
            ("-h",),
            ("--version",),
            ("--show-completion",),
        ],
    )
    def test_not_for_a_command_or_a_text(self, arguments: tuple[str, ...]) -> None:
        assert not is_for_app(arguments)

    def test_not_for_completion(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The shell asks with the words that stand there, and there may be none."""
        assert is_for_app(())
        monkeypatch.setenv("_MLAUDIT_COMPLETE", "complete_bash")
        assert not is_for_app(())

    def test_it_knows_the_options_with_a_value(self) -> None:
        """All those that may stand before a command."""
        options = [p for p in program().params if not getattr(p, "is_flag", False)]
        assert {name for p in options for name in p.opts} == VALUED

    @pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
    def test_not_without_a_terminal(self, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
        """The app would not open there."""
        begun: list[str] = []
        monkeypatch.setattr(spawn, "begin", begun.append)
        monkeypatch.setattr(sys, "argv", ["mlaudit", "--read-only"])
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, Tty())
        begin_ahead()
        assert len(begun) == 1
        monkeypatch.setattr(sys, stream, io.StringIO())
        begin_ahead()
        assert len(begun) == 1

    def test_what_goes_wrong_is_left_for_the_app_to_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On one line."""

        def full(_path: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(spawn, "begin", full)
        monkeypatch.setattr(sys, "argv", ["mlaudit"])
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, Tty())
        assert begin_ahead() is None


class TestLog:
    """What the worker has to say goes into a file of its own."""

    async def test_noise_goes_there_without_passwords(self, worker: WorkerProcess, capfd: Any) -> None:
        await worker.ask(Do("noise"))
        log = Path(worker.log_path).read_text()
        for said in ("printed noise", "stderr noise", "logged noise", "raw noise", "child noise"):
            assert said in log
        assert "canary-secret" not in log
        assert capfd.readouterr() == ("", "")
        assert stat.S_IMODE(os.stat(worker.log_path).st_mode) == 0o600

    def test_the_newest_ten_stay(self, tmp_path: Path) -> None:
        for i in range(15):
            (tmp_path / f"mlaudit-{i:02}.log").write_text("")
            os.utime(tmp_path / f"mlaudit-{i:02}.log", (i, i))
        (tmp_path / "mine.log").write_text("")
        delete_old_logs(str(tmp_path / "mlaudit-00.log"))
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            "mine.log",
            "mlaudit-00.log",
            *(f"mlaudit-{i:02}.log" for i in range(5, 15)),
        ]

    def test_a_directory_that_cannot_be_made_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        path = Path(new_log_path(tmp_path / "file" / "logs"))
        assert path.parent.is_dir()
        assert path.parent != tmp_path
        path.parent.rmdir()
        assert stat.S_IMODE(Path(new_log_path(tmp_path / "logs")).parent.stat().st_mode) == 0o700


def test_the_screens_side_stays_light() -> None:
    """Neither MLflow nor the gateway is imported by the process of the screen."""
    program = """
import sys
import mlaudit.worker.backend, mlaudit.worker.process, mlaudit.worker.spawn
heavy = {"mlflow", "pandas", "numpy", "sqlalchemy", "textual", "mlaudit.wiring", "mlaudit.gateway", "multiprocessing"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


async def test_the_real_services_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a store to open, nothing of MLflow is needed: the plain path from end to end."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlflow.py").write_text("raise SystemExit('the working directory is not for imports')")
    worker = WorkerProcess(Settings(), str(tmp_path / "log"))
    try:
        with pytest.raises(errors.NoStore):
            await worker.ask(ListExperiments())
    finally:
        await worker.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "mlflow.py"]


async def test_threads_keep_the_deadline_as_well() -> None:
    backend = ThreadBackend(lambda _request: time.sleep(0.5))
    with pytest.raises(DeadlineExceeded):
        await backend.ask(Do("x"), deadline=0.1)


def test_the_grace_of_closing_fits_a_second() -> None:
    assert process.LAST_WRITES < 1
