"""A calibration as text, as JSON (``mlaudit.calibration/1``), and as a fragment to paste into a policy."""

from __future__ import annotations

import math
from typing import Any

from rich.text import Text

from mlaudit.domain.calibration import MAX_NEEDED, Calibration, MetricCalibration, round_up
from mlaudit.domain.reasons import listed
from mlaudit.domain.verdict import Direction
from mlaudit.reports.gate_words import count
from mlaudit.reports.policy_file import toml_key, toml_text
from mlaudit.reports.runs import render_json
from mlaudit.reports.text import Page, left, right

SCHEMA = "mlaudit.calibration/1"
MAX_GROUPS = 20
_ARROWS = {Direction.LOWER: "↓", Direction.HIGHER: "↑", None: "·"}


def percent(share: float | None) -> str:
    """A fraction as ``1.9 %``; ``—`` for None."""
    return "—" if share is None else f"{100 * share:.3g} %"


def render_text(calibration: Calibration, *, colour: bool, width: int) -> str:
    """The report for people."""
    page = Page(max(width, 40), colour)
    of = "finished runs" if calibration.complete else "newest finished runs"
    sizes = listed([str(len(group.run_ids)) for group in calibration.groups], 8)
    groups = count(len(calibration.groups), "replicate group") + (f" of {sizes} runs" if sizes else "")
    page.hanging("model       ", calibration.model, margin=0)
    page.hanging("experiment  ", f"{calibration.experiment}: {calibration.runs} {of}, {groups}", margin=0)
    base = calibration.baseline_run_id
    page.hanging(
        "baseline    ", f"{base[:12]}, {calibration.selector}" if base else f"none: {calibration.selector}", margin=0
    )
    policy = calibration.policy_path
    shown = policy or "no policy file found"
    page.hanging("policy      ", f"{shown}{': built-in rules' if calibration.built_in else ''}", margin=0)
    if policy:
        page.hanging("sha256      ", calibration.policy_sha256 or "", margin=0)
    page.hanging("store       ", calibration.store.uri, margin=0)
    if calibration.groups:
        page.section("Groups", "runs that differ in nothing but the seed")
        for group in calibration.groups[:MAX_GROUPS]:
            mark = ", the baseline's" if group.is_baseline else ""
            page.hanging("- ", f"{group.name}: {count(len(group.run_ids), 'run')}{mark}")
        if len(calibration.groups) > MAX_GROUPS:
            page.wrapped(f"and {len(calibration.groups) - MAX_GROUPS} more; --format json has them", "dim", indent=2)
    _table(page, calibration)
    if not calibration.groups:
        page.blank()
        page.wrapped(
            "Nothing tells how much the metrics vary by chance. Train one recipe three times or more with different"
            " seeds, log the seed as a param, and call this again."
        )
    if calibration.warnings:
        page.section("Warnings")
        for warning in calibration.warnings:
            page.hanging("!   ", warning)
    measured = any(m.relative_sd for m in calibration.metrics)
    if measured:
        page.section("To paste into the policy", "in place of these metrics' rules")
        page.blank()
    text = page.text()
    return text + fragment(calibration) if measured else text


def _table(page: Page, calibration: Calibration) -> None:
    page.section("Noise", "as shares of the baseline's value")
    if not calibration.metrics:
        page.wrapped("no metric decides, so there is nothing to calibrate", indent=2)
        return
    rows = [("metric", "groups", "df", "sd", "noise", "policy", "needed")]
    rows += [
        (
            f"{_ARROWS[m.direction]} {m.name}",
            str(len(m.groups)),
            str(m.df) if m.df else "—",
            percent(m.relative_sd),
            percent(m.noise),
            percent(m.tolerance),
            _needed(m),
        )
        for m in calibration.metrics
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(7)]
    widths[0] = min(widths[0], max(page.width - sum(widths[1:]) - 14, 8))
    for row in rows:
        cells = [
            left(page.fit(row[0], widths[0]), widths[0]),
            *(right(c, w) for c, w in zip(row[1:], widths[1:], strict=True)),
        ]
        page.line(Text("  " + "  ".join(cells)))
    n = {m.n_baseline for m in calibration.metrics}
    against = str(n.pop()) if len(n) == 1 else "the baseline's"
    page.wrapped(
        f"sd: relative standard deviation; noise: what chance alone explains for 1 run against {against}, and the"
        " tolerance suggested; policy: the tolerance now; needed: runs a side until a candidate that is no worse passes"
        " four times out of five at that tolerance",
        "dim",
        indent=2,
    )


def _needed(metric: MetricCalibration) -> str:
    if metric.needed is not None:
        return str(metric.needed)
    return f">{MAX_NEEDED}" if metric.relative_sd is not None and metric.tolerance else "—"


def fragment(calibration: Calibration) -> str:
    """The metrics' rules with the relative tolerance that the noise suggests, and all else that they say.

    TOML, ending in a newline.
    """
    lines = [
        f"# Measured by mlaudit calibrate on {calibration.runs} runs of experiment {toml_text(calibration.experiment)}."
    ]
    for m in calibration.metrics:
        if m.relative_sd is None or m.suggested is None:
            lines.append(f"# {toml_text(m.name)}: no replicates measure it; keep the rule that it has")
            continue
        if m.relative_sd == 0:
            # A tolerance of 0 would be measured on runs whose seed changed nothing.
            lines.append(f"# {toml_text(m.name)}: its replicates are identical; keep the rule that it has")
            continue
        lines += [
            f"[[model.{toml_key(calibration.raw_model)}.metric]]",
            f"name = {toml_text(m.name)}",
            f'role = "{m.role}"',
            f'direction = "{m.direction}"' if m.direction else '# direction = "lower or higher"',
            f"max_rel_regression = {m.suggested:g}  # noise of 1 run against {m.n_baseline}, {m.df} degrees of freedom",
            *_absolute(m),
            f"relative_sd = {round_up(m.relative_sd):g}  # used where no replicates are at hand",
            *([f"upper_bound = {m.upper_bound!r}"] if m.upper_bound is not None else []),
            *([f"lower_bound = {m.lower_bound!r}"] if m.lower_bound is not None else []),
            f"select = {toml_text(m.select)}",
        ]
    return "\n".join(lines) + "\n"


def _absolute(metric: MetricCalibration) -> list[str]:
    """The absolute tolerance that the rule has, and which of the two counts."""
    if metric.max_abs_regression is None:
        return []
    which = "the stricter" if metric.combine == "min" else "the looser"
    return [
        f"max_abs_regression = {metric.max_abs_regression!r}  # as it was; {which} of the two counts",
        f"combine = {toml_text(metric.combine)}",
    ]


def render_json_report(calibration: Calibration) -> str:
    """The report as JSON."""
    return render_json(_object(calibration))


def _number(value: float | None) -> float | None:
    """None too for what no double holds, which JSON cannot say."""
    return value if value is not None and math.isfinite(value) else None


def _object(calibration: Calibration) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": calibration.model,
        "experiment": calibration.experiment,
        "store": {"kind": str(calibration.store.kind), "uri": calibration.store.uri},
        "runs": calibration.runs,
        "complete": calibration.complete,
        "baseline": {"run_id": calibration.baseline_run_id, "selector": calibration.selector},
        "policy": {
            "path": calibration.policy_path,
            "sha256": calibration.policy_sha256,
            "built_in": calibration.built_in,
        },
        "alpha": calibration.alpha,
        "groups": [
            {"name": g.name, "run_ids": list(g.run_ids), "is_baseline": g.is_baseline} for g in calibration.groups
        ],
        "metrics": [
            {
                "name": m.name,
                "role": str(m.role),
                "direction": str(m.direction) if m.direction else None,
                "groups": [
                    {"group": s.group, "n": s.n, "mean": s.mean, "sd": _number(s.sd), "relative_sd": s.relative_sd}
                    for s in m.groups
                ],
                "relative_sd": m.relative_sd,
                "df": m.df,
                "n_baseline": m.n_baseline,
                "noise": m.noise,
                "suggested_tolerance": m.suggested,
                "policy_tolerance": _number(m.tolerance),
                "replicates_needed": m.needed,
            }
            for m in calibration.metrics
        ],
        "fragment": fragment(calibration),
        "warnings": list(calibration.warnings),
    }
