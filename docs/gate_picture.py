"""Draws docs/gate.svg with the gate's own code: what becomes of a candidate, by how much worse it truly is.

    python docs/gate_picture.py [FILE]

Baseline and candidate vary by 3 % from run to run, lower is better, the tolerance is 5 %. Needs numpy and matplotlib
(the extra "train").
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mlaudit.domain.gate import Direction, MetricRule, MetricSamples, Outcome, Role, judge_metric

SIGMA = 0.03
DRAWS = 4000
CHANGES = tuple(i / 100 for i in range(-4, 15))
RULE = MetricRule("loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
PANELS = (("the plain rule, one run", 0), ("mlaudit, one run", 1), ("mlaudit, five seeds a side", 5))
"""Title, runs a side; 0 stands for one run and no estimate of the noise."""
COLOURS = {Outcome.REGRESSION: "#c0392b", Outcome.INCONCLUSIVE: "#e0b341", Outcome.PASS: "#3a8f5c"}


def shares(n: int, change: float, draws: int = DRAWS, seed: int = 20260301) -> dict[Outcome, float]:
    """How often the gate says what, as fractions, where the candidate is truly ``change`` worse.

    Where n is 1, one calibration group of five runs tells the noise; n = 0 is one run without any.
    """
    rng = np.random.default_rng([seed, n, round(1000 * (change + 1))])
    count = max(n, 1)
    candidates = rng.normal(1 + change, SIGMA, (draws, count)).tolist()
    baselines = rng.normal(1, SIGMA, (draws, count)).tolist()
    groups = rng.normal(1, SIGMA, (draws, 5)).tolist()
    seen = dict.fromkeys(COLOURS, 0)
    for candidate, baseline, group in zip(candidates, baselines, groups, strict=True):
        known = (tuple(group),) if n == 1 else ()
        seen[judge_metric(RULE, MetricSamples(tuple(candidate), tuple(baseline), known)).outcome] += 1
    return {outcome: times / draws for outcome, times in seen.items()}


def draw(path: Path) -> None:
    """Write the picture."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same picture from the same numbers: no date, no random ids, text as text.
    mpl.rcParams.update({"svg.hashsalt": "gate", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10})
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(PANELS), figsize=(10, 3.1), sharey=True, layout="constrained")
    for panel, (title, n) in zip(panels, PANELS, strict=True):
        found = [shares(n, change) for change in CHANGES]
        heights = [[100 * shares_at[outcome] for shares_at in found] for outcome in COLOURS]
        panel.stackplot(
            [100 * c for c in CHANGES], heights, colors=list(COLOURS.values()), labels=list(map(str, COLOURS))
        )
        panel.axvline(5, color="black", linewidth=0.8, linestyle="--")
        panel.text(5.3, 3, "tolerance", fontsize=8, color="white")
        panel.set_title(title, fontsize=10)
        panel.set_xlim(100 * CHANGES[0], 100 * CHANGES[-1])
        panel.set_ylim(0, 100)
        panel.set_xlabel("truly worse by (%)")
    panels[0].set_ylabel("of all candidates (%)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("gate.svg"))
