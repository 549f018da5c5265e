"""The pages say what is so: links lead somewhere, commands and keys are real, settings and variables are all told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mlaudit.cli.main import program
from mlaudit.config.personal import _KINDS

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
INTERNAL = {"MLAUDIT_OWN_ENV", "MLAUDIT_OWN_ENVIRONMENT", "MLAUDIT_TEST"}
"""How mlaudit's own processes tell one another something; nobody else sets them."""
GIVEN = ("VISUAL", "EDITOR", "NO_COLOR", "GITHUB_STEP_SUMMARY", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Variables of others that mlaudit heeds."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file, and to a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        there = page if not name else (page.parent / name).resolve()
        assert there.exists(), f"{page.name} links {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", text_of(there), flags=re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings], target


def commands(page: Path) -> list[str]:
    """The lines of a shell that begin with mlaudit, joined where they go on."""
    lines = re.sub(r"\\\n\s*", " ", text_of(page)).splitlines()
    shell = [re.sub(r"^(\$ |    (\.venv/bin/)?)", "", line) for line in lines if re.match(r"\$ |    ", line)]
    return [line for line in shell if line.startswith("mlaudit ")]


def test_every_command_in_a_page_exists() -> None:
    """With each of its options."""
    root = program()
    common = {o for p in root.params for o in p.opts} | {"-h", "--help"}
    seen = 0
    for page in PAGES:
        for line in commands(page):
            words = shlex.split(line.partition("#")[0])[1:]
            names = [w for w in words if w in root.commands]
            assert names or all(w.startswith("-") for w in words), f"{page.name}: {line}"
            if not names or names[0] == "train":
                continue
            command = root.commands[names[0]]
            parts = [command, *(c for w in words if (c := getattr(command, "commands", {}).get(w)))]
            known = common | {o for part in parts for p in part.params for o in (*p.opts, *p.secondary_opts)}
            given = {w.partition("=")[0] for w in words if w.startswith("-") and len(w) > 1}
            assert given <= known, f"{page.name}: {line}"
            seen += 1
    assert seen > 20


def test_every_setting_and_variable_is_documented() -> None:
    """What mlaudit reads from its environment, and the keys of a user's own file."""
    sources = "\n".join(text_of(path) for path in (ROOT / "mlaudit").rglob("*.py"))
    pages = "\n".join(map(text_of, PAGES))
    ours = set(re.findall(r"\bMLAUDIT_[A-Z_]+\b", sources)) - INTERNAL
    assert {"MLAUDIT_CONFIG", "MLAUDIT_STATE_DIR"} <= ours
    assert [v for v in (*sorted(ours), *GIVEN) if v not in pages] == []
    settings = text_of(ROOT / "docs" / "cli.md").partition("\n## config\n")[2]
    assert [key for key in _KINDS if f"`{key}`" not in settings and f"`[{key}]`" not in settings] == []


def test_the_overview_of_keys_names_real_ones() -> None:
    """Each of the table's keys is bound somewhere."""
    from mlaudit.tui.keys import all_bindings

    names = {"esc": "escape", "↑": "up", "↓": "down", "?": "question_mark", "/": "slash", "=": "equals_sign"}
    names |= {">": "greater_than_sign", "<": "less_than_sign", "+": "plus", "-": "minus"}
    names |= {"alt+→": "alt+right", "alt+←": "alt+left", "…": "1"}
    bound = {key.strip() for _, binding in all_bindings() for key in binding.key.split(",")} | {"ctrl+p"}
    table = text_of(ROOT / "docs" / "keys.md").partition("## Other keys")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ") and "`" in line]
    keys = [names.get(key, key) for row in rows for key in re.findall(r"`([^`]+)`", row)]
    assert len(keys) > 30
    assert [key for key in keys if key not in bound] == []
