"""A starting policy as TOML, commented, from what a model's runs log.

Only metrics of the gate's well-known names get a direction; of every other one a human has to say which way is better,
so that it stands there commented out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlaudit.domain.builtin_rules import TOLERANCE, rules_for
from mlaudit.domain.policy_sketch import ModelFacts
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import Direction, GatePolicy, MetricRule, Role

MAX_METRICS = 60
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def toml_text(text: str) -> str:
    """A TOML basic string that holds ``text``."""
    out = []
    for char in text:
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif "\ud800" <= char <= "\udfff":
            # TOML has no way to write half a character.
            out.append(clean(char))
        else:
            out.append(f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}")
    return f'"{"".join(out)}"'


def toml_key(text: str) -> str:
    """A TOML key, quoted where it must be."""
    return text if _BARE.fullmatch(text) else toml_text(text)


def _texts(words: Sequence[str]) -> str:
    return f"[{', '.join(map(toml_text, words))}]"


def render(facts: ModelFacts) -> str:
    """The file, ending in a newline. It is a valid policy as it stands."""
    key = f"model.{toml_key(facts.raw_model)}"
    standard = GatePolicy()
    of = f"{facts.runs} finished runs" if facts.complete else f"the newest {facts.runs} finished runs"
    lines = [
        f"# What {_shown(facts.raw_model)} must show before it may replace the version in Production.",
        f"# Written by mlaudit policy init, from {of}: read it, decide, and keep it in git with the code.",
        "# mlaudit policy check says whether it is valid and what it means.",
        "schema = 1",
        "",
        f"[{key}]",
    ]
    if facts.experiment is not None:
        lines.append(f"experiment = {toml_text(facts.experiment)}  # where replicates are looked up")
    lines += [
        f"baseline = {_texts(_baselines(facts))}  # the first that resolves; also version:N, run:ID, previous",
        'on_multiple_baselines = "error"  # or "newest": two versions in Production',
        'first_promotion = "bounds"  # without a baseline: "bounds" (checked, then exit code 4), "allow" or "block"',
        "",
        f"[{key}.comparability]",
        *_dataset(facts, standard),
        'on_unknown = "warn"  # or "block": where a side does not say which data it was evaluated on',
        f'git_commit = "ignore"  # or "same"; {facts.commits} of the runs recorded a commit',
        "",
        f"[{key}.replicates]",
        f"nuisance_params = {_texts(standard.nuisance_params)}  # runs that differ in nothing else repeat one another",
        f"# of these the runs log: {', '.join(facts.nuisance_params) or 'none: log the seed as a param'}",
        "calibrate = true  # replicates of other recipes tell the noise, too",
        "paired = false  # true: compare seed by seed (3 seeds or more on both sides)",
        "",
        f"[{key}.gate]",
        "alpha = 0.05  # how often chance alone may make a regression",
        'on_inconclusive = "block"  # or "warn", "pass": where chance alone could explain the difference',
        "",
    ]
    return "\n".join([*lines, *_metrics(key, facts)])


def _shown(text: str) -> str:
    # A comment may hold no control character.
    return toml_text(text)[1:-1]


def _baselines(facts: ModelFacts) -> list[str]:
    found = [f"alias:{alias}" for alias in ("champion",) if alias in facts.aliases]
    return ["stage:Production", *found] if "Production" in facts.stages or not found else found


def _dataset(facts: ModelFacts, standard: GatePolicy) -> list[str]:
    """Both runs must have been evaluated on the same data; by what that is known."""
    preferred = standard.dataset_context or ""
    context = preferred if preferred in facts.contexts or not facts.contexts else None
    context = context or next((c for c in facts.contexts if c.lower().startswith(("val", "eval", "test"))), preferred)
    said = f"the runs log datasets as: {', '.join(facts.contexts) or 'none'}"
    tag = "some carry" if facts.has_data_tag else "none carries"
    return [
        f"# {said}; {tag} the tag dataset_version",
        f'dataset = {{ input_context = {toml_text(context)}, tag = "dataset_version" }}',
    ]


def _metrics(key: str, facts: ModelFacts) -> list[str]:
    counts = dict(facts.metrics)
    rules = rules_for(counts, None)
    deciding = [rule for rule in rules if rule.role is not Role.INFO]
    # One is what the model is for: a loss, if there is one.
    first = next((rule for rule in deciding if rule.direction is Direction.LOWER), deciding[0] if deciding else None)
    deciding.sort(key=lambda rule: rule is not first)
    others = [rule for rule in rules if rule.role is Role.INFO]
    others.sort(key=lambda rule: (-counts[rule.name], rule.name))
    lines = []
    for rule in deciding[:MAX_METRICS]:
        lines += [*_rule(key, rule, "primary" if rule is first else "guard", counts[rule.name], facts.runs), ""]
    if not deciding:
        lines += [
            "# None of the metrics has a well-known name. Until one of those below is declared, nothing can be judged.",
            "",
        ]
    left = max(MAX_METRICS - len(deciding), 0)
    for rule in others[:left]:
        lines += [*_open_rule(key, rule, counts[rule.name], facts.runs), ""]
    omitted = max(len(deciding) - MAX_METRICS, 0) + max(len(others) - left, 0)
    if omitted:
        lines += [f"# and {omitted} more metrics"]
    return [*lines] if lines and lines[-1] == "" else [*lines, ""]


def _rule(key: str, rule: MetricRule, role: str, count: int, runs: int) -> list[str]:
    return [
        f"[[{key}.metric]]  # logged by {count} of {runs} runs",
        f"name = {toml_text(rule.name)}",
        f'role = "{role}"  # primary and guard decide, info does not',
        f'direction = "{rule.direction}"',
        f"max_rel_regression = {TOLERANCE}  # and/or max_abs_regression, upper_bound, lower_bound",
        'select = "last"  # or "best", "step:<n>"',
    ]


def _open_rule(key: str, rule: MetricRule, count: int, runs: int) -> list[str]:
    """A metric that is shown or, once somebody has decided, judged."""
    if rule.direction is not None:
        why, way = "of the training data, or a bare name beside one with a prefix", f'"{rule.direction}"'
    else:
        why, way = "is lower or higher better?", '"lower or higher"'
    return [
        f"# [[{key}.metric]]  # logged by {count} of {runs} runs; {why}",
        f"# name = {toml_text(rule.name)}",
        '# role = "guard"',
        f"# direction = {way}",
        f"# max_rel_regression = {TOLERANCE}",
    ]
