"""What every store must answer, whatever its kind."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from contract_stores import DATASET, EXPERIMENT, HOSTILE_NAME, MODEL, ODD_METRIC, ODD_PARAM, REPORT, RUNS, T0, Store

from mlaudit.domain.errors import (
    AmbiguousRunId,
    FilterError,
    ModelNotFound,
    NotAStore,
    RunNotFound,
    VersionNotFound,
)
from mlaudit.domain.metric_summary import MetricSummary
from mlaudit.domain.models import Run, Stage, ViewType
from mlaudit.services.download import Downloads, Phase, PollDownload, StartDownload

pytestmark = pytest.mark.real


def found(store: Store, filter_string: str = "", *order_by: str) -> list[str]:
    """Nicknames of the runs that a search finds, in its order."""
    names = {run_id: nickname for nickname, run_id in store.runs.items()}
    page = store.gateway.search_runs([store.experiment], filter_string=filter_string, order_by=order_by)
    return [names[r.run_id] for r in page.runs]


class TestExperiments:
    def test_active_ones_only(self, store: Store) -> None:
        """Deleted experiments are not listed; names are as they are, markup and all."""
        names = [e.name for e in store.gateway.list_experiments()]
        assert EXPERIMENT in names
        assert "crowd" in names
        assert "gone" not in names

    def test_fields(self, store: Store) -> None:
        experiment = next(e for e in store.gateway.list_experiments() if e.name == EXPERIMENT)
        assert experiment.experiment_id == store.experiment
        assert experiment.raw_name == EXPERIMENT
        assert experiment.lifecycle_stage == "active"
        assert isinstance(experiment.creation_time, int)


class TestSearch:
    def test_newest_first_and_no_deleted_run(self, store: Store) -> None:
        assert found(store) == ["hostile", "diverged", "second", "first"]

    @pytest.mark.parametrize(
        ("view", "expected"),
        [
            (ViewType.ACTIVE_ONLY, ["hostile", "diverged", "second", "first"]),
            (ViewType.DELETED_ONLY, ["deleted"]),
            (ViewType.ALL, ["deleted", "hostile", "diverged", "second", "first"]),
        ],
    )
    def test_deleted_runs_on_demand(self, store: Store, view: ViewType, expected: list[str]) -> None:
        """Over pages of two, with and without a filter, in the language of one search and of several."""
        names = {run_id: nickname for nickname, run_id in store.runs.items()}
        for filter_string in ("", "attributes.start_time > 0", "status = 'FAILED' OR attributes.start_time > 0"):
            found: list[Run] = []
            token = None
            for _ in range(5):
                page = store.gateway.search_runs(
                    [store.experiment], filter_string=filter_string, max_results=2, page_token=token, view=view
                )
                found += page.runs
                token = page.next_page_token
                if token is None:
                    break
            assert sorted(names[r.run_id] for r in found) == sorted(expected)
            assert [r.run_id for r in found if r.lifecycle_stage == "deleted"] == [
                store.runs[n] for n in expected if n == "deleted"
            ]
        assert store.gateway.search_runs([store.experiment], filter_string="metrics.auc > 0", view=view).warnings == (
            ("no run here has metrics.auc",) if view is ViewType.DELETED_ONLY else ()
        )

    def test_no_experiment_no_run(self, store: Store) -> None:
        assert store.gateway.search_runs([]).runs == ()

    def test_pages_meet_without_gap_or_repetition(self, store: Store) -> None:
        seen: list[str] = []
        token = None
        for _ in range(10):
            page = store.gateway.search_runs([store.experiment], max_results=3, page_token=token)
            seen += [r.run_id for r in page.runs]
            token = page.next_page_token
            if token is None:
                break
        assert seen == [store.runs[n] for n in ("hostile", "diverged", "second", "first")]

    @pytest.mark.parametrize(
        ("filter_string", "expected"),
        [
            ("metrics.auc > 0.6", ["second", "first"]),
            ("metrics.auc >= 0.95", ["second"]),
            ("metrics.loss != 0.3 and metrics.auc < 0.96", ["diverged", "second"]),
            ("metrics.auc > -1e-3", ["diverged", "second", "first"]),
            (f"metrics.`{ODD_METRIC}` = 1", ["first"]),
            (f'metrics."{ODD_METRIC}" = 1.0', ["first"]),
            ("params.lr = '0.1'", ["first"]),
            ("params.lr LIKE '0.%'", ["second", "first"]),
            ("params.opt ILIKE 'ADAM'", ["second"]),
            ("params.opt IS NULL", ["hostile", "diverged", "first"]),
            ("params.opt is not null", ["second"]),
            (f'params.`{ODD_PARAM}` = "x\'y"', ["first"]),
            ("tags.team = 'risk'", ["first"]),
            ("tags.team != 'risk'", ["second"]),
            ("tags.note LIKE '100%'", ["first"]),
            ("tags.mlflow.user = 'ada' AND tags.team IS NOT NULL", ["second", "first"]),
            ("attributes.status = 'FAILED'", ["second"]),
            ("status = 'failed'", []),
            ("attributes.run_name = 'first'", ["first"]),
            ("run_name LIKE 'Second%'", ["second"]),
            ("run_name LIKE 'second%'", []),
            ("run_name ILIKE 'second%'", ["second"]),
            ("`run name` = 'first'", ["first"]),
            (f"attributes.start_time > {T0 + 1500}", ["hostile", "diverged"]),
            (f"created <= {T0}", ["first"]),
            ("datasets.name = 'transactions'", ["first"]),
            ("dataset.digest IN ('other', 'd1g3st')", ["first"]),
            ("datasets.context = 'testing'", []),
            ("metrics.auc > 0.6 AND params.lr = '0.1'", ["first"]),
            ("metrics.auc > 0.6 AND", ["second", "first"]),
            ("metrics.auc > 0.6 params.lr = '0.1'", ["first"]),
            ("metrics.nobody_knows > 0", []),
            ("metrics.auc > 0.9 OR params.lr = '0.1'", ["second", "first"]),
            ("metrics.auc > 0.6 OR metrics.loss < 0.4", ["second", "first"]),
            ("metrics.auc < 0.6 OR status = 'RUNNING' OR tags.team = 'risk'", ["hostile", "diverged", "first"]),
            ("metrics.auc > 0.6 AND (tags.team = 'risk' or params.opt = 'adam')", ["second", "first"]),
            ("metrics.auc > 0.6 AND tags.team = 'risk' OR params.lr = '10'", ["diverged", "first"]),
            ("((tags.team = 'risk'))", ["first"]),
            ("metrics.nobody_knows > 0 OR (run_name = 'first')", ["first"]),
        ],
    )
    def test_filters(self, store: Store, filter_string: str, expected: list[str]) -> None:
        assert found(store, filter_string) == expected

    def test_run_id_in_a_list(self, store: Store) -> None:
        one, two = store.runs["first"], store.runs["second"]
        assert found(store, f"attributes.run_id IN ('{one}', '{two}')") == ["second", "first"]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("metrics.auc DESC", ["second", "first", "diverged", "hostile"]),
            ("metrics.auc ASC", ["diverged", "first", "second", "hostile"]),
            ("metrics.loss ASC", ["second", "first", "diverged", "hostile"]),
            ("metrics.loss desc", ["first", "second", "diverged", "hostile"]),
            ("attributes.start_time ASC", ["first", "second", "diverged", "hostile"]),
            ("params.lr", ["hostile", "second", "first", "diverged"]),
            (f"metrics.`{ODD_METRIC}` DESC", ["first", "hostile", "diverged", "second"]),
        ],
    )
    def test_order(self, store: Store, order: str, expected: list[str]) -> None:
        """Numbers, then NaN, then runs without the key, whatever the direction."""
        assert found(store, "", order) == expected

    def test_order_by_several_keys(self, store: Store) -> None:
        """The second orders what the first holds equal: here two that have none."""
        assert found(store, "", "tags.team ASC", "metrics.auc ASC") == ["second", "first", "diverged", "hostile"]
        assert found(store, "", "params.opt DESC", "attributes.start_time ASC") == [
            "second",
            "first",
            "diverged",
            "hostile",
        ]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("metrics.auc DESC", ["second", "first", "diverged", "hostile"]),
            ("metrics.loss ASC", ["second", "first", "diverged", "hostile"]),
            ("attributes.start_time ASC", ["first", "second", "diverged", "hostile"]),
            ("params.lr", ["hostile", "second", "first", "diverged"]),
            ("tags.team DESC", ["first", "second", "hostile", "diverged"]),
        ],
    )
    def test_or_is_merged_in_the_asked_order(self, store: Store, order: str, expected: list[str]) -> None:
        """Run by run, over pages of two: nothing twice, nothing lost, though two alternatives find the same run."""
        names = {run_id: nickname for nickname, run_id in store.runs.items()}
        either = "metrics.auc > 0.9 OR metrics.auc > 0.6 OR params.lr = '10' OR status = 'RUNNING'"
        seen: list[str] = []
        token = None
        for _ in range(5):
            page = store.gateway.search_runs(
                [store.experiment], filter_string=either, order_by=[order], max_results=2, page_token=token
            )
            seen += [names[r.run_id] for r in page.runs]
            token = page.next_page_token
            if token is None:
                break
        assert seen == expected

    @pytest.mark.parametrize(
        ("filter_string", "warnings"),
        [
            ("", ()),
            ("metrics.auc > 0.6", ()),
            ("metrics.acu > 0.6", ("no run here has metrics.acu; did you mean metrics.auc?",)),
            ("params.opt != 'adam' OR params.opt IS NULL", ()),
            (
                "tags.team != 'x'",
                ("!= leaves out the runs that have no tags.team; OR tags.team IS NULL would keep them",),
            ),
            ("metrics.nobody != 3", ("no run here has metrics.nobody",)),
            ("status = 'failed'", ("no run has the status 'failed': write 'FAILED'",)),
            ("metrics.auc > 0.6 params.lr = '0.1'", ("character 19: AND is missing here; read as if it stood there",)),
            ("params.lt = '1' OR metrics.auc > 0.6", ("no run here has params.lt; did you mean params.lr?",)),
        ],
    )  # fmt: skip
    def test_silent_traps_are_said(self, store: Store, filter_string: str, warnings: tuple[str, ...]) -> None:
        page = store.gateway.search_runs([store.experiment], filter_string=filter_string)
        assert page.warnings == warnings

    def test_a_missing_experiment_is_said(self, store: Store) -> None:
        """MLflow answers that it has no runs."""
        page = store.gateway.search_runs(["987654321"], filter_string="metrics.auc > 0")
        assert (page.runs, page.warnings) == ((), ("there is no experiment with the id 987654321",))

    @pytest.mark.parametrize(
        ("filter_string", "position"),
        [
            ("metrics.auc >", 13),
            ("metrics.auc > 'high'", 14),
            ("metric.auc = 1 OR", 17),
            ("colour.x = 1", 0),
            ("params.lr = 0.1", 12),
            ("attributes.nothing = 'x'", 11),
            ("metrics.auc LIKE 'x'", 12),
            ("params.lr = 'open", 12),
            ("(metrics.auc > 1", 0),
        ],
    )
    def test_bad_filter_says_where(self, store: Store, filter_string: str, position: int) -> None:
        with pytest.raises(FilterError) as caught:
            found(store, filter_string)
        assert caught.value.position == position
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("order", ["colour.x", "metrics.a metrics.b", "metrics.auc SIDEWAYS", "nothing"])
    def test_bad_order(self, store: Store, order: str) -> None:
        with pytest.raises(FilterError):
            found(store, "", order)


class TestRuns:
    def test_fields(self, store: Store) -> None:
        run = store.gateway.get_run(store.runs["first"])
        assert (run.name, run.status, run.lifecycle_stage) == ("first", "FINISHED", "active")
        assert (run.start_time, run.end_time) == (T0, T0 + 300_000)
        assert run.experiment_id == store.experiment
        assert run.params == RUNS["first"]["params"]
        assert run.metrics == {"loss": 0.3, "auc": 0.8, ODD_METRIC: 1.0}
        assert run.tags["team"] == "risk"
        assert run.datasets == (DATASET,)
        assert run.user == "ada"
        assert len(run.logged_model_ids) == 1

    def test_nan_is_the_latest(self, store: Store) -> None:
        run = store.gateway.get_run(store.runs["diverged"])
        assert math.isnan(run.metrics["loss"])

    def test_text_is_clean_and_its_raw_form_still_usable(self, store: Store) -> None:
        run = store.gateway.get_run(store.runs["hostile"])
        assert run.name == "␛[2J evil ␇"
        assert run.name != HOSTILE_NAME
        assert run.params["lr"] == "␛]0;owned␇"
        assert run.tags["multi"] == "one⏎two"
        assert run.tags["rtl"] == "a‹U+202E›b"
        assert run.end_time is None

    def test_deleted_run_is_got_but_not_found(self, store: Store) -> None:
        run_id = store.runs["deleted"]
        assert store.gateway.get_run(run_id).lifecycle_stage == "deleted"
        with pytest.raises(RunNotFound):
            store.gateway.find_run(run_id)

    def test_prefix(self, store: Store) -> None:
        run_id = store.runs["second"]
        assert store.gateway.find_run(run_id).run_id == run_id
        assert store.gateway.find_run(run_id[:12]).run_id == run_id
        assert store.gateway.find_run(run_id[:12].upper()).run_id == run_id

    @pytest.mark.parametrize("bad", ["zzzz", "", "%", "' OR '1'='1", "a'", "f" * 32, "../../etc/passwd", "\x1b[2J"])
    def test_nonsense_is_not_found(self, store: Store, bad: str) -> None:
        with pytest.raises(RunNotFound) as caught:
            store.gateway.find_run(bad)
        assert str(caught.value).isprintable()

    @pytest.mark.parametrize("bad", ["zzzz", "f" * 32, "../x", "a'b"])
    def test_unknown_id_everywhere(self, store: Store, bad: str) -> None:
        gateway = store.gateway
        for ask in (gateway.get_run, gateway.model_sources, gateway.list_artifacts):
            with pytest.raises(RunNotFound):
                ask(bad)
        with pytest.raises(RunNotFound):
            gateway.metric_history(bad, "loss")
        assert gateway.versions_of_run(bad) == ()

    def test_ambiguous_prefix(self, store: Store) -> None:
        """Of the 17 runs of the crowd at least two begin alike."""
        firsts = [r.run_id[0] for r in store.gateway.search_runs([store.crowd]).runs]
        shared = next(c for c in firsts if firsts.count(c) > 1)
        with pytest.raises(AmbiguousRunId) as caught:
            store.gateway.find_run(shared)
        assert len(caught.value.run_ids) > 1
        assert all(r.startswith(shared) for r in caught.value.run_ids)


class TestHistory:
    def test_points_in_order(self, store: Store) -> None:
        history = store.gateway.metric_history(store.runs["first"], "loss")
        assert list(history.steps) == [0, 1, 2]
        assert list(history.values) == [0.9, 0.5, 0.3]
        assert list(history.timestamps) == [T0, T0 + 10, T0 + 20]
        assert not history.sampled

    def test_nan_stays(self, store: Store) -> None:
        history = store.gateway.metric_history(store.runs["diverged"], "loss")
        assert history.values[0] == 1.0
        assert math.isnan(history.values[1])

    def test_odd_key_and_never_logged(self, store: Store) -> None:
        assert list(store.gateway.metric_history(store.runs["first"], ODD_METRIC).values) == [1.0]
        assert len(store.gateway.metric_history(store.runs["first"], "never")) == 0


class TestSummaries:
    def summaries(self, store: Store, nickname: str, *keys: str) -> list[MetricSummary]:
        """As the screen asks: again for what is missing."""
        found: list[MetricSummary] = []
        while len(found) < len(keys):
            more = store.gateway.metric_summaries(store.runs[nickname], keys[len(found) :])
            assert more
            found += more
        return found

    def test_of_several_metrics(self, store: Store) -> None:
        loss, odd, auc, never = self.summaries(store, "first", "loss", ODD_METRIC, "auc", "never")
        assert loss == MetricSummary("loss", 3, 3, (0.3, 2), (0.9, 0))
        assert odd == MetricSummary(ODD_METRIC, 1, 1, (1.0, 0), (1.0, 0))
        assert auc == MetricSummary("auc", 1, 1, (0.80, 0), (0.80, 0))
        assert never == MetricSummary("never", 0, 0)

    def test_what_is_no_number_only_counts(self, store: Store) -> None:
        assert self.summaries(store, "diverged", "loss") == [MetricSummary("loss", 2, 1, (1.0, 0), (1.0, 0))]

    def test_of_no_run(self, store: Store) -> None:
        for bad in ("f" * 32, "../x"):
            with pytest.raises(RunNotFound):
                store.gateway.metric_summaries(bad, ["loss"])
        assert store.gateway.metric_summaries(store.runs["first"], []) == ()


class TestArtifacts:
    def test_folders_first_models_too(self, store: Store) -> None:
        entries = store.gateway.list_artifacts(store.runs["first"])
        assert [(a.path, a.is_dir) for a in entries] == [("model", True), ("plots", True), ("report.txt", False)]
        assert entries[2].size == len(REPORT)

    def test_below(self, store: Store) -> None:
        gateway, run_id = store.gateway, store.runs["first"]
        assert [a.raw_path for a in gateway.list_artifacts(run_id, "plots")] == ["plots/roc.json"]
        assert [a.raw_path for a in gateway.list_artifacts(run_id, "model")] == ["model/MLmodel"]
        assert gateway.list_artifacts(run_id, "nothing") == ()

    def test_read_at_most(self, store: Store) -> None:
        gateway, run_id = store.gateway, store.runs["first"]
        assert gateway.read_artifact(run_id, "report.txt", 12) == REPORT[:12]
        assert gateway.read_artifact(run_id, "report.txt", 10_000) == REPORT
        assert gateway.read_artifact(run_id, "model/MLmodel", 100) == b"flavors: {}\n"

    @pytest.mark.parametrize(
        "path", ["missing.txt", "plots", "../../../../etc/passwd", "/etc/passwd", "a/../report.txt"]
    )
    def test_what_is_not_there(self, store: Store, path: str) -> None:
        with pytest.raises(NotAStore):
            store.gateway.read_artifact(store.runs["first"], path, 10)

    def test_in_chunks(self, store: Store) -> None:
        """As a whole, with the size told before; and only the start, which ends well too."""
        gateway, run_id = store.gateway, store.runs["first"]
        with gateway.open_artifact(run_id, "report.txt") as stream:
            assert stream.size == len(REPORT)
            assert b"".join(stream.chunks) == REPORT
        with gateway.open_artifact(run_id, "report.txt", whole_most=10**6) as stream:
            assert stream.read(12) == REPORT[:12]
        with gateway.open_artifact(run_id, "model/MLmodel") as stream:
            assert stream.read(100) == b"flavors: {}\n"
            assert stream.read(100) == b""
        gateway.write_artifact(store.runs["second"], "of all/100% é.txt", "here")
        with gateway.open_artifact(store.runs["second"], "of all/100% é.txt") as stream:
            assert stream.read(100) == b"here"

    @pytest.mark.parametrize("path", ["missing.txt", "plots", "../../../../etc/passwd", "/etc/passwd", ""])
    def test_nothing_to_open(self, store: Store, path: str) -> None:
        with pytest.raises(NotAStore), store.gateway.open_artifact(store.runs["first"], path):
            pass
        with pytest.raises(RunNotFound), store.gateway.open_artifact("f" * 32, "report.txt"):
            pass

    def test_as_files(self, store: Store, tmp_path: Path) -> None:
        """A folder with what is in it, and a file of a model that is kept elsewhere."""
        downloads, run_id = Downloads(lambda: store.gateway), store.runs["first"]
        for path, is_dir in (("plots", True), ("model/MLmodel", False)):
            started = downloads.start(StartDownload(run_id, path, is_dir, str(tmp_path)))
            while not (state := downloads.poll(PollDownload(started.download_id))).ended:
                pass
            assert (state.phase, state.problem, state.files_done) == (Phase.DONE, "", 1)
            assert state.done == state.total
        assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")} == {"plots", "plots/roc.json", "MLmodel"}
        assert (tmp_path / "plots/roc.json").read_bytes() == b"{}"
        assert (tmp_path / "MLmodel").read_bytes() == b"flavors: {}\n"

    def test_run_without_any(self, store: Store) -> None:
        assert store.gateway.list_artifacts(store.runs["hostile"]) == ()


class TestRegistry:
    def test_models(self, store: Store) -> None:
        model = next(m for m in store.gateway.list_registered_models() if m.raw_name == MODEL)
        assert model.name == MODEL
        assert model.aliases == {"champion": "1"}

    def test_versions(self, store: Store) -> None:
        versions = store.gateway.list_model_versions(MODEL)
        assert [(v.version, v.stage, v.aliases) for v in versions] == [
            ("2", Stage.NONE, ()),
            ("1", Stage.PRODUCTION, ("champion",)),
        ]
        assert [v.run_id for v in versions] == [store.runs["second"], store.runs["first"]]
        assert versions[1].tags == {"why": "good"}
        assert versions[0].source.startswith("models:/m-")

    @pytest.mark.parametrize("name", ["nobody", "it's", "' OR name != '", "both ' and \"", "a%"])
    def test_unknown_model(self, store: Store, name: str) -> None:
        with pytest.raises(ModelNotFound) as caught:
            store.gateway.list_model_versions(name)
        assert MODEL in caught.value.known

    def test_versions_of_run(self, store: Store) -> None:
        versions = store.gateway.versions_of_run(store.runs["first"])
        assert [(v.model, v.version, v.stage, v.aliases) for v in versions] == [
            (MODEL, "1", Stage.PRODUCTION, ("champion",))
        ]
        assert store.gateway.versions_of_run(store.runs["diverged"]) == ()

    def test_model_sources(self, store: Store) -> None:
        run = store.gateway.get_run(store.runs["first"])
        sources = store.gateway.model_sources(run.run_id)
        assert [s.source for s in sources] == [f"models:/{run.logged_model_ids[0]}"]
        assert sources[0].label.startswith("model")
        assert store.gateway.model_sources(store.runs["diverged"]) == ()


class TestWrites:
    """On models of their own, so that the tests above see what was seeded."""

    def test_register_and_transition_with_archiving(self, store: Store) -> None:
        gateway, run_id = store.gateway, store.runs["first"]
        source = gateway.model_sources(run_id)[0].source
        one = gateway.create_version("written 'model'", source, run_id)
        two = gateway.create_version("written 'model'", source, run_id)
        assert (one.version, two.version, one.stage) == ("1", "2", Stage.NONE)
        assert one.run_id == run_id
        moved = gateway.transition("written 'model'", "1", Stage.PRODUCTION, archive_existing=True)
        assert moved.stage is Stage.PRODUCTION
        gateway.transition("written 'model'", "2", Stage.PRODUCTION, archive_existing=True)
        stages = {v.version: v.stage for v in gateway.list_model_versions("written 'model'")}
        assert stages == {"1": Stage.ARCHIVED, "2": Stage.PRODUCTION}

    def test_without_archiving_two_may_stand_there(self, store: Store) -> None:
        gateway, run_id = store.gateway, store.runs["second"]
        source = gateway.model_sources(run_id)[0].source
        for version in ("1", "2"):
            gateway.create_version("twice", source, run_id)
            gateway.transition("twice", version, Stage.PRODUCTION, archive_existing=False)
        assert [v.stage for v in gateway.list_model_versions("twice")] == [Stage.PRODUCTION, Stage.PRODUCTION]

    def test_refusals(self, store: Store) -> None:
        gateway = store.gateway
        with pytest.raises(ValueError, match="archive_existing"):
            gateway.transition(MODEL, "1", Stage.ARCHIVED, archive_existing=True)
        with pytest.raises(VersionNotFound):
            gateway.transition(MODEL, "99", Stage.STAGING, archive_existing=False)
        with pytest.raises(ModelNotFound):
            gateway.transition("nobody", "1", Stage.STAGING, archive_existing=False)
        with pytest.raises(RunNotFound):
            gateway.terminate_run("f" * 32, "KILLED")

    def test_model_tags(self, store: Store) -> None:
        """Set, replaced, read back raw, deleted; deleting what is not there is no error."""
        gateway = store.gateway
        gateway.create_model("tagged")
        gateway.create_model("tagged")
        long = '{"a": "' + "x" * 4900 + '"}'
        gateway.set_model_tag("tagged", "mlaudit.intent.one", "1")
        gateway.set_model_tag("tagged", "mlaudit.intent.one", long)
        assert gateway.model_tags("tagged") == {"mlaudit.intent.one": long}
        gateway.delete_model_tag("tagged", "mlaudit.intent.one")
        gateway.delete_model_tag("tagged", "mlaudit.intent.one")
        assert gateway.model_tags("tagged") == {}
        for ask in (gateway.model_tags, lambda m: gateway.set_model_tag(m, "k", "v")):
            with pytest.raises(ModelNotFound):
                ask("nobody")
        with pytest.raises(ModelNotFound):
            gateway.delete_model_tag("nobody", "k")

    def test_version_tags_and_aliases(self, store: Store) -> None:
        """An alias moves in one step, and says so when it is read back."""
        gateway, run_id = store.gateway, store.runs["first"]
        source = gateway.model_sources(run_id)[0].source
        for _ in range(2):
            gateway.create_version("pointed", source, run_id)
        before = {v.version: v.last_updated for v in gateway.list_model_versions("pointed")}
        gateway.set_version_tag("pointed", "1", "mlaudit.evidence.x", '{"n": 1}')
        gateway.set_alias("pointed", "champion", "1")
        gateway.set_alias("pointed", "champion", "2")
        found = {v.version: v for v in gateway.list_model_versions("pointed")}
        assert found["1"].tags == {"mlaudit.evidence.x": '{"n": 1}'}
        assert (found["1"].aliases, found["2"].aliases) == ((), ("champion",))
        assert {v: found[v].last_updated for v in found} == before, "neither counts as an update of the version"
        gateway.delete_alias("pointed", "champion")
        gateway.delete_alias("pointed", "champion")
        assert [v.aliases for v in gateway.list_model_versions("pointed")] == [(), ()]
        with pytest.raises(VersionNotFound):
            gateway.set_alias("pointed", "champion", "9")
        with pytest.raises(VersionNotFound):
            gateway.set_version_tag("pointed", "9", "k", "v")
        with pytest.raises(ModelNotFound):
            gateway.delete_alias("nobody", "champion")

    def test_a_text_among_the_artifacts(self, store: Store) -> None:
        gateway, run_id = store.gateway, store.runs["diverged"]
        gateway.write_artifact(run_id, "mlaudit/evidence/a-b.json", '{"a": "é"}\n')
        gateway.write_artifact(run_id, "mlaudit/evidence/a-b.json", '{"a": "ü"}\n')
        assert gateway.read_artifact(run_id, "mlaudit/evidence/a-b.json", 1000).decode() == '{"a": "ü"}\n'
        with pytest.raises(RunNotFound):
            gateway.write_artifact("f" * 32, "mlaudit/evidence/a.json", "{}")

    def test_a_record_may_be_kept_with_a_run_that_is_there(self, store: Store) -> None:
        assert store.gateway.record_obstacle(store.runs["first"]) == ""
        with pytest.raises(RunNotFound):
            store.gateway.record_obstacle("f" * 32)

    def test_where_a_version_lies(self, store: Store) -> None:
        gateway, run_id = store.gateway, store.runs["first"]
        gateway.create_version("lying", gateway.model_sources(run_id)[0].source, run_id)
        gateway.create_version("lying", f"runs:/{run_id}/plots", run_id)
        gateway.create_version("lying", f"runs:/{run_id}/gone", run_id)
        gateway.create_version("lying", f"runs:/{run_id}/plots/roc.json", run_id)
        found = [gateway.version_files("lying", v) for v in ("1", "2", "3", "4")]
        assert found == [("MLmodel",), ("roc.json",), (), ("roc.json",)]
        with pytest.raises(VersionNotFound):
            gateway.version_files("lying", "9")

    def test_nobody_is_authenticated_here(self, store: Store) -> None:
        assert store.gateway.current_user() is None

    def test_a_promotion_can_be_alone(self, store: Store) -> None:
        with store.gateway.exclusive():
            assert store.gateway.list_model_versions(MODEL)

    def test_terminate(self, store: Store) -> None:
        """A seeded run, which gets back the status that other tests expect."""
        run_id = store.runs["second"]
        before = store.gateway.get_run(run_id).status
        store.gateway.terminate_run(run_id, "KILLED")
        run = store.gateway.get_run(run_id)
        store.gateway.terminate_run(run_id, before)
        assert run.status == "KILLED"
        assert run.end_time
        assert run.end_time > T0 + 1000
