"""What lies between the code of two runs, as far as a clone at hand can tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of ``git log --oneline``."""

    sha: str
    """Abbreviated."""
    subject: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that the two commits have differently."""

    status: str
    """git's letter: A added, D deleted, M modified, T type changed."""
    path: str


@dataclass(frozen=True, slots=True)
class CodeChange:
    """The commits of both runs; the log and the files only where :attr:`known`."""

    candidate: str | None
    """The commit that the run recorded; None if none."""
    baseline: str | None
    known: bool = False
    """Whether a clone here has both commits, so that what follows is what git says."""
    note: str = ""
    """Why there is no log, or what it leaves out; printable."""
    commits: tuple[Commit, ...] = ()
    """In the candidate and not in the baseline, newest first."""
    more_commits: bool = False
    """Whether there are more than those listed."""
    behind: int = 0
    """Commits of the baseline that the candidate lacks."""
    files: tuple[ChangedFile, ...] = ()
    """Those that differ between the two, by path."""
    more_files: bool = False
