"""The runs of the demo store: three recipes with their seeds, and one of everything a gate has to tell apart."""

from __future__ import annotations

from dataclasses import dataclass, field

EXPERIMENT = MODEL = "fraud-detector"
ROLE_TAG, RECIPE_TAG = "demo.role", "demo.recipe"

Options = dict[str, str]

RECIPES: dict[str, Options] = {
    "narrow": {"hidden-size": "16", "learning-rate": "0.003", "epochs": "10", "dropout": "0.1"},
    "standard": {"hidden-size": "64", "learning-rate": "0.002", "epochs": "8", "dropout": "0.2"},
    "wide": {"hidden-size": "128", "learning-rate": "0.004", "epochs": "12", "dropout": "0.05"},
}
"""Recipe -> options of train.py; runs of one recipe differ in their seed alone."""

RUNAWAY = {"learning-rate": "0.205", "weight-decay": "10", "schedule": "constant", "epochs": "10"}
"""Every step multiplies the weights by 1 - 0.205 * 10 = -1.05: the loss explodes, and then is no number."""


@dataclass(frozen=True)
class PlannedRun:
    """One call of train.py."""

    name: str
    role: str
    """The tag ``demo.role``: production, staging, archived, candidate-better, candidate-worse, candidate-within-noise,
    diverged, failed, other-dataset, or replicate."""
    recipe: str
    options: Options = field(default_factory=dict)
    """Beside the recipe's own."""
    register: bool = False
    stage: str = ""
    """Where its version is moved as soon as it is trained; a version in Production archives the one before."""
    exit_code: int = 0

    def arguments(self) -> list[str]:
        """What train.py is called with."""
        options = {**RECIPES.get(self.recipe, {}), **self.options, "experiment": EXPERIMENT, "model-name": MODEL}
        switches = [f"--{name}" for name, value in options.items() if value == "true"]
        named = [f"--{name}={value}" for name, value in options.items() if value != "true"]
        return [*named, *switches, f"--run-name={self.name}", *([] if self.register else ["--no-register"])]


def _seed(recipe: str, seed: int) -> PlannedRun:
    return PlannedRun(f"{recipe} seed {seed}", "replicate", recipe, {"seed": str(seed)})


RUNS: tuple[PlannedRun, ...] = (
    PlannedRun("narrow seed 1", "archived", "narrow", {"seed": "1"}, register=True, stage="Production"),
    _seed("narrow", 2),
    _seed("narrow", 3),
    PlannedRun("standard seed 1", "production", "standard", {"seed": "1"}, register=True, stage="Production"),
    PlannedRun("standard seed 2", "staging", "standard", {"seed": "2"}, register=True, stage="Staging"),
    _seed("standard", 3),
    _seed("standard", 4),
    PlannedRun("standard on v2 data", "other-dataset", "standard", {"seed": "1", "dataset-version": "v2"}),
    PlannedRun("runaway, stopped", "failed", "runaway", {**RUNAWAY, "stop-on-nan": "true"}, exit_code=5),
    PlannedRun("runaway", "diverged", "runaway", RUNAWAY),
    PlannedRun("standard, dropout 0.7", "candidate-worse", "standard", {"seed": "1", "dropout": "0.7"}, register=True),
    PlannedRun("standard, dropout 0.25", "candidate-within-noise", "standard", {"seed": "1", "dropout": "0.25"}),
    _seed("wide", 2),
    _seed("wide", 3),
    PlannedRun("wide seed 1", "candidate-better", "wide", {"seed": "1"}, register=True),
)
"""In the order in which they are trained."""
