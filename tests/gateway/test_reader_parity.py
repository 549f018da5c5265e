"""The SQL reader and MLflow's client on the same store: the same runs in the same order with the same values.

Where they differ on purpose, since MLflow is wrong or silent, is in :class:`TestDifferences`, each with its reason.
"""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from parity_store import ACTIVE, MODELS, ODD_KEYS, STATUSES, T0, fill

from mlaudit.domain.errors import FilterError, ModelNotFound, RunNotFound, StoreError
from mlaudit.domain.models import MetricHistory, Run, ViewType
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.mlflow_client import make_default
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.sql_gateway import SqlGateway
from mlaudit.gateway.uri import resolve

pytestmark = pytest.mark.real

KINDS = ("sqlite", "postgresql")


@dataclass
class Pair:
    """The two readers of one store."""

    kind: str
    ours: SqlGateway
    theirs: MlflowGateway
    ids: dict[str, Any]
    execute: Callable[[str], None]
    """Changes the database past both."""

    @property
    def experiments(self) -> list[str]:
        return [self.ids["main"], self.ids["other"]]


@pytest.fixture(scope="session")
def sqlite_pair(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Pair:
    root = tmp_path_factory.mktemp("parity")
    path = root / "parity.db"
    shutil.copy(sqlite_template, path)

    def execute(statement: str) -> None:
        connection = sqlite3.connect(path)
        with connection:
            connection.execute(statement)
        connection.close()

    return _pair("sqlite", f"sqlite:///{path}", root, execute)


@pytest.fixture(scope="session")
def postgresql_pair(tmp_path_factory: pytest.TempPathFactory, third_postgresql_store: str) -> Pair:
    import psycopg

    def execute(statement: str) -> None:
        with psycopg.connect(third_postgresql_store.replace("+psycopg", "")) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    return _pair("postgresql", third_postgresql_store, tmp_path_factory.mktemp("parity-pg"), execute)


def _pair(kind: str, uri: str, root: Path, execute: Callable[[str], None]) -> Pair:
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    make_default(client)
    ids = fill(client, root / "artifacts")
    # What only other clients or other times leave behind: no artifacts, a name without its tag.
    runs = ids["runs"]
    execute(f"UPDATE runs SET artifact_uri = NULL WHERE run_uuid = '{runs[9]}'")
    execute(f"DELETE FROM tags WHERE key = 'mlflow.runName' AND run_uuid = '{runs[10]}'")
    store = resolve(uri, uri, environ={})
    return Pair(kind, SqlGateway(store), MlflowGateway(store), ids, execute)


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.getfixturevalue(f"{request.param}_pair")
    return found


def plain(run: Run) -> dict[str, Any]:
    """A run as something that can be compared: NaN is equal to NaN."""
    return {
        **{name: getattr(run, name) for name in ("run_id", "experiment_id", "name", "status", "lifecycle_stage")},
        **{name: getattr(run, name) for name in ("user", "start_time", "end_time", "artifact_uri")},
        "params": dict(run.params),
        "metrics": {k: repr(v) for k, v in run.metrics.items()},
        "tags": dict(run.tags),
        "datasets": sorted(map(repr, run.datasets)),
        "models": run.logged_model_ids,
        "raw_keys": dict(run.raw_keys),
    }


def every_page(
    gateway: Gateway, experiments: Sequence[str], filter_string: str, order_by: Sequence[str], size: int
) -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        page = gateway.search_runs(
            experiments, filter_string=filter_string, order_by=order_by, max_results=size, page_token=token
        )
        found += page.runs
        token = page.next_page_token
        if token is None:
            return found


def same(pair: Pair, filter_string: str = "", order_by: Sequence[str] = (), size: int = 1000) -> list[Run]:
    """Asks both, compares all, returns what was found."""
    ours = every_page(pair.ours, pair.experiments, filter_string, order_by, size)
    theirs = every_page(pair.theirs, pair.experiments, filter_string, order_by, size)
    assert [r.run_id for r in ours] == [r.run_id for r in theirs]
    assert [plain(r) for r in ours] == [plain(r) for r in theirs]
    return ours


# One a line; T0 is 1700000000000.
FINDING = r"""
metrics.auc > 0.5
metrics.auc >= 0.5
metrics.auc < 0.5
metrics.auc <= 0.5
metric.auc != 0.5
metrics.rounded = 1
metrics.rounded != 1
metrics.rounded = 1.0
metrics.rounded >= 3
metrics.rounded = 0
metrics.extreme = 0
metrics.extreme != 0
metrics.extreme > 1e299
metrics.extreme < -1e299
metrics.extreme >= -1.5
metrics.extreme = 1e16
metrics.extreme < 1e-299
metrics.extreme = 42
metrics.extreme = 0.30000000000000004
metrics.extreme = -0.0
metrics.extreme > .1
metrics.extreme <= 1E16
metrics.loss > 0
metrics.loss < 0
metrics.loss != 1
metrics.loss >= 1
metrics.loss = 1
metrics.`val loss/2` >= 0
metrics."a.b.c" >= 0
metrics.a.b.c >= 0
metrics.`é ü` > 0
metrics.`x-y` > 0
metrics.UPPER > 0
metrics.upper > 0
metrics.`a:b` > 0
metrics.under_score > 0
metrics.order > 0
metrics.key > 0
metrics.`1st` > 0
metrics.1st > 0
metrics.bl > 0
params.opt = 'adam'
params.opt != 'adam'
params.opt = ''
params.opt != ''
parameter.opt = 'Adam'
params.opt LIKE 'ad%'
params.opt LIKE 'AD%'
params.opt ILIKE 'ad%'
params.opt LIKE '%'
param.opt ILIKE '%'
params.opt LIKE '_dam'
params.opt LIKE '50%'
params.opt LIKE '%É%'
params.opt ILIKE '%é%'
params.opt = "O'Neil"
params.opt = 'd"q'
params.opt LIKE '%line%'
params.opt ILIKE '%DAM'
params.opt ILIKE 'É'
params.opt LIKE '0.1_'
params.lr = '0.1'
params.lr != '10'
params.rare IS NULL
params.rare IS NOT NULL
params.rare is null
params.nobody IS NULL
params.rare = 'yes'
params.`val loss/2` LIKE 'v%'
params.`a:b` LIKE 'v%'
params.`é ü` ILIKE 'V%'
params."x-y" != "a"
tags.team = 'sgd'
tags.team != 'sgd'
tags.team LIKE 'A%'
tag.team ILIKE 'A%'
tags.rare IS NOT NULL
tags.rare IS NULL
tags.rare ILIKE 'a'
tags.rare LIKE 'a'
tags.mlflow.user = 'ada'
tags.`mlflow.user` != 'ada'
tags.mlflow.runName = 'alpha'
tags.`a.b.c` = 't'
tags.`val loss/2` = 't'
tags.number = '12'
tags.number LIKE '1_'
attributes.status = 'FINISHED'
status != 'FINISHED'
status LIKE 'F%'
status ILIKE 'f%'
attr.status = 'KILLED'
attributes.run_name = 'alpha'
run_name != 'alpha'
run_name LIKE 'A%'
run_name ILIKE 'alpha%'
run_name ILIKE '%É%'
`run name` = 'Alpha'
attributes.`Run Name` LIKE '%2'
run_name LIKE '100%'
run_name LIKE '%\%'
run_name LIKE '%_%'
run_name = "it's"
run_name = 'say "hi"'
run.run_name = 'a b'
attributes.user_id = 'ada'
user_id != 'ada'
user_id LIKE 'B%'
user_id ILIKE 'b%'
user_id = ''
artifact_uri LIKE '%artifacts'
artifact_uri != 'x'
artifact_uri ILIKE '%MAIN%'
attributes.artifact_uri LIKE 'file:%'
start_time > 1700000005000
attributes.start_time <= 1700000000000
start_time = 1700000003000
start_time != 1700000000000
created >= 1700000009000
attributes.Created < 1700000009000
end_time > 1700000009770
end_time != 1700000000000
end_time <= 1700000000977.0
end_time > -5
start_time >= 1.7e12
attributes.end_time < 1700000000000.5e0
datasets.name = 'Train'
dataset.name != 'Train'
datasets.name LIKE 'T%'
datasets.name ILIKE 't%'
datasets.name = "it's é"
datasets.name IN ('Train', 'bare')
datasets.name NOT IN ('Train')
datasets.digest = 'd1'
datasets.digest IN ('d0', 'd9')
datasets.digest LIKE 'd_'
datasets.digest != 'd1'
dataset.digest NOT IN ('d0', 'd1')
datasets.context = 'training'
datasets.context != 'training'
datasets.context ILIKE 'VALID%'
datasets.context LIKE 'V%'
datasets.context IN ('training', 'x')
datasets.context NOT IN ('x')
metrics.auc > 0.2 AND params.opt LIKE 'a%'
metrics.auc > 0.2 and metrics.auc < 0.8 and status = 'FINISHED'
tags.team != 'x' AND params.opt != 'x' AND metrics.rounded != 9
params.rare = 'yes' AND tags.rare IS NULL
datasets.name = 'Train' AND datasets.context = 'training'
datasets.name = 'bare' AND datasets.digest = 'd9'
metrics.auc > 0.5 AND
metrics.auc > 0.5 params.lr != 'x'
status = 'RUNNING' AND start_time < 1700000020000
metrics.rounded = 1 OR metrics.rounded = 3
status = 'FAILED' OR params.rare IS NOT NULL
(metrics.auc > 0.9)
metrics.auc > 0.3 AND (params.lr = '9' OR params.lr = '10')
(status = 'RUNNING' OR status = 'KILLED') AND tags.rare IS NULL
""".splitlines()[1:]
"""Each of these finds a run, or it would not show much."""
EMPTY = r"""
metrics.nobody > 0
params.nobody = 'x'
tags.nobody != 'x'
tags.nobody IS NOT NULL
status = 'finished'
metrics.extreme > 1.7976931348623157e308
run_name = 'nobody'
start_time > 1e15
datasets.name = 'train'
params.opt = 'adam' AND params.opt = 'sgd'
params.opt LIKE ''' OR 1=1 --%'
attributes.run_id = 'x'
params.opt LIKE '%''%'
run_name LIKE '%''%'
datasets.name = 'nobody'
tags.team = 'adam'';'
params.`opt' OR '1'='1` = 'x'
""".splitlines()[1:]
"""These find none."""

METRICS = ("auc", "rounded", "extreme", "loss", "nobody", "`val loss/2`")
TEXT_KEYS = ("params.opt", "params.lr", "params.rare", "tags.team", "tags.rare", "tags.nobody")
ATTRIBUTES = ("status", "user_id", "artifact_uri", "run_id", "start_time", "end_time")
ORDERS: tuple[tuple[str, ...], ...] = (
    *((f"metrics.{key} {way}",) for key in METRICS for way in ("ASC", "desc")),
    *((f"{key}{way}",) for key in TEXT_KEYS for way in ("", " DESC")),
    *((order,) for key in ATTRIBUTES for order in (f"attributes.{key}", f"{key} DESC")),
    *(("created",), ("attributes.Created DESC",), ('metrics."a.b.c"',), ("param.`x-y` DESC",), ("tag.`é ü`",)),
    *(("metrics.rounded DESC", "params.opt ASC"), ("status", "metrics.rounded", "metrics.auc DESC")),
    *(("params.lr DESC", "start_time ASC"), ("metrics.extreme", "metrics.loss DESC", "tags.team")),
    ("metrics.rounded", "run_id DESC"),
)


@pytest.mark.parametrize("filter_string", ["", *FINDING])
def test_filters(pair: Pair, filter_string: str) -> None:
    if pair.kind == "postgresql" and ("É" in filter_string or "\\" in filter_string):
        # On PostgreSQL ILIKE knows É, and \ escapes: what is found differs between databases, not between readers.
        same(pair, filter_string)
    else:
        assert same(pair, filter_string)


@pytest.mark.parametrize("filter_string", EMPTY)
def test_filters_that_find_nothing(pair: Pair, filter_string: str) -> None:
    assert same(pair, filter_string) == []


@pytest.mark.parametrize("order_by", ORDERS)
def test_orders(pair: Pair, order_by: tuple[str, ...]) -> None:
    assert len(same(pair, "", order_by)) == ACTIVE


@pytest.mark.parametrize("order_by", [(), *ORDERS])
def test_the_start_of_an_order(pair: Pair, order_by: tuple[str, ...]) -> None:
    """A first page is found without sorting all runs: it is what sorting all of them begins with."""

    def found(experiments: list[str], view: ViewType, size: int) -> list[str]:
        page = pair.ours.search_runs(experiments, order_by=order_by, max_results=size, view=view)
        return [run.run_id for run in page.runs]

    for experiments in (pair.experiments, [pair.ids["other"]]):
        for view in ViewType:
            whole = found(experiments, view, 1000)
            for size in (1, 2, 3, 5, 8, 13, 21, 34):
                assert found(experiments, view, size) == whole[:size]


def random_queries() -> list[tuple[str, tuple[str, ...], int]]:
    rng = random.Random(7)
    single = [f for f in FINDING if "AND" not in f.upper().split() and "OR" not in f.split() and "(" not in f]
    queries = []
    for _ in range(60):
        filter_string = " AND ".join(rng.sample(single, rng.choice((0, 1, 1, 2, 2, 3))))
        queries.append(
            (filter_string, rng.choice(ORDERS) if rng.random() < 0.6 else (), rng.choice((1, 2, 3, 5, 7, 20)))
        )
    return queries


@pytest.mark.parametrize(("filter_string", "order_by", "size"), random_queries())
def test_pages(pair: Pair, filter_string: str, order_by: tuple[str, ...], size: int) -> None:
    """However deep, with ties, NaN and missing values on the page's edge."""
    if pair.kind == "postgresql" and size < 5:
        size += 10  # a page costs MLflow more there
    same(pair, filter_string, order_by, size)


def test_corpus_is_large_enough() -> None:
    assert len(FINDING) + len(EMPTY) + len(ORDERS) + len(random_queries()) >= 150


@pytest.mark.parametrize(
    "filter_string",
    [
        *("metrics.auc", "metrics.auc >", "metrics.auc > 'x'", "metrics.auc LIKE 'x'", "metrics.auc IS NULL"),
        *("params.opt = 1", "params.opt > 'a'", "params.opt IN ('a')", "status IN ('FINISHED')", "nothing = 'x'"),
        *("colour.x = 1", "start_time = 'x'", "datasets.owner = 'x'", "params.opt = 'open", "run_id IN ()"),
        *("NOT status = 'FINISHED'", "auc > 0.5", "tags.a-b = 'x'"),
    ],
)  # fmt: skip
def test_both_refuse(pair: Pair, filter_string: str) -> None:
    """With the same position."""
    positions = []
    for gateway in (pair.ours, pair.theirs):
        with pytest.raises(FilterError) as caught:
            gateway.search_runs(pair.experiments, filter_string=filter_string)
        positions.append(caught.value.position)
    assert positions[0] == positions[1]


@pytest.mark.parametrize(
    "order", ["metrics.auc SIDEWAYS", "colour.x", "nothing", "datasets.name", "metrics.a metrics.b c"]
)
def test_both_refuse_orders(pair: Pair, order: str) -> None:
    for gateway in (pair.ours, pair.theirs):
        with pytest.raises(FilterError):
            gateway.search_runs(pair.experiments, order_by=[order])


class TestThings:
    def test_run_ids(self, pair: Pair) -> None:
        one, two = pair.ids["runs"][:2]
        assert len(same(pair, f"attributes.run_id IN ('{one}', '{two}')")) == 2
        assert len(same(pair, f"run_id NOT IN ('{one}', '{two}')")) == ACTIVE - 2
        assert len(same(pair, f"run_id LIKE '{one[:9]}%' OR run_id = '{two}'")) == 2

    def test_every_run(self, pair: Pair) -> None:
        """Deleted ones and those of a deleted experiment too."""
        for run_id in [*pair.ids["runs"], pair.ids["lost"]]:
            assert plain(pair.ours.get_run(run_id)) == plain(pair.theirs.get_run(run_id))

    def test_deleted_experiments(self, pair: Pair) -> None:
        for gateway in (pair.ours, pair.theirs):
            assert [r.run_id for r in gateway.search_runs([pair.ids["gone"]]).runs] in ([], [pair.ids["lost"]])
        assert pair.ours.search_runs([pair.ids["gone"]]).runs == pair.theirs.search_runs([pair.ids["gone"]]).runs

    def test_found_by_prefix(self, pair: Pair) -> None:
        for run_id in pair.ids["runs"][:20]:
            if run_id in pair.ids["deleted"]:
                for gateway in (pair.ours, pair.theirs):
                    with pytest.raises(RunNotFound):
                        gateway.find_run(run_id[:16])
            else:
                assert plain(pair.ours.find_run(run_id[:16])) == plain(pair.theirs.find_run(run_id[:16]))

    def test_experiments(self, pair: Pair) -> None:
        ours = pair.ours.list_experiments()
        assert [replace(e, run_count=None, last_run_time=None) for e in ours] == list(pair.theirs.list_experiments())
        counts = {e.experiment_id: e.run_count for e in ours}
        assert (counts[pair.ids["main"]], counts[pair.ids["other"]]) == (ACTIVE - 6, 6)

    def test_histories(self, pair: Pair) -> None:
        """Every one, with duplicate steps, NaN and infinities."""

        def points(history: MetricHistory) -> Any:
            return history.key, list(history.steps), list(history.timestamps), list(map(repr, history.values))

        seen = 0
        for run_id in pair.ids["runs"]:
            for key in pair.ours.get_run(run_id).metrics:
                seen += 1
                assert points(pair.ours.metric_history(run_id, key)) == points(pair.theirs.metric_history(run_id, key))
        assert seen > 200

    def test_latest_is_the_greatest(self, pair: Pair) -> None:
        """The end of the history is what the run shows, which MLflow decides when it writes."""
        for run_id in pair.ids["runs"]:
            run = pair.ours.get_run(run_id)
            if "loss" in run.metrics and not math.isnan(run.metrics["loss"]):
                assert pair.ours.metric_history(run_id, "loss").values[-1] == run.metrics["loss"]

    def test_registry(self, pair: Pair) -> None:
        models = pair.ours.list_registered_models()
        assert models == pair.theirs.list_registered_models()
        assert {m.raw_name for m in models} == {*MODELS, "empty"}
        for name in [m.raw_name for m in models]:
            assert pair.ours.list_model_versions(name) == pair.theirs.list_model_versions(name)
            assert pair.ours.model_tags(name) == pair.theirs.model_tags(name)
        for gateway in (pair.ours, pair.theirs):
            for name in ("ZETA", "a-prompt"):
                with pytest.raises(ModelNotFound):
                    gateway.list_model_versions(name)

    def test_versions_sources_and_artifacts_of_runs(self, pair: Pair) -> None:
        for run_id in pair.ids["runs"][:6]:
            assert pair.ours.versions_of_run(run_id) == pair.theirs.versions_of_run(run_id)
            assert pair.ours.model_sources(run_id) == pair.theirs.model_sources(run_id)
            assert pair.ours.list_artifacts(run_id) == pair.theirs.list_artifacts(run_id)
        run_id = pair.ids["runs"][0]
        assert pair.ours.list_artifacts(run_id, "notes") == pair.theirs.list_artifacts(run_id, "notes")
        assert pair.ours.read_artifact(run_id, "notes/a.txt", 3) == b"hel"


class TestDifferences:
    """Where the reader does not do as MLflow does, and why."""

    def test_sorting_by_a_name_that_is_only_a_tag(self, pair: Pair) -> None:
        """MLflow shows such a run (of MLflow 1) by its tag's name but sorts it as if it had none."""
        run_id = pair.ids["runs"][11]
        assert pair.ours.get_run(run_id).name == "alpha"
        pair.execute(f"UPDATE runs SET name = NULL WHERE run_uuid = '{run_id}'")
        try:
            shown = [r.name for r in every_page(pair.ours, pair.experiments, "", ["run_name"], 1000)]
            assert "alpha" in shown
            assert shown.index("alpha") < shown.index("under_score")
            theirs = [r.run_id for r in every_page(pair.theirs, pair.experiments, "", ["run_name"], 1000)]
            assert theirs[-1] == run_id
            assert pair.ours.get_run(run_id).name == pair.theirs.get_run(run_id).name == "alpha"
        finally:
            pair.execute(f"UPDATE runs SET name = 'alpha' WHERE run_uuid = '{run_id}'")
        same(pair, "", ["run_name"])
        same(pair, "", ["attributes.run_name DESC"])

    @pytest.mark.parametrize("column", ["user_id", "start_time"])
    def test_a_run_without_a_user_or_a_start(self, pair: Pair, column: str) -> None:
        """One such row, which the schema allows, ends every listing of MLflow's. Here it is listed, last if undated."""
        run_id = pair.ids["runs"][12]
        before = pair.ours.get_run(run_id)
        pair.execute(f"UPDATE runs SET {column} = NULL WHERE run_uuid = '{run_id}'")
        try:
            for size in (1000, 7):
                found = [r.run_id for r in every_page(pair.ours, pair.experiments, "", [], size)]
                assert len(found) == len(set(found)) == ACTIVE
                # PostgreSQL's own order has NULL first.
                place = 0 if pair.kind == "postgresql" else -1
                assert column == "user_id" or found[place] == run_id
            with pytest.raises(StoreError, match=column):
                every_page(pair.theirs, pair.experiments, "", [], 1000)
        finally:
            value = before.start_time if column == "start_time" else "''"
            pair.execute(f"UPDATE runs SET {column} = {value} WHERE run_uuid = '{run_id}'")

    def test_a_blank_filter(self, pair: Pair) -> None:
        """MLflow cannot parse it; for a person who left a blank behind it is none."""
        assert len(every_page(pair.ours, pair.experiments, "  ", [], 1000)) == ACTIVE

    def test_fractions_of_a_millisecond(self, pair: Pair) -> None:
        """MLflow rounds them on PostgreSQL, so that a run is later than half a millisecond before itself."""
        ours = every_page(pair.ours, pair.experiments, f"start_time > {T0 - 1}.5 AND start_time < {T0}.5", [], 1000)
        assert {r.start_time for r in ours} == {T0}

    def test_times_beyond_all_numbers(self, pair: Pair) -> None:
        """An error of the database in MLflow; it is only a comparison that no run, or each, fulfils."""
        assert every_page(pair.ours, pair.experiments, "start_time > 99999999999999999999", [], 1000) == []
        assert len(every_page(pair.ours, pair.experiments, "start_time < 99999999999999999999", [], 1000)) == ACTIVE

    def test_text_that_cannot_be_stored(self, pair: Pair) -> None:
        """NUL ends in an error of PostgreSQL, a lone surrogate in one of Python: here it is said where it stands."""
        for odd in ("\x00", "\udcff"):
            with pytest.raises(FilterError) as caught:
                pair.ours.search_runs(pair.experiments, filter_string=f"status = 'x' AND params.opt = 'a{odd}'")
            assert caught.value.position == 17

    def test_a_run_that_comes_between_two_pages(self, pair: Pair) -> None:
        """MLflow's tokens count, so a run is repeated; here none is."""
        new = "f" * 32
        for gateway, repeats in ((pair.ours, False), (pair.theirs, True)):
            first = gateway.search_runs(pair.experiments, max_results=10)
            pair.execute(
                "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, experiment_id)"
                f" VALUES ('{new}', 'new', 'RUNNING', {T0 + 10**9}, 'active', {pair.ids['main']})"
            )
            try:
                rest = every_page_from(gateway, pair.experiments, first.next_page_token)
            finally:
                pair.execute(f"DELETE FROM runs WHERE run_uuid = '{new}'")
            seen = [r.run_id for r in (*first.runs, *rest)]
            assert (len(seen) > len(set(seen))) is repeats
            assert len(set(seen)) == ACTIVE

    def test_a_run_that_goes_between_two_pages(self, pair: Pair) -> None:
        """MLflow then drops another one, unseen."""
        victim = pair.ours.search_runs(pair.experiments, max_results=3).runs[0].run_id
        for gateway, found in ((pair.ours, ACTIVE), (pair.theirs, ACTIVE - 1)):
            first = gateway.search_runs(pair.experiments, max_results=10)
            pair.execute(f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = '{victim}'")
            try:
                rest = every_page_from(gateway, pair.experiments, first.next_page_token)
            finally:
                pair.execute(f"UPDATE runs SET lifecycle_stage = 'active' WHERE run_uuid = '{victim}'")
            assert len({r.run_id for r in (*first.runs, *rest)}) == found

    def test_tokens_of_another_search(self, pair: Pair) -> None:
        """MLflow takes any token for any search, and counts; here the search must be the same."""
        token = pair.ours.search_runs(pair.experiments, max_results=3).next_page_token
        for order_by, wrong in ((["metrics.auc"], token), ([], "abc"), ([], "")):
            with pytest.raises(FilterError, match="page token"):
                pair.ours.search_runs(pair.experiments, order_by=order_by, page_token=wrong)

    def test_a_token_outlives_the_process_that_gave_it(self, pair: Pair) -> None:
        """Also deep in a listing that the other reader never made."""
        page = pair.ours.search_runs(pair.experiments, order_by=["metrics.loss DESC"], max_results=9)
        for _ in range(3):
            page = pair.ours.search_runs(
                pair.experiments, order_by=["metrics.loss DESC"], max_results=9, page_token=page.next_page_token
            )
        assert page.next_page_token is not None
        another = SqlGateway(resolve(_uri(pair), environ={}))
        runs = another.search_runs(
            pair.experiments, order_by=["metrics.loss DESC"], max_results=100, page_token=page.next_page_token
        ).runs
        whole = every_page(pair.theirs, pair.experiments, "", ["metrics.loss DESC"], 1000)
        assert [r.run_id for r in runs] == [r.run_id for r in whole[36:]]


def every_page_from(gateway: Gateway, experiments: Sequence[str], token: str | None) -> list[Run]:
    found: list[Run] = []
    while token is not None:
        page = gateway.search_runs(experiments, max_results=10, page_token=token)
        found += page.runs
        token = page.next_page_token
    return found


def _uri(pair: Pair) -> str:
    return pair.theirs._store.tracking.uri


def test_keys_and_statuses_are_all_there(sqlite_pair: Pair) -> None:
    """The store has what the queries ask about."""
    runs = every_page(sqlite_pair.ours, sqlite_pair.experiments, "", [], 1000)
    assert {r.status for r in runs} == set(STATUSES)
    assert set(ODD_KEYS) <= {key for r in runs for key in r.metrics}
    assert any(math.isnan(v) for r in runs for v in r.metrics.values())
