"""The search for runs through MLflow's client: its language as it is, OR on top, and a word on its silent traps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_keys import written
from mlaudit.domain.filter_warnings import silent_traps, unknown_keys
from mlaudit.domain.filters import Comparison, Parsed, Terms, parse
from mlaudit.domain.models import RunPage, ViewType
from mlaudit.domain.text import clean
from mlaudit.gateway import convert, faults
from mlaudit.gateway.alternatives import Alternatives, Found, term_filters

_VIEWS = {ViewType.ACTIVE_ONLY: 1, ViewType.DELETED_ONLY: 2, ViewType.ALL: 3}
"""MLflow's numbers for them."""
_SAMPLE = 100
"""Runs whose keys are looked through for one like an unknown key."""
_MOST_QUESTIONS = 6
"""Small searches that remarks on one search may cost."""
_GUESSED = "the server cannot put runs of several searches in order: texts are compared by their characters"


class RunSearch:
    """Searches for runs. Callers translate what MLflow raises, except FilterError."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._alternatives = Alternatives()

    def page(
        self,
        experiments: Sequence[str],
        filter_string: str,
        order_by: Sequence[str],
        size: int,
        token: str | None,
        view: ViewType = ViewType.ACTIVE_ONLY,
    ) -> RunPage:
        """One page, with remarks on the first one. Raises FilterError for what the store or the language rejects."""
        try:
            parsed = parse(filter_string)
        except FilterError as error:
            # MLflow has the last word on its own language; what it rejects gets our position.
            page = self.plain_page(experiments, filter_string, order_by, size, token, view)
            doubt = f"character {error.position + 1}: {error.problem}; MLflow took it all the same"
            return page if token is not None else replace(page, warnings=(doubt,))
        if not parsed.comparisons:
            # A filter of blanks is refused by MLflow.
            filter_string = filter_string.strip()
        filters = term_filters(filter_string, parsed) if parsed.extended else [filter_string]
        if len(filters) == 1:
            page = self.plain_page(experiments, filters[0], order_by, size, token, view)
            runs, following, guessed = page.runs, page.next_page_token, False
            empty: tuple[int, ...] = () if runs else (0,)
        else:

            def ask(text: str, count: int, page_token: str | None) -> Found:
                return self._ask(experiments, text, order_by, count, page_token, view)

            merged = self._alternatives.page(ask, (*experiments, view), filters, order_by, size, token)
            runs, following, empty = tuple(map(convert.run, merged.runs)), merged.next_page_token, merged.empty_terms
            guessed = merged.guessed_order
        if token is not None:
            return RunPage(runs, following)
        empty_terms = tuple(parsed.terms[i] for i in empty)
        remarks = self._remarks(experiments, parsed, empty_terms, view, found=bool(runs))
        return RunPage(runs, following, (*remarks, *([_GUESSED] if guessed else [])))

    def plain_page(
        self,
        experiments: Sequence[str],
        filter_string: str,
        order_by: Sequence[str],
        size: int,
        token: str | None,
        view: ViewType = ViewType.ACTIVE_ONLY,
    ) -> RunPage:
        """What MLflow finds, without a remark. Raises FilterError."""
        runs, following = self._ask(experiments, filter_string, order_by, size, token, view)
        return RunPage(tuple(map(convert.run, runs)), following)

    def _ask(
        self,
        experiments: Sequence[str],
        filter_string: str,
        order_by: Sequence[str],
        size: int,
        token: str | None,
        view: ViewType,
    ) -> Found:
        try:
            page = self._client.search_runs(
                list(experiments), filter_string, _VIEWS[view], size, list(order_by) or None, token
            )
        except Exception as error:
            if faults.is_invalid(error) and (filter_string or order_by):
                raise faults.filter_error(error, filter_string, tuple(order_by)) from error
            raise
        # The file store makes its tokens of bytes.
        following = page.token.decode("ascii") if isinstance(page.token, bytes) else page.token
        return list(page), following or None

    def _remarks(
        self, experiments: Sequence[str], parsed: Parsed, empty: Terms, view: ViewType, *, found: bool
    ) -> tuple[str, ...]:
        """What MLflow does not say. A search that finds nothing is worth a few small questions, any other none."""
        try:
            missing = () if found else self._missing_experiments(experiments)
            looked_for = () if missing else empty
            is_known, nearby = self._known_key(experiments, view), self._keys_nearby(experiments, view)
            unknown, named = unknown_keys(looked_for, is_known, nearby)
        except Exception:  # noqa: BLE001  the runs asked for are at hand; only a remark on them is not
            missing, unknown, named = (), (), ()
        return (*missing, *unknown, *silent_traps(parsed, named))

    def _known_key(self, experiments: Sequence[str], view: ViewType) -> Callable[[Comparison], bool]:
        """Whether any run has the key, by a search for one run. Raises what MLflow raises."""
        asked = 0

        def known(comparison: Comparison) -> bool:
            nonlocal asked
            asked += 1
            if asked > _MOST_QUESTIONS:
                return True
            return any(bool(self._ask(experiments, text, (), 1, None, view)[0]) for text in _any_value(comparison))

        return known

    def _keys_nearby(self, experiments: Sequence[str], view: ViewType) -> Callable[[str], Iterable[str]]:
        sample: list[Any] = []

        def keys(entity: str) -> Iterable[str]:
            if not sample:
                sample.extend(self._ask(experiments, "", (), _SAMPLE, None, view)[0])
            return {key for run in sample for key in getattr(run.data, f"{entity}s")}

        return keys

    def _missing_experiments(self, experiments: Sequence[str]) -> tuple[str, ...]:
        """MLflow finds no runs, in silence, in an experiment that does not exist."""
        return tuple(
            f"there is no experiment with the id {clean(i)}"
            for i in experiments[:_MOST_QUESTIONS]
            if not self._exists(i)
        )

    def _exists(self, experiment: str) -> bool:
        try:
            self._client.get_experiment(experiment)
        except Exception as error:
            if faults.is_missing(error) or faults.is_invalid(error):
                return False
            raise
        return True


def _any_value(comparison: Comparison) -> tuple[str, ...]:
    """Searches that find any run with the comparison's key. MLflow has IS NOT NULL since lately, not for metrics."""
    name = written(comparison.entity, comparison.key)
    if comparison.entity == "metric":
        return f"{name} != 0", f"{name} = 0"
    return (f"{name} LIKE '%'",)
