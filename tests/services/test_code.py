"""What git says lies between two commits; and that asking it is harmless."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlaudit.services import code as code_module
from mlaudit.services.code import DescribeCode, describe_code


class Clone:
    """A git repository with commits on demand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ("git", *identity, *arguments), cwd=self.path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, subject: str, **files: str) -> str:
        for name, content in files.items():
            (self.path / name.replace("__", ".")).write_text(content)
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", subject)
        return self("rev-parse", "HEAD")

    def describe(self, candidate: str | None, baseline: str | None):
        return describe_code(DescribeCode(candidate, baseline, str(self.path)))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_the_log_and_the_files_between_the_two(clone):
    first = clone.commit("first", train__py="1", old__py="1")
    (clone.path / "old.py").unlink()
    clone.commit("raise the \x1b[31mlearning\u2028\x0crate", train__py="2", new__py="1")
    last = clone.commit("more epochs", train__py="3")
    found = clone.describe(last, first)
    assert found.known
    assert [c.subject for c in found.commits] == ["more epochs", "raise the ␛[31mlearning‹U+2028›␌rate"]
    assert last.startswith(found.commits[0].sha)
    assert [(f.status, f.path) for f in found.files] == [("A", "new.py"), ("D", "old.py"), ("M", "train.py")]
    assert (found.behind, found.note, found.more_commits, found.more_files) == (0, "", False, False)


def test_a_candidate_that_lacks_commits_of_the_baseline(clone):
    clone.commit("root", a="1")
    clone("checkout", "-q", "-b", "other")
    ours = clone.commit("ours", b="1")
    clone("checkout", "-q", "main")
    theirs = clone.commit("theirs", c="1")
    found = clone.describe(ours, theirs)
    assert ([c.subject for c in found.commits], found.behind) == (["ours"], 1)
    assert found.note == "the baseline has 1 commit that the candidate lacks"


def test_long_lists_are_cut_and_say_so(clone, monkeypatch):
    monkeypatch.setattr(code_module, "MAX_COMMITS", 2)
    monkeypatch.setattr(code_module, "MAX_FILES", 2)
    first = clone.commit("0")
    for number in range(3):
        last = clone.commit(str(number + 1), **{f"f{number}": "x"})
    found = clone.describe(last, first)
    assert ([c.subject for c in found.commits], found.more_commits) == (["3", "2"], True)
    assert (len(found.files), found.more_files) == (2, True)


@pytest.mark.parametrize(
    ("candidate", "baseline", "note"),
    [
        (None, None, "the candidate and the baseline recorded no commit"),
        ("HEAD", "a" * 40, "no commit's id"),
        ("--output=/tmp/x", "a" * 40, "no commit's id"),
        ("a" * 40, "b" * 40, "does not have commit aaaaaaaaaaaa"),
        ("a" * 40, "a" * 40, "of one commit"),
    ],
)
def test_what_git_is_not_asked_or_does_not_have(clone, candidate, baseline, note):
    clone.commit("only")
    found = clone.describe(candidate, baseline)
    assert note in found.note
    assert not found.commits


def test_outside_a_clone_and_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    request = DescribeCode("a" * 40, "b" * 40, str(tmp_path))
    assert "inside the clone" in describe_code(request).note
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "inside the clone" in describe_code(request).note


def test_git_that_hangs_is_ended(clone, tmp_path, monkeypatch):
    monkeypatch.setattr(code_module, "_SECONDS", 0.3)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert "inside the clone" in clone.describe("a" * 40, "b" * 40).note


def test_no_program_of_the_clones_configuration_runs_and_nothing_is_written(clone, tmp_path):
    first = clone.commit("first", a="1")
    last = clone.commit("last", a="2", __gitattributes="* diff=evil\n")
    mark = tmp_path / "mark"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    for key in (
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "core.fsmonitor",
        "gpg.program",
        "core.pager",
    ):
        clone("config", key, str(program))
    clone("config", "log.showSignature", "true")
    mark.unlink(missing_ok=True)

    def state():
        return sorted((str(p), p.stat().st_mtime_ns) for p in clone.path.rglob("*"))

    before = state()
    assert clone.describe(last, first).known
    assert not mark.exists()
    assert state() == before
