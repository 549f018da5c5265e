"""Which report is written where: ``--format`` and ``--output`` of ``mlaudit diff``, each of which may be repeated.

The first ``--output`` takes the first ``--format``, the second the second, and so on. An output that is left without a
format takes the one that its suffix names, else text. A format that is left without an output goes to stdout, where
there is room for one. A format that contradicts its output's suffix is an error: somebody has miscounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from os.path import normpath
from pathlib import PurePath

from mlaudit.domain.errors import UsageError


class GateFormat(StrEnum):
    """How a judgement is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"


_BY_SUFFIX = {
    ".json": GateFormat.JSON,
    ".md": GateFormat.MARKDOWN,
    ".markdown": GateFormat.MARKDOWN,
    ".xml": GateFormat.JUNIT,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One report."""

    form: GateFormat
    path: str | None
    """None: stdout."""


def report_targets(formats: Sequence[GateFormat], paths: Sequence[str]) -> tuple[Target, ...]:
    """The reports to write; text on stdout when nothing is asked for. Raises UsageError."""
    if "-" in paths:
        raise UsageError("--output - names no file: the --format that is left without an --output goes to stdout")
    if len({normpath(p) for p in paths}) < len(paths):
        raise UsageError("--output names the same file twice")
    left = formats[len(paths) :]
    if len(left) > 1:
        named = " and ".join(left)
        raise UsageError(f"there is one stdout for {named}; give each --format but one its own --output FILE")
    targets = []
    for i, path in enumerate(paths):
        meant = _BY_SUFFIX.get(PurePath(path).suffix.lower())
        form = formats[i] if i < len(formats) else meant or GateFormat.TEXT
        if meant is not None and meant is not form:
            raise UsageError(
                f"--format {form} would go to {path}, whose name says {meant}: the first --format belongs to the first"
                " --output, and so on"
            )
        targets.append(Target(form, path))
    if left or not paths:
        targets.append(Target(left[0] if left else GateFormat.TEXT, None))
    return tuple(targets)
