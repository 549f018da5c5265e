"""Programs outside of the terminal's screen: what there is to open a file or an address with, and whether it may.

A file of a store is a stranger's. It is fetched into a private folder that is removed when mlaudit ends. What is only
looked at is handed on at once; what its program might obey, such as a page with scripts, is asked about first; what is
a program or starts one is not opened at all.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mlaudit.domain.text import clean, format_size
from mlaudit.services.preview_lines import text_of

Which = Callable[[str], str | None]

LOOKED_AT = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".txt", ".log", ".csv", ".tsv", ".json", ".jsonl", ".yaml"}
    | {".yml", ".md", ".toml", ".ini", ".cfg"}
)
"""Endings of what a program only shows."""
STARTED = frozenset(
    {".desktop", ".sh", ".bash", ".command", ".tool", ".app", ".workflow", ".terminal", ".jar", ".exe", ".bat", ".cmd"}
    | {".com", ".msi", ".scr", ".ps1", ".vbs", ".lnk", ".url", ".webloc", ".inetloc", ".reg", ".py", ".pyc", ".pl"}
    | {".rb", ".run", ".appimage", ".deb", ".rpm", ".pkg", ".dmg", ".so", ".dylib", ".jnlp", ".fileloc"}
    | {".js", ".jse", ".vbe", ".wsf", ".wsh", ".hta", ".pif", ".cpl", ".msc", ".pyw", ".pyz", ".scpt", ".applescript"}
    | {".action"}
)
"""Endings of what is a program or leads to one."""
PAGED_BYTES = 20_000_000
"""What of a text is shown by a pager."""


def opener(
    environ: Mapping[str, str] = os.environ, platform: str = sys.platform, which: Which = shutil.which
) -> list[str] | None:
    """The command that opens a file or an address with the user's own program; None where nobody would see it."""
    if platform == "darwin":
        # Over SSH it would open before somebody else's eyes.
        return ["open"] if not environ.get("SSH_CONNECTION") else None
    if environ.get("WSL_DISTRO_NAME") and which("wslview"):
        return ["wslview"]
    if (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")) and which("xdg-open"):
        return ["xdg-open"]
    return None


def pager(environ: Mapping[str, str] = os.environ, which: Which = shutil.which) -> list[str] | None:
    """The user's pager, or the first that there is; None where there is none."""
    try:
        wanted = shlex.split(environ.get("PAGER", ""))
    except ValueError:
        wanted = []
    for command in (wanted, ["less"], ["more"]):
        if command and which(command[0]):
            return command
    return None


def page_of_run(uri: str, experiment_id: str, run_id: str) -> str:
    """The address of a run's page in the web interface of the tracking server at ``uri``, without credentials."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"


def ending_of(path: str) -> str:
    """In small letters, with its dot; empty where there is none."""
    return Path(path).suffix.lower()


def is_started(path: str) -> bool:
    """Whether a file of this name is a program or leads to one, or may: Windows takes no dot or blank for an end."""
    return ending_of(path) in STARTED or path != path.rstrip(". ")


def start(command: list[str], what: str) -> str:
    """Start a program that goes on by itself; why it did not start, in words."""
    try:
        subprocess.Popen(
            [*command, what],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return f"{command[0]} did not start: {clean(error.strerror or error)}"
    return ""


def printable_copy(path: Path) -> Path | None:
    """A copy for a pager, which would hand escape codes on to the terminal; None where it is no text.

    Of more than :data:`PAGED_BYTES` the start, and its last line says so. Raises OSError.
    """
    with path.open("rb") as file:
        text = text_of(file.read(PAGED_BYTES))
        cut = bool(file.read(1))
    if text is None:
        return None
    # Its folder holds nothing else, and a name that is made longer may be too long.
    copy = path.with_name("printable.txt")
    lines = (clean(line.expandtabs(4), max_length=100_000) for line in text.replace("\r\n", "\n").split("\n"))
    end = f"\n… the file goes on; these are its first {format_size(PAGED_BYTES)}\n" if cut else ""
    copy.write_text("\n".join(lines) + end, encoding="utf-8")
    return copy


class Outside:
    """The private folder of this session."""

    def __init__(self) -> None:
        self._folder: str | None = None

    def new_folder(self) -> Path:
        """An empty one within it, for one file. Raises OSError."""
        if self._folder is None:
            # Only its owner may enter it.
            self._folder = tempfile.mkdtemp(prefix="mlaudit-open-")
        return Path(tempfile.mkdtemp(dir=self._folder))

    def close(self) -> None:
        """Remove it with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
