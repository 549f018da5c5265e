"""Views of the runs that were saved in the app, on the command line: their filter, order and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from mlaudit.cli import output
from mlaudit.cli.triage import Order
from mlaudit.config.saved_views import SavedViews
from mlaudit.domain.columns import arranged, is_curve
from mlaudit.domain.errors import UsageError
from mlaudit.domain.groups import COUNT
from mlaudit.domain.models import ViewType
from mlaudit.domain.saved_view import SavedView
from mlaudit.domain.text import clean
from mlaudit.domain.triage import VERDICT_FIELDS


@dataclass(frozen=True, slots=True)
class Listing:
    """What a view says of a list of runs."""

    filter_string: str
    order_by: list[str]
    local_order: list[Order]
    """By what only verdicts know."""
    columns: tuple[str, ...] | None
    view_type: ViewType


def listing(name: str, store: str, experiments: Mapping[str, str], *, verdict: bool) -> Listing:
    """The view of that name; what it is, and what of it a list cannot have, is said on stderr.

    ``experiments``: id -> name, those that are listed. Raises UsageError when there is no such view.
    """
    view = _found(name, store, experiments)
    output.say(f"mlaudit: view {clean(name)}: {clean(view.summary)}")
    left_out = [what for what, there in (("groups", view.group_by), ("the tree", view.tree)) if there]
    left_out += [what for what, there in (("curves", view.curves), ("only what differs", view.only_differing)) if there]
    by_verdict = [key for key in view.sorting if key.column in VERDICT_FIELDS]
    # The store has sorted before there is a verdict.
    verdicts = list(takewhile(lambda key: key.column in VERDICT_FIELDS, view.sorting))
    shown = None if view.columns is None else [c for c in view.columns if not is_curve(c) and c != COUNT]
    if not verdict:
        if by_verdict or any(c in VERDICT_FIELDS for c in shown or ()):
            left_out.append("verdicts (they need --verdict)")
        shown = None if shown is None else [c for c in shown if c not in VERDICT_FIELDS]
    elif len(verdicts) < len(by_verdict):
        left_out.append("the order by verdicts after another key")
    if left_out:
        output.say(f"mlaudit: of that view a list leaves out: {', '.join(left_out)}")
    return Listing(
        view.filter_string,
        list(view.order_by),
        [(key.column, not key.ascending) for key in verdicts] if verdict else [],
        arranged(shown, view.pinned) if shown else None,
        view.view_type,
    )


def _found(name: str, store: str, experiments: Mapping[str, str]) -> SavedView:
    kept = SavedViews(store, tuple(experiments))
    views = kept.read()
    if kept.problem:
        output.say(f"mlaudit: {kept.problem}")
    if name in views:
        return views[name]
    if len(experiments) > 1:
        having = [label for key, label in experiments.items() if name in SavedViews(store, (key,)).read()]
        if having:
            raise UsageError(f"the view {name!r} is one of the experiment {', '.join(having)}: choose it with -e")
    known = ", ".join(repr(each) for each in views)
    there_are = f"there are: {known}" if known else "none is saved for what is listed; w in the app's list of runs does"
    raise UsageError(f"no view is named {name!r}; {there_are}")
