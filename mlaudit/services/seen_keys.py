"""Which keys there were among runs that are not kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlaudit.domain.columns import GROUPS, near
from mlaudit.domain.models import Run


@dataclass
class SeenKeys:
    """Which metrics, params and tags the runs had that went by."""

    count: int = 0
    printable: dict[str, set[str]] = field(default_factory=lambda: {group: set() for group in GROUPS})
    changed: dict[str, str] = field(default_factory=dict)
    """Printable key -> the store's, where they differ."""
    _last: tuple[tuple[str, ...], ...] = ()
    """The keys of the run before."""

    def add(self, runs: Iterable[Run]) -> None:
        """Look at some more runs."""
        for run in runs:
            self.count += 1
            # Nearly always the same as before.
            if (keys := (tuple(run.metrics), tuple(run.params), tuple(run.tags))) != self._last:
                self._last = keys
                for group, known in self.printable.items():
                    known.update(getattr(run, group))
            if run.raw_keys:
                self.changed.update(run.raw_keys)

    def has(self, group: str, raw_key: str) -> bool:
        """Whether any run had this key, in the store's form."""
        keys = self.printable[group]
        return raw_key in keys or any(raw == raw_key and key in keys for key, raw in self.changed.items())

    def unknown(self, columns: Iterable[str]) -> list[tuple[str, str]]:
        """Columns whose key no run had, each with a hint at near ones. Empty when there were no runs."""
        split = [(c, *c.partition(".")) for c in columns] if self.count else []
        return [
            (column, near(key, self.printable[group]))
            for column, group, dot, key in split
            if dot and key not in self.printable[group]
        ]
