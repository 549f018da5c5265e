"""Where one was: the experiments that were looked at last in a store, with filter, order and columns.

One small JSON file for each store, on this machine alone, in the user's state folder beside the filters that were used.
It is no part of the store, so ``--read-only`` does not forbid it. A file that cannot be read is named and passed over;
the next place that is kept replaces it, since nothing in it is worth more than that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlaudit.config.filter_memory import LONGEST
from mlaudit.config.kept_file import replace_json
from mlaudit.config.places import state_dir
from mlaudit.domain.text import clean

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Place:
    """One look at runs."""

    experiment_ids: tuple[str, ...]
    names: tuple[str, ...]
    """Of the experiments, printable, in the same order; to say which of them is gone."""
    everything: bool = False
    """Whether these were all experiments of the store: then also those that came later are meant."""
    filter_string: str = ""
    sort: tuple[tuple[str, bool], ...] = ()
    """Columns, and whether each ascends; empty: newest first."""
    columns: tuple[str, ...] | None = None
    """Those that were chosen; None: the table's own choice."""
    run_id: str = ""
    """Where the cursor was; empty without one."""
    pinned: tuple[str, ...] = ()
    """Columns that stay in place beside the name."""
    curves: tuple[str, ...] = ()
    """Metrics whose histories are shown."""


class LastPlace:
    """The last place in one store. Reading and writing never raise."""

    def __init__(self, store: str, *, folder: Path | None = None) -> None:
        """``store``: its redacted URI; ``folder``: default the user's state folder."""
        self._store = store
        name = hashlib.sha256(store.encode("utf-8", "replace")).hexdigest()[:24]
        self.path = (folder or state_dir()) / "places" / f"{name}.json"
        self.problem = ""
        """What could not be read, in one printable line."""
        self._kept: Place | None = None
        """What the file says, as far as this one has read or written it."""

    def read(self) -> Place | None:
        """None where there is none, or none that can be read, which :attr:`problem` then says."""
        try:
            kept: Any = json.loads(self.path.read_text(encoding="utf-8"))
            self._kept = None if kept["place"] is None else _place(kept["place"])
            return self._kept
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not what mlaudit wrote"
            self.problem = f"the last place kept in {clean(self.path)} cannot be read ({reason}); it is passed over"
            return None

    def keep(self, place: Place | None) -> bool:
        """Write a place down, or with None that there is none. False: that could not be done."""
        if place == self._kept and (place is not None or not self.path.exists()):
            return True
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_json(self.path, {"version": _VERSION, "store": self._store, "place": place and asdict(place)})
        except (OSError, ValueError):
            return False
        self._kept = place
        return True


def _place(kept: Any) -> Place:
    """Raises LookupError, TypeError or ValueError for what is no place."""
    sort, columns = kept["sort"], kept["columns"]
    place = Place(
        _texts(kept["experiment_ids"]),
        _texts(kept["names"]),
        everything=kept["everything"] is True,
        filter_string=_text(kept["filter_string"]),
        sort=tuple((_text(column), ascending is True) for column, ascending in sort),
        columns=None if columns is None else _texts(columns),
        # An earlier mlaudit did not know these.
        pinned=_texts(kept.get("pinned", [])),
        curves=_texts(kept.get("curves", [])),
        run_id=_text(kept["run_id"]),
    )
    if not place.experiment_ids or len(place.names) != len(place.experiment_ids):
        raise ValueError("no place")
    return place


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise TypeError("no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("no texts")
    return tuple(map(_text, values))
