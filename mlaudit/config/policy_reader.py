"""From a policy's TOML table to :class:`~mlaudit.domain.verdict.GatePolicy`, key by key.

Every value is checked; a mistake names file, line and key, and what is allowed there. Reading goes on behind a mistake,
with the key's default, so that all of them are found at once.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mlaudit.config.toml_section import Section, TomlFile, shown
from mlaudit.domain.baseline import parse_selector
from mlaudit.domain.errors import BaselineSelectorError, PolicyError
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import Direction, GatePolicy, MetricRule, Role

SCHEMA = 1
SELECT = re.compile(r"last|best|step:-?\d{1,18}")
_LIMITS = ("max_rel_regression", "max_abs_regression", "upper_bound", "lower_bound")


def read_models(
    table: dict[str, Any], *, prefix: tuple[str, ...], text: str, path: str, sha256: str
) -> tuple[dict[str, GatePolicy], list[PolicyError]]:
    """Raw model name -> policy, and all mistakes by line; with any of them the policies must not be used.

    ``prefix``: the keys in the file that lead to ``table``.
    """
    file = TomlFile(path, text)
    root = Section(file, prefix, table, ("schema", "model", "train"))
    schema = table.get("schema")
    if schema is None:
        root.note(f"say which schema it is written in: schema = {SCHEMA}", "schema")
    elif isinstance(schema, bool) or schema != SCHEMA:
        root.note(f"this mlaudit reads schema = {SCHEMA}, not {shown(schema)}", "schema")
        # What another schema allows is not known.
        return {}, file.mistakes
    models = table.get("model", {})
    known = models if isinstance(models, dict) else {}
    section = root.section("model", known)
    keys = ("experiment", "baseline", "on_multiple_baselines", "first_promotion", "comparability", "replicates", "gate")
    found = {name: _model(section.section(name, (*keys, "metric")), name, path, sha256) for name in known}
    return found, sorted(file.mistakes, key=lambda mistake: mistake.line)


def _model(section: Section, name: str, path: str, sha256: str) -> GatePolicy:
    comparability = section.section("comparability", ("dataset", "on_unknown", "git_commit"))
    dataset = comparability.section("dataset", ("input_context", "tag"))
    # Naming one of the two witnesses of the data's identity means that one only.
    named = comparability.has("dataset")
    replicates = section.section("replicates", ("nuisance_params", "calibrate", "paired"))
    gate = section.section("gate", ("alpha", "on_inconclusive"))
    standard = GatePolicy()
    experiment = section.line("experiment", None)
    alpha = gate.number("alpha", "a number above 0 (1e-9 or more) and at most 0.5", 1e-9, 0.5)
    return GatePolicy(
        metrics=_metrics(section),
        model=clean(name),
        experiment=experiment,
        baselines=_baselines(section, standard.baselines),
        on_multiple_baselines=section.choice("on_multiple_baselines", "error", ("error", "newest")),
        first_promotion=section.choice("first_promotion", "bounds", ("bounds", "allow", "block")),
        dataset_context=dataset.line("input_context", None if named else standard.dataset_context),
        dataset_tag=dataset.line("tag", None if named else standard.dataset_tag),
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


def _baselines(section: Section, default: tuple[str, ...]) -> tuple[str, ...]:
    """The baseline selectors in their canonical form."""
    words = section.texts("baseline", default)
    if not words:
        section.note("must name at least one baseline", "baseline")
    found = []
    for word in words:
        try:
            found.append(str(parse_selector(word)))
        except BaselineSelectorError as error:
            section.note(error.message(), "baseline")
    return tuple(found)


def _metrics(section: Section) -> tuple[MetricRule, ...]:
    keys = ("name", "role", "direction", "max_rel_regression", "max_abs_regression", "combine", "upper_bound")
    rules: list[MetricRule] = []
    for table in section.sections("metric", (*keys, "lower_bound", "select", "relative_sd")):
        rule = _metric(table)
        if rule is None:
            continue
        if any(rule.name == other.name for other in rules):
            table.note(f"{rule.name!r} has a rule already", "name")
        rules.append(rule)
    return tuple(rules)


def _metric(table: Section) -> MetricRule | None:
    """The rule; None for one without a name."""
    name = table.text("name", None)
    if name is None:
        if table.is_table and not table.has("name"):
            table.note("is missing: every metric needs one", "name")
        return None
    word = table.choice("role", "", Role) if table.has("role") else Role.PRIMARY
    # What a misspelt role would demand is not known.
    role = Role(word) if word else Role.INFO
    decides = role is not Role.INFO
    direction = None
    if table.has("direction"):
        word = table.choice("direction", "", Direction)
        direction = Direction(word) if word else None
    elif decides:
        table.note(f'is missing for {name!r}: a {role} metric must say "lower" or "higher"', "direction")
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
        table.note(f'must be "last", "best" or "step:<n>", not {json.dumps(rule.select)}', "select")
    if rule.select == "best" and not table.has("direction") and not decides:
        table.note('is missing: select = "best" needs it', "direction")
    if decides and not any(map(table.has, _LIMITS)):
        table.note(f"{name!r} has no limit: set {', '.join(_LIMITS[:-1])} or {_LIMITS[-1]}")
    if rule.upper_bound is not None and rule.lower_bound is not None and rule.upper_bound < rule.lower_bound:
        table.note("is below lower_bound, so nothing could pass", "upper_bound")
    return rule
