"""A line of the table: what was done, our figures and MLflow's, the bar, and whether it was met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of work."""

    work: str
    ours: str
    theirs: str = "-"
    ratio: str = "-"
    bar: str = "-"
    met: bool | None = None
    """None: there is no bar, or what it takes to tell was not measured."""

    def __str__(self) -> str:
        verdict = {True: "met", False: "not met", None: "-" if self.bar == "-" else "not told"}[self.met]
        return f"| {self.work} | {self.ours} | {self.theirs} | {self.ratio} | {self.bar} | {verdict} |"


HEADER = "| work | mlaudit | MLflow | times faster | bar | |\n|---|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one process took."""

    seconds: float
    """Within the process, its imports not counted."""
    cpu: float
    """Of these, at a processor."""
    wall: float
    """Of the whole process."""
    megabytes: float
    """At most."""

    @property
    def words(self) -> str:
        """For the table."""
        inner = f"{self.seconds:.3f} s ({self.cpu:.3f} CPU)"
        return f"{inner}; process {self.wall:.2f} s, {self.megabytes:.0f} MB"


def ratio(ours: float, theirs: float | None, patience: float) -> tuple[float, str]:
    """How many times faster, and in words; at least so many where MLflow was stopped."""
    found = (patience if theirs is None else theirs) / ours
    return found, f"{'> ' if theirs is None else ''}{found:.1f}"


def at_least(bar: float, ours: float, theirs: float | None, patience: float) -> bool | None:
    """Whether ours is so many times faster; None where MLflow was stopped too early to tell."""
    found = ratio(ours, theirs, patience)[0]
    return True if found >= bar else None if theirs is None else False
