"""Every filter that MLflow takes finds the same runs in the same order here; what it refuses is refused with a place.

The same two dozen runs lie in a real SQLite store and in memory. MLflow's own client searches the first, mlaudit's
parser and its meaning of a filter the second. Half of the expressions are written down, half are generated, always the
same.

Where MLflow is wrong, or a matter of its database, the difference is in :data:`DIFFERENCES` with its reason.
"""

from __future__ import annotations

import math
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_tokens import allowed_operators
from mlaudit.domain.filters import parse
from mlaudit.domain.models import Dataset
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.uri import resolve

pytestmark = pytest.mark.real

T0 = 1_700_000_000_000
COUNT = 24
METRIC_KEYS = ("loss", "val loss/2", "a.b", "1st", "and", "é", "date")
PARAM_KEYS = ("lr", "opt", "x-y", "key", "a b.c")
TAG_KEYS = ("team", "note", "mlflow.user", "order", "OR")
METRIC_VALUES = (0.0, 0.5, 1.0, -1.0, 1e-3, 1e300, math.nan, math.inf, -math.inf)
PARAM_VALUES = ("0.1", "0.01", "adam", "Adam", "it's", 'say "x"', "100%", "a_b", "axb", "x AND y", "(1)", "back\\slash")
TAG_VALUES = ("risk", "fraud", "FRAUD", "one\ntwo", "", "'", "x' OR 'y", "[b]")
NAMES = ("first", "First", "second run", "x' AND 'y", "100% _sure_", "a.b")


def content() -> list[dict[str, Any]]:
    """The runs, in raw form; all but their ids is the same in every session."""
    rng = random.Random(7)
    runs = []
    for number in range(COUNT):
        datasets = tuple(
            Dataset(name, digest, context, "local", "{}", "{}", "{}")
            for name, digest, context in (("train set", "d1", "training"), ("valid", "d2", "testing"))
            if rng.random() < 0.3
        )
        runs.append(
            {
                "name": rng.choice(NAMES),
                "start": T0 + 1000 * (number // 3),
                "status": rng.choice(("FINISHED", "FAILED", "RUNNING", "KILLED")),
                "metrics": {k: rng.choice(METRIC_VALUES) for k in METRIC_KEYS if rng.random() < 0.6},
                "params": {k: rng.choice(PARAM_VALUES) for k in PARAM_KEYS if rng.random() < 0.6},
                "tags": {k: rng.choice(TAG_VALUES) for k in TAG_KEYS if rng.random() < 0.6},
                "datasets": datasets,
            }
        )
    return runs


class Both:
    """The runs twice: behind MLflow's client, and in memory."""

    def __init__(self, uri: str) -> None:
        from mlflow import MlflowClient

        client = MlflowClient(uri, uri)
        self.experiment = client.create_experiment("filters", artifact_location="file:///nowhere")
        self.memory = MemoryGateway()
        assert self.memory.add_experiment("filters") == self.experiment
        for run in content():
            self._add(client, run)
        self.client = client
        self.seen = {"taken": 0, "refused": 0, "ours": 0}
        """How many expressions MLflow took, refused, and how many have OR or parentheses."""
        self.gateway = MlflowGateway(resolve(uri, uri, environ={}))

    def _add(self, client: Any, run: dict[str, Any]) -> None:
        from mlflow.entities import Dataset as MlflowDataset
        from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag

        tags = {"mlflow.user": "ada"} | run["tags"]
        run_id = client.create_run(
            self.experiment, start_time=run["start"], tags=tags, run_name=run["name"]
        ).info.run_id
        metrics = [Metric(k, v, T0, 0) for k, v in run["metrics"].items()]
        client.log_batch(run_id, metrics, [Param(k, v) for k, v in run["params"].items()], [RunTag("seeded", "yes")])
        for d in run["datasets"]:
            data = MlflowDataset(d.name, d.digest, d.source_type, d.source, d.schema, d.profile)
            client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", d.context)])])
        if run["status"] != "RUNNING":
            client.set_terminated(run_id, run["status"], run["start"] + 60_000)
        stored = client.get_run(run_id)
        self.memory.add_run(
            self.experiment,
            run_id=run_id,
            name=run["name"],
            start_time=run["start"],
            duration=60_000,
            status=run["status"],
            user=stored.info.user_id,
            params=run["params"],
            metrics=run["metrics"],
            tags=dict(stored.data.tags),
            datasets=run["datasets"],
            model=False,
        )

    def theirs(self, expression: str) -> list[str] | None:
        """What MLflow finds; None where it refuses."""
        from mlflow.exceptions import MlflowException

        try:
            return [r.info.run_id for r in self.client.search_runs([self.experiment], expression, max_results=1000)]
        except MlflowException:
            return None

    def ours(self, expression: str) -> list[str] | FilterError:
        """What the in-memory gateway finds."""
        try:
            page = self.memory.search_runs([self.experiment], filter_string=expression, max_results=1000)
        except FilterError as error:
            return error
        return [r.run_id for r in page.runs]

    def check(self, expression: str) -> str:
        """Compare; says what is different, or nothing."""
        theirs, ours = self.theirs(expression), self.ours(expression)
        refused = isinstance(ours, FilterError)
        self.seen["taken" if theirs is not None else "refused" if refused else "ours"] += 1
        if isinstance(ours, FilterError):
            if not 0 <= ours.position <= len(expression):
                return f"{expression!r}: refused without a place: {ours}"
            return "" if theirs is None else f"{expression!r}: refused ({ours}), MLflow finds {len(theirs)}"
        if theirs is None:
            # OR and parentheses are ours alone: there the answer through MLflow's searches must be the same.
            if not parse(expression).extended:
                return f"{expression!r}: MLflow refuses it"
            page = self.gateway.search_runs([self.experiment], filter_string=expression, max_results=1000)
            theirs = [r.run_id for r in page.runs]
        return "" if theirs == ours else f"{expression!r}: here {len(ours)}, MLflow {len(theirs)}"


IDENTIFIERS = (
    *("metrics.loss", "metric.`val loss/2`", 'metrics."val loss/2"', "metrics.a.b", "metrics.1st", "metrics.`and`"),
    *("metrics.é", "metrics.date", "`metrics`.loss", "params.lr", "param.opt", "parameters.`x-y`", "parameter.key"),
    *('params."a b.c"', "tags.team", "tag.note", "tags.mlflow.user", "tags.order", "tags.`OR`", "tags.mlflow.runName"),
    *("status", "attributes.status", "attr.run_name", "run_name", "`run name`", "attribute.`Run Name`", "user_id"),
    *("start_time", "created", "run.start_time", "attributes.end_time", "run_id", "attributes.run_id"),
    *("datasets.name", "dataset.digest", "datasets.context", "metrics.unknown", "params.unknown"),
)
NUMBERS = ("0", "0.5", "-1", "1", ".5", "1.", "1e-3", "-1e300", "1E300", "1e400", str(T0 + 3000), "-.5")
TEXTS = (
    *("'0.1'", "'adam'", '"adam"', "'ADAM'", "'it's'", '"it\'s"', "'it''s'", "'100%'", "'a_b'", "'%a%'", "'_dam'"),
    *("'risk'", "''", '"\'"', "'FINISHED'", "'finished'", "'first'", "'F%'", "'%AND%'", "'(1)'", "'one%two'", "'%'"),
    *("'train set'", "'training'", "'d_'", "'back\\slash'", "'[b]'", "'ada'", "\"x' OR 'y\""),
)
LISTS = ("('{0}', '{1}')", "('{2}')", "('{0}',)", '("{0}", "none")', "('train set', 'x')", "('d1')", "()", "('a' 'b')")
OPERATORS = (
    "=",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "LIKE",
    "ILIKE",
    "like",
    "IlIkE",
    "IS NULL",
    "is  not null",
    "IN",
    "NOT IN",
    "==",
    "<>",
)


def comparisons(rng: random.Random) -> str:
    """One comparison, more likely than not a right one."""
    name, slip = rng.choice(IDENTIFIERS), rng.random() < 0.15
    entity, _, key = name.rpartition(".") if "." in name else ("", "", name)
    numeric = "metric" in name or "_time" in key or key == "created"
    fitting = allowed_operators(
        "metric" if numeric else "param" if entity[:3] in {"par", "tag"} else "attribute", key.strip("`")
    )
    operator = rng.choice(OPERATORS if slip else fitting)
    operator = rng.choice((operator, operator, operator.lower(), operator.replace(" ", "  ", 1)))
    if "NULL" in operator.upper():
        return f"{name} {operator}"
    if operator.upper().endswith("IN"):
        name = name if slip else rng.choice(("run_id", "attributes.run_id", "datasets.name", "datasets.digest"))
        return f"{name} {operator} {rng.choice(LISTS)}"
    return f"{name} {operator} {rng.choice(NUMBERS if numeric is (rng.random() > 0.05) else TEXTS)}"


def written_down() -> list[str]:
    """A fixed list, some of it drawn with a fixed seed from all that can be combined."""
    rng = random.Random(20260401)
    singles = [comparisons(rng) for _ in range(90)]
    pairs = [
        rng.choice((" AND ", " and ", "  AND\n", " And\t")).join((comparisons(rng), comparisons(rng)))
        for _ in range(30)
    ]
    return [*SPECIAL, *singles, *pairs]


SPECIAL = (
    "", " ", "AND", "metrics.loss > 0 AND", "AND metrics.loss > 0", "metrics.loss > 0 AND AND params.lr = '0.1'",
    "metrics.loss > 0 params.lr = '0.1'", "metrics.loss>0 AND params.lr='0.1'", "metrics.loss>0AND params.lr='0.1'",
    "metrics . loss > 0", "metrics.loss > 0;", "metrics.loss > 0 -- a remark", "metrics.loss > 0 /* a */",
    "metrics.loss", "metrics.loss > ", "> 0", "0 < metrics.loss", "metrics.loss > params.lr",
    "metrics.loss BETWEEN 0 AND 1", "NOT status = 'x'", "NOT metrics.loss > 0",
    "metrics.loss > 0, params.lr = '0.1'", "(metrics.loss > 0)", "metrics.loss > (0)", "metrics.loss > -0",
    "metrics.loss > +1", "metrics.loss > 1 000", "metrics.loss > 0x10", "metrics.loss > nan",
    "metrics.loss != 1e308", "params.lr IN ('0.1')", "status IN ('FINISHED')",
    "run_id IN ('{0}', '{1}') AND metrics.loss != 0", "run_id NOT IN ('{0}')", "run_id in ('{0}')",
    "run_id = '{0}'", "run_id LIKE '{0}'", "run_id IN '{0}'", "metrics.loss IS NULL", "status IS NULL",
    "params.lr IS NULL AND params.opt IS NOT NULL", "params.lr IS NOT  NULL",
    "params.lr is null and tags.team = 'risk'", "params.lr = 'x", "params.`lr = 'x'", "params.'lr' = '0.1'",
    'params."lr" = "0.1"', "params.lr = `0.1`", "params.lr = 0.1", "metrics.a-b > 1", "metrics.a/b > 1",
    "tags.a:b = 'x'", "Metrics.loss > 0", "loss > 0", "foo.loss > 0", "metrics. > 0", ".loss > 0",
    "metrics..loss > 0", "metrics.loss. > 0", "status='FINISHED'AND metrics.loss>0", "datasets.size = 'x'",
    "datasets.name = 'train set' AND datasets.name = 'valid'",
    "datasets.name = 'train set' AND datasets.digest = 'd2'", "datasets.name != 'train set'",
    "datasets.name NOT IN ('train set')", "datasets.name LIKE 'TRAIN%'", "datasets.name ILIKE 'TRAIN%'",
    "metrics.é < 1", "metrics.loss = 1.7976931348623157e308", "tags.note LIKE 'one%'", "params.x-y = 'adam'",
    "end_time > 0", "end_time != 0", "start_time = 1700000003000", "start_time > '1700000003000'",
    "run_name = 'x'' AND ''y'", "tags.`note` = ''", "tags.note != ''", "tags.team ILIKE 'fraud'", "SELECT",
    "metrics.loss > 0 OR", "status = 'FINISHED' OR status = 'FAILED'",
    "(status = 'FINISHED' OR metrics.loss > 0.5) AND params.lr IS NOT NULL",
    "metrics.loss > 0 AND (params.opt = 'adam' OR params.opt = 'Adam' OR (tags.team = 'risk' AND metrics.a.b < 1))",
    "run_id IN ('{0}') OR run_id = '{1}' OR run_id = '{0}'", "metrics.loss > 0 OR metrics.unknown > 0",
)  # fmt: skip
"""Slips, odd spellings, and what people try."""


@st.composite
def generated(draw: st.DrawFn) -> str:
    """Comparisons joined somehow, now and then with a piece lost, doubled or put in."""
    # A seed, since hypothesis' own random numbers are mostly small, and half of the expressions were the same.
    rng = random.Random(draw(st.integers(0, 2**40)))
    text, open_parentheses = comparisons(rng), 0
    for _ in range(rng.choice((0, 1, 1, 2))):
        joint = rng.choice((" AND ", " AND ", " and ", " OR ", " or ", " OR (", " AND (", " AND AND ", "\nAND\n"))
        open_parentheses += joint.count("(")
        text += joint + comparisons(rng)
    text += ")" * open_parentheses
    if rng.random() < 0.25:
        pieces = re.findall(r"\s+|\w+|.", text)
        at = rng.randrange(len(pieces))
        pieces[at : at + 1] = rng.choice(
            ([], [pieces[at]] * 2, ["AND"], ["'"], ["("], [")"], ["."], ["`"], ["NULL"], [" "])
        )
        text = "".join(pieces)
    return text


DIFFERENCES = {
    r"^\s+$": "A filter of blanks is refused by MLflow; here it is no filter.",
    r"(?i)(metrics?|params?|parameters?|tags?)`?\.\s*(>|<|=|!=|i?like\b|is\b)": (
        "A key of no letters is searched for by MLflow, and found nowhere; here it is wrong."
    ),
    r"1\.797|1e400": "MLflow's databases keep infinity as 1.797e308, so it equals that and is less than 1e400.",
}
"""Pattern -> why mlaudit's own reading of a filter differs. Through MLflow's client its own answer is given."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Both:
    path = tmp_path_factory.mktemp("filters") / "runs.db"
    shutil.copy(sqlite_template, path)
    return Both(f"sqlite:///{path}")


def filled(expression: str, both: Both) -> str:
    """With the ids of real runs."""
    ids = sorted(both.memory._runs)
    return re.sub(r"\{(\d)\}", lambda m: ids[int(m.group(1))], expression)


def differs_knowingly(expression: str) -> bool:
    return any(re.search(pattern, expression) for pattern in DIFFERENCES)


def test_expressions_written_down(both: Both) -> None:
    expressions = list(dict.fromkeys(filled(e, both) for e in written_down()))
    assert len(expressions) > 200
    wrong = [found for e in expressions if not differs_knowingly(e) and (found := both.check(e))]
    assert not wrong, "\n" + "\n".join(wrong)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(generated())
def test_expressions_generated(both: Both, expression: str) -> None:
    text = filled(expression, both)
    if not differs_knowingly(text):
        assert both.check(text) == ""


def test_they_were_of_every_kind(both: Both) -> None:
    """So that the two above cannot become empty."""
    assert sum(both.seen.values()) > 300
    assert min(both.seen.values()) > 30, both.seen


@pytest.mark.parametrize("expression", [" ", "metrics. > 0", "metrics.loss = 1.7976931348623157e308"])
def test_the_differences_are_still_there(both: Both, expression: str) -> None:
    """Each of them in turn; one that is gone must leave the list."""
    assert differs_knowingly(expression)
    assert both.check(expression) != ""


def test_what_only_mlflow_can_read_is_answered_and_said(both: Both) -> None:
    page = both.gateway.search_runs([both.experiment], filter_string="metrics. > 0")
    assert page.warnings == ("character 10: no key after metrics.; MLflow took it all the same",)
    assert len(both.gateway.search_runs([both.experiment], filter_string=" ").runs) == COUNT
