"""What a model's runs log, as far as a first policy for it needs to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Counts are of the runs that were looked at."""

    raw_model: str
    experiment: str | None
    """Printable name of the experiment of the model's newest version; None if there is no run to go by."""
    runs: int
    """Finished runs of that experiment that were looked at."""
    complete: bool
    """Whether these are all of its finished runs."""
    metrics: tuple[tuple[str, int], ...]
    """(printable name, how many of the runs log it), the most frequent first."""
    nuisance_params: tuple[str, ...]
    """Params that the built-in patterns take for nuisance."""
    contexts: tuple[str, ...]
    """Of the datasets that the runs log as inputs, the most frequent first."""
    has_data_tag: bool
    """Whether some run carries the tag ``dataset_version``."""
    commits: int
    """Runs that recorded a git commit."""
    stages: tuple[str, ...]
    """Stages that versions of the model are in, e.g. ``Production``."""
    aliases: tuple[str, ...]
