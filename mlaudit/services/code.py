"""What lies between the commits of two runs, asked of git in the clone that the working directory is in.

git is called without a shell, with a time limit, and reads only so much of its output. It takes no lock, asks nobody
for a password, fetches nothing, and runs none of the programs that a clone's configuration may name (external diffs,
text converters, signature checkers, file system monitors). Only what looks like a commit's id is ever handed to it:
tags are whatever a client wrote.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mlaudit.domain.code_change import ChangedFile, CodeChange, Commit
from mlaudit.domain.text import clean
from mlaudit.services.requests import Request

MAX_COMMITS = 30
MAX_FILES = 60
_MAX_BYTES = 200_000
_SECONDS = 3.0
"""For each call of git."""
_SHA = re.compile(r"[0-9a-f]{7,64}")
_OPTIONS = (
    "--no-pager",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "log.showSignature=false",
    "-c", "log.mailmap=false",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DescribeCode(Request[CodeChange]):
    """Compare two commits, as the runs recorded them."""

    candidate: str | None
    baseline: str | None
    directory: str | None = None
    """Where to look for a clone; None: the working directory."""

    deadline: ClassVar[float] = 20.0

    @property
    def what(self) -> str:
        return "what changed in the code"


class _GitFailed(Exception):
    """git is missing, took too long, or said no."""


def describe_code(request: DescribeCode) -> CodeChange:
    """Never raises: where git cannot tell, the note says why."""
    ours, theirs = _commit(request.candidate), _commit(request.baseline)
    known = CodeChange(clean(request.candidate) or None, clean(request.baseline) or None)
    if not known.candidate or not known.baseline:
        lacking = [name for name, sha in (("candidate", known.candidate), ("baseline", known.baseline)) if not sha]
        return _with(known, note=f"the {' and the '.join(lacking)} recorded no commit")
    if ours is None or theirs is None:
        return _with(known, note="what a side recorded is no commit's id")
    if ours == theirs:
        return _with(known, known=True, note="both runs are of one commit")
    try:
        directory = Path(request.directory) if request.directory is not None else Path.cwd()
        _git(directory, "rev-parse", "--git-dir")
    except (_GitFailed, OSError):
        return _with(known, note="run mlaudit inside the clone to see what changed between the two commits")
    for sha in (ours, theirs):
        try:
            _git(directory, "cat-file", "-e", f"{sha}^{{commit}}")
        except _GitFailed:
            return _with(known, note=f"the clone here does not have commit {sha[:12]}")
    try:
        return _between(directory, known, ours, theirs)
    except (_GitFailed, ValueError):
        return _with(known, note="git could not tell what changed between the two commits")


def _commit(text: str | None) -> str | None:
    """The text as an id that git may be asked about; None when it is none."""
    sha = (text or "").strip().lower()
    return sha if _SHA.fullmatch(sha) else None


def _with(base: CodeChange, *, known: bool = False, note: str = "") -> CodeChange:
    return CodeChange(base.candidate, base.baseline, known, note)


def _between(directory: Path, base: CodeChange, ours: str, theirs: str) -> CodeChange:
    span = f"{theirs}..{ours}"
    log = _git(directory, "log", "--no-decorate", "--no-color", "--format=%h%x00%s", f"-{MAX_COMMITS + 1}", span, "--")
    # At line feeds alone: a subject may hold other characters at which Python would break lines.
    lines = [line.partition("\0") for line in log.split("\n") if "\0" in line]
    commits = [Commit(clean(sha, max_length=200), clean(subject, max_length=200)) for sha, _, subject in lines]
    behind = int(_git(directory, "rev-list", "--count", f"{ours}..{theirs}", "--") or 0)
    # diff-tree is plumbing: it looks at no working tree and at no attribute's text converter.
    raw = _git(directory, "diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--name-status", theirs, ours)
    words = raw.split("\0")
    files = [
        ChangedFile(clean(s, max_length=4), clean(p, max_length=300))
        for s, p in zip(words[::2], words[1::2], strict=False)
    ]
    return CodeChange(
        base.candidate,
        base.baseline,
        known=True,
        note=f"the baseline has {behind} commit{'s' if behind > 1 else ''} that the candidate lacks" if behind else "",
        commits=tuple(commits[:MAX_COMMITS]),
        more_commits=len(commits) > MAX_COMMITS,
        behind=behind,
        files=tuple(files[:MAX_FILES]),
        more_files=len(files) > MAX_FILES,
    )


def _environment() -> dict[str, str]:
    # GIT_DIR and its like would lead git elsewhere than the directory it is called in.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_PAGER": "cat",
        "LC_ALL": "C",
    }


def _git(directory: Path, *arguments: str) -> str:
    """What git writes to stdout, as far as the limit. Raises _GitFailed."""
    command: Sequence[str] = ("git", *_OPTIONS, *arguments)
    try:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        raise _GitFailed from error
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    with process:
        assert process.stdout is not None
        output = process.stdout.read(_MAX_BYTES)
        cut = bool(process.stdout.read(1))
        if cut:
            process.kill()
        code = process.wait()
        timer.cancel()
    if code != 0 and not cut:
        raise _GitFailed
    return output.decode("utf-8", "replace")
