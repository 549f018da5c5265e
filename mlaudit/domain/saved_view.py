"""How somebody looked at the runs of an experiment: filter, order, columns, groups; and that as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlaudit.domain.columns import CURVES, FIELDS, GROUPS, is_curve, order_key
from mlaudit.domain.groups import COUNT, GROUP_FIELDS, RECIPE, Statistic
from mlaudit.domain.models import ViewType
from mlaudit.domain.sorting import Sorting, SortKey
from mlaudit.domain.triage import VERDICT_FIELDS

DELETED_WORDS = {ViewType.ALL: "deleted ones too", ViewType.DELETED_ONLY: "deleted ones only"}


@dataclass(frozen=True, slots=True)
class SavedView:
    """All that the list of runs can be told, but for marks and the place of the cursor."""

    filter_string: str = ""
    sorting: Sorting = ()
    order_by: tuple[str, ...] = ()
    """The same as the store is asked for it, without verdicts: keys are the store's own there."""
    columns: tuple[str, ...] | None = None
    """None: the list's own choice."""
    only_differing: bool = False
    pinned: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    """Metrics whose histories are shown."""
    verdicts: bool = True
    group_by: tuple[str, ...] = ()
    """Empty: not grouped."""
    statistic: Statistic = Statistic.MEAN_SD
    """What groups show of a metric."""
    group_sorting: Sorting = ()
    tree: bool = False
    """Whether nested runs stand below their parents."""
    view_type: ViewType = ViewType.ACTIVE_ONLY
    """Whether deleted runs are looked through."""

    @property
    def summary(self) -> str:
        """What is special about it, in a few printable words."""
        said = [self.filter_string or "all runs"]
        orders = self.group_sorting if self.group_by else self.sorting
        if orders:
            said.append("by " + ", ".join(f"{_short(key.column)} {'▲' if key.ascending else '▼'}" for key in orders))
        if self.group_by:
            said.append("grouped by " + ", ".join(map(_short, self.group_by)))
        said += ["tree"] if self.tree else []
        said += [DELETED_WORDS[self.view_type]] if self.view_type in DELETED_WORDS else []
        said += ["only what differs"] if self.only_differing else []
        if self.columns is not None:
            said.append(f"{len(self.columns)} columns")
        said += [f"{len(self.pinned)} pinned"] if self.pinned else []
        said += [f"{len(self.curves)} curve{'' if len(self.curves) == 1 else 's'}"] if self.curves else []
        said += [] if self.verdicts else ["no verdicts"]
        return " · ".join(said)


def _short(column: str) -> str:
    return column.partition(".")[2] or column


def as_plain(view: SavedView) -> dict[str, Any]:
    """The view as JSON has it."""
    return {
        "filter": view.filter_string,
        "sorting": [[key.column, key.ascending] for key in view.sorting],
        "order_by": list(view.order_by),
        "columns": None if view.columns is None else list(view.columns),
        "only_differing": view.only_differing,
        "pinned": list(view.pinned),
        "curves": list(view.curves),
        "verdicts": view.verdicts,
        "group_by": list(view.group_by),
        "statistic": str(view.statistic),
        "group_sorting": [[key.column, key.ascending] for key in view.group_sorting],
        "tree": view.tree,
        "view_type": str(view.view_type),
    }


def from_plain(plain: Any) -> SavedView:
    """The view in a JSON value; what it does not say is as in a new list. Raises ValueError for what is no view."""
    if not isinstance(plain, Mapping):
        raise ValueError("not an object")
    columns = plain.get("columns")
    view = SavedView(
        filter_string=_text(plain.get("filter", "")),
        sorting=_sorting(plain.get("sorting", ())),
        order_by=_texts(plain.get("order_by", ())),
        columns=None if columns is None else _texts(columns),
        only_differing=plain.get("only_differing", False) is True,
        pinned=_texts(plain.get("pinned", ())),
        curves=_texts(plain.get("curves", ())),
        verdicts=plain.get("verdicts", True) is not False,
        group_by=_texts(plain.get("group_by", ())),
        statistic=Statistic(_text(plain.get("statistic", Statistic.MEAN_SD))),
        group_sorting=_sorting(plain.get("group_sorting", ())),
        tree=plain.get("tree", False) is True,
        view_type=ViewType(_text(plain.get("view_type", ViewType.ACTIVE_ONLY))),
    )
    group_orders = [key.column for key in view.group_sorting]
    named = [*(view.columns or ()), *view.pinned, *(key.column for key in view.sorting), *group_orders]
    if unknown := [column for column in named if not is_column(column)]:
        raise ValueError(f"no column {unknown[0]}")
    if odd := [column for column in view.group_by if not can_group(column)]:
        raise ValueError(f"runs are not grouped by {odd[0]}")
    if odd := [k.column for k in view.sorting if k.column not in VERDICT_FIELDS and order_key(k.column) is None]:
        raise ValueError(f"runs are not sorted by {odd[0]}")
    if odd := [column for column in group_orders if is_curve(column) or column in VERDICT_FIELDS]:
        raise ValueError(f"groups are not sorted by {odd[0]}")
    return view


def is_column(column: str) -> bool:
    """Whether a list of runs can have it, whatever keys the runs have."""
    group, dot, key = column.partition(".")
    return bool(key) and group in (*GROUPS, CURVES) if dot else column in (*FIELDS, *VERDICT_FIELDS, COUNT)


def can_group(column: str) -> bool:
    """Whether runs can be grouped by it."""
    group, dot, key = column.partition(".")
    return bool(key) and group in {"params", "tags"} if dot else column in (RECIPE, *GROUP_FIELDS)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError("not a list")
    return tuple(map(_text, values))


def _sorting(values: Any) -> Sorting:
    if not isinstance(values, Sequence) or not all(isinstance(v, Sequence) and len(v) == 2 for v in values):
        raise ValueError("not an order")
    return tuple(SortKey(_text(column), ascending is True) for column, ascending in values)
