"""A sentence for each of the gate's stable words: what both front ends tell a person."""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.domain.verdict import MetricVerdict, Role

_SENTENCES = {
    # Metrics
    "within_tolerance": "worse by no more than the tolerance",
    "not_worse": "not worse than the baseline",
    "within_bounds": "within its absolute bounds; no tolerance is set",
    "zero_baseline_not_worse": "the baseline is 0 and the candidate is not worse",
    "worse_than_tolerance": "worse than the tolerance allows",
    "noise_exceeds_margin": "chance alone could explain this difference",
    "candidate_non_finite": "the candidate's value is not a finite number",
    "above_upper_bound": "above the policy's upper bound",
    "below_lower_bound": "below the policy's lower bound",
    "candidate_missing": "the candidate has no such value",
    "baseline_missing": "the baseline has no such value",
    "baseline_non_finite": "the baseline's value is not a finite number",
    "relative_tolerance_undefined": "the baseline is 0, so a relative tolerance means nothing; set max_abs_regression",
    "direction_undeclared": "nobody declared whether lower or higher is better",
    "no_tolerance": "no tolerance is set",
    "first_promotion": "there is no baseline to compare with",
    "first_promotion_allowed": "there is no baseline; the policy allows a first promotion",
    "first_promotion_blocked": "there is no baseline; the policy forbids a first promotion",
    "inconclusive_allowed": "chance alone could explain the difference; the policy lets that pass",
    "runs_not_comparable": "the two runs cannot be compared",
    "no_metric_judged": "no metric could be judged: name metrics and their directions in a policy file",
    # Checks
    "finished": "the run has finished",
    "candidate_not_finished": "the candidate run has not finished",
    "baseline_not_finished": "the baseline run has not finished",
    "candidate_deleted": "the candidate run was deleted",
    "baseline_deleted": "the baseline's run was deleted",
    "baseline_run_missing": "the baseline version's run is not in this store",
    "multiple_baselines": "several versions are in the baseline's stage",
    "dataset_same": "both were evaluated on the same data",
    "dataset_mismatch": "the two runs were evaluated on different data",
    "dataset_unknown": "it is not known whether both were evaluated on the same data",
    "dataset_version_same": "both carry the same data version",
    "dataset_version_mismatch": "the two runs carry different data versions",
    "dataset_version_unknown": "a side does not say its data version",
    "identity_unknown": "it is not known whether both were evaluated on the same data, and the policy wants to know",
    "git_commit_same": "both were made by the same commit",
    "git_commit_mismatch": "the two runs were made by different commits",
    "git_commit_unknown": "a side does not say its commit",
    # Warnings
    "noise_unknown": "noise unknown: nothing tells how much these metrics vary by chance; the plain rule was applied",
    "zero_variance_replicates": "replicates are identical: did the seed change anything?",
    "baseline_non_finite_dropped": "some of the baseline's replicates are not finite and were left out",
    "paired_not_possible": "a paired comparison needs 3 seeds or more that both sides have; it was not paired",
    "own_seed_unpaired": "not paired: the baseline has no such value of the candidate's own seed",
    "unpaired_left_out": "paired: replicates whose seed the other side lacks were left out",
    "calibration_group_unusable": "a calibration group was left out: around 0 a relative spread means nothing",
}


def explain(word: str) -> str:
    """A sentence without capital or full stop; a word that is not known is given back with spaces."""
    return _SENTENCES.get(word, word.replace("_", " "))


def summarise_warnings(verdicts: Sequence[MetricVerdict]) -> list[str]:
    """What the metrics' own warnings come to: a sentence each, once instead of once a metric."""
    said = []
    deciding = [v for v in verdicts if v.role is not Role.INFO]
    for word in dict.fromkeys(word for v in deciding for word in v.warnings):
        names = [v.name for v in deciding if word in v.warnings]
        where = "" if len(names) == len(deciding) else f" ({listed(names)})"
        said.append(explain(word) + where)
    broken = [v.name for v in verdicts if v.role is Role.INFO and v.reason == "candidate_non_finite"]
    if broken:
        said.append(f"not judged, yet not a finite number in the candidate: {listed(broken)}")
    return said


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Names in a row, with the number of those left out."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
