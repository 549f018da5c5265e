"""Which values of two replicate groups belong together: those of the same seed."""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.domain.finite import is_finite

MIN_PAIRS = 3
Pairs = tuple[tuple[float, ...], tuple[float, ...]]


def paired_values(
    candidate: Sequence[float], candidate_seeds: Sequence[str], baseline: Sequence[float], baseline_seeds: Sequence[str]
) -> Pairs | str:
    """The values of the seeds that both sides have, in one order; or the stable word that says why they are not paired.

    Each side's own run comes first. A seed that is empty, and one whose value in the baseline is not finite, has no
    partner. ``paired_not_possible``: fewer than 3 pairs, or the seeds are not known; ``own_seed_unpaired``: the
    candidate's own run would be left out of its own judgement.
    """
    if len(candidate) != len(candidate_seeds) or len(baseline) != len(baseline_seeds):
        return "paired_not_possible"
    ours, theirs = dict(zip(candidate_seeds, candidate, strict=True)), dict(zip(baseline_seeds, baseline, strict=True))
    both = [seed for seed in ours if seed and seed in theirs and is_finite(theirs[seed])]
    if len(both) < MIN_PAIRS or len(ours) != len(candidate) or len(theirs) != len(baseline):
        return "paired_not_possible"
    if candidate_seeds[0] not in both:
        return "own_seed_unpaired"
    return tuple(ours[s] for s in both), tuple(theirs[s] for s in both)
