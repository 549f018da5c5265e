"""``mlaudit policy``: write a first policy, and check one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import group, invocation, register
from mlaudit.cli.output import ExitCode
from mlaudit.domain.errors import UsageError
from mlaudit.domain.text import clean
from mlaudit.services.policy_facts import DescribeModel


def init(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The registered model that the policy is for.")],
    experiment: Annotated[
        str | None,
        typer.Option(
            "--experiment",
            "-e",
            metavar="NAME",
            help="Whose runs to look at. Default: that of the model's newest version.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - prints it to stdout.")
    ] = "mlaudit.toml",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> int:
    """Write a commented starting policy for a model, from what its runs log.

    Directions are filled in for metrics of well-known names alone; every other metric stands there commented out.
    """
    if out != "-" and Path(out).exists() and not force:
        raise UsageError(f"{out} is there already; --force replaces it, -o - prints the policy for pasting")
    call = invocation(ctx)
    call.connect()
    facts = call.ask(DescribeModel(model, experiment))
    from mlaudit.reports import policy_file

    text = policy_file.render(facts)
    if out == "-":
        output.data(text)
    else:
        output.write_file(out, text)
        output.say(f"mlaudit: wrote {out} from {facts.runs} runs; read it, then: mlaudit policy check {out}")
    return ExitCode.PASS


def check(
    ctx: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="The policy. Default: --policy, else the one that diff would find."),
    ] = None,
) -> int:
    """Check a policy and say what it means.

    Exit code 2 where it has mistakes; each is named with file, line and key.
    """
    from mlaudit.config.policy import FILE_NAME, check_policies
    from mlaudit.reports import policy_text

    checked = check_policies(file if file is not None else invocation(ctx).settings.policy_path)
    policies = checked.policies
    if policies.path is None:
        raise UsageError(
            f"no policy file was found: no {FILE_NAME} from here upwards; mlaudit policy init MODEL writes one"
        )
    mistakes = checked.all_mistakes
    for mistake in mistakes:
        output.error(mistake.message())
    if mistakes:
        count = len(mistakes)
        output.say(f"mlaudit: {count} mistake{'' if count == 1 else 's'} in {policies.path}")
        return ExitCode.USAGE
    lines = [f"{policies.path} is valid", f"sha256 {policies.sha256}"]
    for raw, policy in policies.by_model.items():
        lines += ["", f"model {clean(raw)}", *(f"  {line}" for line in policy_text.policy_lines(policy))]
    if not policies.by_model:
        lines += ["", "It has no section for any model: the built-in rules judge."]
    for script in checked.scripts:
        lines += ["", f"training script {script.key}", *(f"  {line}" for line in policy_text.script_lines(script))]
    output.data("\n".join(lines))
    for raw, policy in policies.by_model.items():
        for remark in policy_text.remarks(policy):
            output.say(f"mlaudit: model {clean(raw)}: {remark}")
    return ExitCode.PASS


app = group("Write a first policy, and check one.")
register(app, init)
register(app, check)
