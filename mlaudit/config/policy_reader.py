"""From a policy's TOML table to :class:`~mlaudit.domain.verdict.GatePolicy`, key by key.

Every value is checked; an error names file, line and key, and what is allowed there.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from mlaudit.config.toml_lines import Path, line_of
from mlaudit.domain.baseline import parse_selector
from mlaudit.domain.errors import BaselineSelectorError, PolicyError
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import Direction, GatePolicy, MetricRule, Role

SCHEMA = 1
SELECT = re.compile(r"last|best|step:-?\d{1,18}")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    text: str


class _Section:
    """One table of the policy. Its methods take a value out, checked; each raises PolicyError."""

    def __init__(self, file: _File, path: Path, table: object, allowed: Iterable[str]) -> None:
        self._file, self._path = file, path
        if not isinstance(table, dict):
            raise self.error("must be a table")
        self._table: dict[str, Any] = table
        known = tuple(allowed)
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                meant = f" (did you mean {close[0]}?)" if close else ""
                raise self.error(f"unknown key{meant}; allowed here: {', '.join(known)}", key)

    def error(self, problem: str, *below: str | int) -> PolicyError:
        """An error about this table, or about what is ``below`` it."""
        path = (*self._path, *below)
        named = ".".join(p if _BARE_KEY.fullmatch(p) else json.dumps(p) for p in path if isinstance(p, str))
        return PolicyError(self._file.path, line_of(self._file.text, path), clean(f"{named}: {problem}"))

    def _wrong(self, key: str, wanted: str) -> PolicyError:
        value = self._table[key]
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool | int | float) else "what it is"
        return self.error(f"must be {wanted}, not {shown[:60]}", key)

    def has(self, key: str) -> bool:
        return key in self._table

    def text(self, key: str, default: T) -> str | T:
        """Text that is not empty."""
        if key not in self._table:
            return default
        value = self._table[key]
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, "text in quotes")
        return value

    def choice(self, key: str, default: str, allowed: Iterable[str]) -> str:
        """One of a few words."""
        value = self._table.get(key, default)
        words = tuple(str(word) for word in allowed)
        if value not in words:
            raise self._wrong(key, " or ".join(json.dumps(w) for w in words))
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def number(
        self, key: str, wanted: str = "a number", low: float = -math.inf, high: float = math.inf
    ) -> float | None:
        """A finite number within [low, high]; None when it is not set."""
        if key not in self._table:
            return None
        value = self._table[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, wanted)
        try:
            number = float(value)
        except OverflowError:
            raise self._wrong(key, wanted) from None
        if not math.isfinite(number) or not low <= number <= high:
            raise self._wrong(key, wanted)
        return number

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one."""
        if key not in self._table:
            return default
        value = self._table[key]
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(v, str) and v.strip() for v in listed):
            raise self._wrong(key, "a list of texts")
        return tuple(listed)

    def section(self, key: str, allowed: Iterable[str]) -> _Section:
        """The table ``key``; an empty one when it is not there."""
        return _Section(self._file, (*self._path, key), self._table.get(key, {}), allowed)

    def sections(self, key: str, allowed: Iterable[str]) -> list[_Section]:
        """The array of tables ``key``."""
        value = self._table.get(key, [])
        if not isinstance(value, list):
            raise self.error(f"must be an array of tables, [[...{key}]]", key)
        return [_Section(self._file, (*self._path, key, i), v, allowed) for i, v in enumerate(value)]


def read_models(
    table: dict[str, Any], *, prefix: tuple[str, ...], text: str, path: str, sha256: str
) -> dict[str, GatePolicy]:
    """Raw model name -> policy. ``prefix``: the keys in the file that lead to ``table``. Raises PolicyError."""
    root = _Section(_File(path, text), prefix, table, ("schema", "model"))
    schema = table.get("schema")
    if schema is None:
        raise root.error(f"say which schema it is written in: schema = {SCHEMA}", "schema")
    if isinstance(schema, bool) or schema != SCHEMA:
        raise root.error(f"this mlaudit reads schema = {SCHEMA}, not {schema!r}", "schema")
    models = table.get("model", {})
    root.section("model", models if isinstance(models, dict) else ())
    keys = ("experiment", "baseline", "on_multiple_baselines", "first_promotion", "comparability", "replicates", "gate")
    return {
        name: _model(root.section("model", models).section(name, (*keys, "metric")), name, path, sha256)
        for name in models
    }


def _model(section: _Section, name: str, path: str, sha256: str) -> GatePolicy:
    comparability = section.section("comparability", ("dataset", "on_unknown", "git_commit"))
    dataset = comparability.section("dataset", ("input_context", "tag"))
    # Naming one of the two witnesses of the data's identity means that one only.
    named = comparability.has("dataset")
    replicates = section.section("replicates", ("nuisance_params", "calibrate", "paired"))
    gate = section.section("gate", ("alpha", "on_inconclusive"))
    standard = GatePolicy()
    experiment = section.text("experiment", None)
    alpha = gate.number("alpha", "a number above 0 and at most 0.5", 1e-9, 0.5)
    return GatePolicy(
        metrics=_metrics(section),
        model=clean(name),
        experiment=experiment,
        baselines=_baselines(section, standard.baselines),
        on_multiple_baselines=section.choice("on_multiple_baselines", "error", ("error", "newest")),
        first_promotion=section.choice("first_promotion", "bounds", ("bounds", "allow", "block")),
        dataset_context=dataset.text("input_context", None if named else standard.dataset_context),
        dataset_tag=dataset.text("tag", None if named else standard.dataset_tag),
        on_unknown=comparability.choice("on_unknown", "warn", ("warn", "block")),
        git_commit=comparability.choice("git_commit", "ignore", ("ignore", "same")),
        nuisance_params=replicates.texts("nuisance_params", standard.nuisance_params),
        calibrate=replicates.flag("calibrate", True),
        paired=replicates.flag("paired", False),
        alpha=standard.alpha if alpha is None else alpha,
        on_inconclusive=gate.choice("on_inconclusive", "block", ("block", "warn", "pass")),
        path=path,
        sha256=sha256,
    )


def _baselines(section: _Section, default: tuple[str, ...]) -> tuple[str, ...]:
    """The baseline selectors in their canonical form."""
    words = section.texts("baseline", default)
    if not words:
        raise section.error("must name at least one baseline", "baseline")
    try:
        return tuple(str(parse_selector(word)) for word in words)
    except BaselineSelectorError as error:
        raise section.error(error.message(), "baseline") from None


def _metrics(section: _Section) -> tuple[MetricRule, ...]:
    keys = ("name", "role", "direction", "max_rel_regression", "max_abs_regression", "combine", "upper_bound")
    rules: list[MetricRule] = []
    for table in section.sections("metric", (*keys, "lower_bound", "select", "relative_sd")):
        rule = _metric(table)
        if any(rule.name == other.name for other in rules):
            raise table.error(f"{rule.name!r} has a rule already", "name")
        rules.append(rule)
    return tuple(rules)


def _metric(table: _Section) -> MetricRule:
    name = table.text("name", None)
    if name is None:
        raise table.error("is missing: every metric needs one", "name")
    role = Role(table.choice("role", Role.PRIMARY, Role))
    decides = role is not Role.INFO
    direction = None
    if table.has("direction"):
        direction = Direction(table.choice("direction", "", Direction))
    elif decides:
        raise table.error(f'is missing for {name!r}: a {role} metric must say "lower" or "higher"', "direction")
    share = "a fraction of 0 or more, such as 0.05"
    rule = MetricRule(
        clean(name),
        role,
        direction,
        max_rel_regression=table.number("max_rel_regression", share, 0),
        max_abs_regression=table.number("max_abs_regression", "a number of 0 or more", 0),
        combine=table.choice("combine", "max", ("max", "min")),
        upper_bound=table.number("upper_bound"),
        lower_bound=table.number("lower_bound"),
        select=table.text("select", "last"),
        relative_sd=table.number("relative_sd", share, 0),
    )
    if not SELECT.fullmatch(rule.select):
        raise table.error(f'must be "last", "best" or "step:<n>", not {json.dumps(rule.select)}', "select")
    if rule.select == "best" and direction is None:
        raise table.error('is missing: select = "best" needs it', "direction")
    limits = (rule.max_rel_regression, rule.max_abs_regression, rule.upper_bound, rule.lower_bound)
    if decides and limits == (None,) * 4:
        raise table.error(
            f"{name!r} has no limit: set max_rel_regression, max_abs_regression, upper_bound or lower_bound"
        )
    if rule.upper_bound is not None and rule.lower_bound is not None and rule.upper_bound < rule.lower_bound:
        raise table.error("is below lower_bound, so nothing could pass", "upper_bound")
    return rule
