"""A signal ends the app, whatever it is busy with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.plugins.terminal import stretched

ROOT = Path(__file__).parents[2]


def test_an_app_that_cannot_end_by_itself_is_ended(tmp_path: Path) -> None:
    """Its last place cannot be kept, and it never comes to the end that it is asked for."""
    code = textwrap.dedent("""
        import os, signal, sys
        import mlaudit.tui.app as module
        from mlaudit.config.settings import Settings

        module.SIGNAL_GRACE = 0.2

        class Stuck(module.MlauditApp):
            async def on_mount(self):
                await super().on_mount()
                self.places.keep = lambda: 1 / 0
                print("ready", flush=True)

            async def _start(self, screen):
                pass

            def exit(self, *_, **__):
                pass

        Stuck(None, Settings()).run(headless=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdout is not None
        try:
            assert any(b"ready" in line for line in process.stdout)
            process.send_signal(signal.SIGHUP)
            assert process.wait(stretched(10)) == 129
        finally:
            process.kill()
