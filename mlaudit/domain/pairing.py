"""Which values of two replicate groups belong together: those of the same seed."""

from __future__ import annotations

from collections.abc import Sequence

MIN_PAIRS = 3
Pairs = tuple[tuple[float, ...], tuple[float, ...]]


def paired_values(
    candidate: Sequence[float], candidate_seeds: Sequence[str], baseline: Sequence[float], baseline_seeds: Sequence[str]
) -> Pairs | None:
    """The values of the seeds that both sides have, in one order; None where they are fewer than 3, or not known."""
    if len(candidate) != len(candidate_seeds) or len(baseline) != len(baseline_seeds):
        return None
    ours, theirs = dict(zip(candidate_seeds, candidate, strict=True)), dict(zip(baseline_seeds, baseline, strict=True))
    both = [seed for seed in ours if seed in theirs]
    if len(both) < MIN_PAIRS or len(ours) != len(candidate) or len(theirs) != len(baseline):
        return None
    return tuple(ours[s] for s in both), tuple(theirs[s] for s in both)
