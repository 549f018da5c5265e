"""A policy in plain words: what each of its sections means."""

from __future__ import annotations

import shlex

from mlaudit.domain.text import clean, format_number
from mlaudit.domain.training import TrainingScript
from mlaudit.domain.verdict import Direction, GatePolicy, MetricRule, Role

_FIRST = {
    "bounds": "the absolute bounds are checked and the exit code is 4: somebody must decide",
    "allow": "the absolute bounds are checked, and what keeps within them may be promoted",
    "block": "the absolute bounds are checked and the exit code is 4: a first promotion is forbidden",
}
_INCONCLUSIVE = {
    "block": "ends with exit code 3",
    "warn": "is said and ends with exit code 0",
    "pass": "counts as PASS",
}


def policy_lines(policy: GatePolicy) -> list[str]:
    """A sentence a setting."""
    baselines = ", else ".join(policy.baselines)
    several = "an error" if policy.on_multiple_baselines == "error" else "settled by taking the newest"
    witnesses = []
    if policy.dataset_context is not None:
        witnesses.append(f"the digests of the datasets logged as {policy.dataset_context}")
    if policy.dataset_tag is not None:
        witnesses.append(f"the tag {policy.dataset_tag}")
    unknown = "a warning" if policy.on_unknown == "warn" else "not comparable"
    data = f"the same data, by {' or '.join(witnesses)}; unknown is {unknown}" if witnesses else "not checked"
    place = f"experiment {policy.experiment}" if policy.experiment else "each run's own experiment"
    nuisance = ", ".join(policy.nuisance_params)
    replicates = (
        f"runs of {place} that differ in nothing but {nuisance}" if nuisance else "none: each run is judged alone"
    )
    extra = []
    if nuisance:
        extra = [
            "those of other recipes tell the noise, too" if policy.calibrate else "those of other recipes are not used",
            *(["compared seed by seed"] if policy.paired else []),
        ]
    commit = "must be the same on both sides" if policy.git_commit == "same" else "may differ"
    return [
        f"baseline       {baselines}; two versions in one stage are {several}",
        f"no baseline    {_FIRST[policy.first_promotion]}",
        f"data           {data}",
        f"git commit     {commit}",
        f"replicates     {'; '.join([replicates, *extra])}",
        f"inconclusive   {_INCONCLUSIVE[policy.on_inconclusive]} (alpha {policy.alpha:g})",
        *_metric_lines(policy.metrics),
    ]


def script_lines(script: TrainingScript) -> list[str]:
    """What a training script would run, where, and with what."""
    environment = "all of the user's" if script.environment is None else ", ".join(script.environment) or "none"
    lines = [
        f"name           {script.name}",
        f"command        {shlex.join(script.command)}",
        f"runs in        {clean(script.directory)}",
        f"environment    {environment}",
    ]
    if script.experiment:
        lines.append(f"experiment     {script.experiment}")
    if script.progress:
        lines.append(f"time left      by {clean(script.progress.metric)} against {script.progress.parameter}")
    for parameter in script.parameters:
        default = f", default {parameter.default}" if parameter.default else ", not passed unless it is set"
        passed = shlex.join(parameter.words("true" if parameter.type == "bool" else "VALUE"))
        lines.append(f"parameter      {parameter.name}: {parameter.allowed}{default}; passed as {passed}")
    return lines


def _metric_lines(rules: tuple[MetricRule, ...]) -> list[str]:
    if not any(rule.role is not Role.INFO for rule in rules):
        if rules:
            return ["metrics        none decides, so that nothing can be judged"]
        return [
            "metrics        none is named: the built-in rules judge, at most 5 % worse in metrics of well-known names"
        ]
    return [f"{rule.role:<14} {rule.name}: {_rule_words(rule)}" for rule in rules]


def _rule_words(rule: MetricRule) -> str:
    if rule.role is Role.INFO:
        return "shown, never judged"
    better = "lower" if rule.direction is Direction.LOWER else "higher"
    limits = []
    if rule.max_rel_regression is not None:
        limits.append(_percent(rule.max_rel_regression))
    if rule.max_abs_regression is not None:
        limits.append(format_number(rule.max_abs_regression))
    word = "the stricter of " if rule.combine == "min" else "the looser of "
    said = [f"{better} is better"]
    if limits:
        said.append(f"at most {word if len(limits) > 1 else ''}{' and '.join(limits)} worse")
    if rule.upper_bound is not None:
        said.append(f"never above {format_number(rule.upper_bound)}")
    if rule.lower_bound is not None:
        said.append(f"never below {format_number(rule.lower_bound)}")
    if rule.relative_sd is not None:
        said.append(f"noise {_percent(rule.relative_sd)} where nothing measures it")
    if rule.select != "last":
        said.append(
            "the best value counts" if rule.select == "best" else f"the value at {rule.select.replace(':', ' ')} counts"
        )
    return ", ".join(said)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def remarks(policy: GatePolicy) -> list[str]:
    """What is allowed and yet probably not meant."""
    found = []
    for rule in policy.metrics:
        if rule.combine == "min" and (rule.max_rel_regression is None or rule.max_abs_regression is None):
            found.append(f"{rule.name}: combine says nothing where only one tolerance is set")
        if rule.role is Role.INFO and (rule.max_rel_regression, rule.max_abs_regression) != (None, None):
            found.append(f"{rule.name}: it has a tolerance, and as info it is never judged")
        worse = "upper_bound" if rule.direction is Direction.LOWER else "lower_bound"
        limits = (rule.max_rel_regression, rule.max_abs_regression, getattr(rule, worse))
        if rule.role is not Role.INFO and limits == (None, None, None):
            found.append(f"{rule.name}: nothing keeps it from getting worse: it has no tolerance and no {worse}")
        if rule.max_rel_regression is not None and rule.max_rel_regression >= 1:
            found.append(
                f"{rule.name}: max_rel_regression is a fraction, so that {rule.max_rel_regression:g} allows"
                f" {_percent(rule.max_rel_regression)}"
            )
    if policy.paired and not policy.nuisance_params:
        found.append("paired: without nuisance_params there are no replicates to pair")
    if policy.dataset_context is None and policy.dataset_tag is None:
        blocks = policy.on_unknown == "block" and policy.git_commit != "same"
        found.append(
            "dataset: neither an input_context nor a tag is named, so that nobody asks for the same data"
            + ('; on_unknown = "block" blocks nothing' if blocks else "")
        )
    if "*" in policy.nuisance_params:
        found.append("nuisance_params: with * all runs on the same data repeat one another, whatever their params")
    return found
