"""Writes the tables of keys in docs/app.md from the app's own bindings: ``python docs/keys.py``.

A test compares the two, so that no key is undocumented and none is documented that does not exist.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from textual.binding import Binding

from mlaudit.tui.keys import all_bindings

PAGE = Path(__file__).with_name("app.md")
BEGIN, END = "<!-- keys: begin (written by docs/keys.py) -->\n", "<!-- keys: end -->\n"
TITLES = {
    "app": "Everywhere",
    "screen": "Every screen but the first",
    "experiments": "Experiments",
    "runs": "Runs",
    "filter": "The filter of the runs",
    "columns": "Columns of the runs",
    "views": "Saved views of the runs",
    "groups": "What the runs are grouped by",
    "run": "A run",
    "overview": "The overview of a run",
    "artifacts": "Artifacts of a run",
    "preview": "The preview of an artifact",
    "download": "A download",
    "compare": "Marked runs side by side",
    "parallel": "Runs as lines over params and metrics",
    "scatter": "A param against a metric",
    "chart": "Curves",
    "diff": "A run against Production",
    "confirm": "The question before something is written",
    "models": "Registered models",
    "model": "A registered model",
    "board": "The versions of a model by stage",
    "alias": "The question for an alias",
    "history": "Who put what where",
    "record": "A record of that",
    "train": "The form of a training",
    "launches": "What was launched before",
    "trainings": "All trainings",
    "training": "A training under way",
    "search": "Searching an output",
    "table": "Small tables",
    "choices": "A field with choices",
    "switch": "A switch",
    "log": "The log",
    "notices": "Notifications",
    "help": "Help",
    "small": "A terminal that is too small",
}
"""Start of a binding's id -> title of its table; one that is not here is its own title, after all others."""
NAMES = {
    "question_mark": "?", "slash": "/", "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓",
    "plus": "+", "minus": "-", "equals_sign": "=", "full_stop": ".", "comma": ",", "colon": ":", "underscore": "_",
    "less_than_sign": "<", "greater_than_sign": ">", "left_square_bracket": "[", "right_square_bracket": "]",
    "percent_sign": "%", "asterisk": "*", "number_sign": "#", "exclamation_mark": "!", "vertical_line": "\\|",
    "left_curly_bracket": "{", "right_curly_bracket": "}", "tilde": "~", "at": "@", "dollar_sign": "$",
}  # fmt: skip


def bindings() -> Iterator[Binding]:
    """Every binding with an id of every screen and widget of the app."""
    return (binding for _, binding in all_bindings())


def row(binding: Binding) -> str:
    """A binding's line in its table."""
    keys = " ".join(f"`{NAMES.get(key.strip(), key.strip())}`" for key in binding.key.split(","))
    what = str(binding.tooltip or binding.description).replace("|", "\\|")
    return f"| {keys} | {what} | `{binding.id}` |"


def tables() -> str:
    """All tables, in the order of :data:`TITLES`."""
    groups: dict[str, list[str]] = {}
    for binding in bindings():
        line = row(binding)
        lines = groups.setdefault(str(binding.id).partition(".")[0], [])
        if line not in lines:
            lines.append(line)
    known = list(TITLES)
    parts = []
    for name in sorted(groups, key=lambda n: (known.index(n) if n in known else len(known), n)):
        title = TITLES.get(name, name.replace("_", " ").capitalize())
        lines = [f"### {title}", "", "| key | what it does | name |", "|---|---|---|", *groups[name], ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def documented(page: str) -> str:
    """The tables that stand in the page."""
    return page.partition(BEGIN)[2].partition(END)[0].strip("\n") + "\n"


def updated(page: str) -> str:
    """The page with the tables as they should be."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
