"""Which way a run's metrics get better: by the policy of its model, else by their names."""

from __future__ import annotations

from collections.abc import Mapping

from mlaudit.config.policy import Policies
from mlaudit.domain.metric_summary import MetricSummary, summarize, summary_of
from mlaudit.domain.models import MetricHistory, MetricPoint
from mlaudit.domain.verdict import Direction, GatePolicy, MetricRule
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.metrics import FindDirections, SummarizeMetrics, find_directions, summarize_metrics

METRICS: Mapping[str, list[float]] = {"val_loss": [0.3, 0.2], "speed": [1.0], "accuracy": [0.9]}
POLICIES = Policies(
    "/team/mlaudit.toml",
    "0" * 64,
    {
        "fast": GatePolicy(
            (MetricRule("speed", direction=Direction.HIGHER), MetricRule("accuracy")),
            model="fast",
            path="/team/mlaudit.toml",
        ),
        "other": GatePolicy(
            (MetricRule("speed", direction=Direction.LOWER),), model="other", path="/team/mlaudit.toml"
        ),
    },
)


def store_with(*models: str, lifecycle_stage: str = "active") -> tuple[MemoryGateway, str]:
    """A run that is a version of these models."""
    store = MemoryGateway()
    run_id = store.add_run(store.add_experiment("x"), metrics=dict(METRICS), lifecycle_stage=lifecycle_stage)
    for model in models:
        store.add_version(model, run_id)
    return store, run_id


def test_the_policy_goes_before_the_name() -> None:
    """A rule without a direction says nothing, and the name tells."""
    store, run_id = store_with("fast")
    found = find_directions(store, POLICIES, FindDirections(run_id))
    assert found.by_name == {"val_loss": Direction.LOWER, "speed": Direction.HIGHER, "accuracy": Direction.HIGHER}
    assert (found.declared, found.policy) == ({"speed"}, "mlaudit.toml for fast")


def test_where_the_model_is_not_known_names_alone_tell() -> None:
    """A run of two models, and a store without any."""
    for store, run_id in (store_with("fast", "other"), store_with()):
        found = find_directions(
            store, POLICIES if store.list_registered_models() else Policies(), FindDirections(run_id)
        )
        assert found.by_name["speed"] is None
        assert found.by_name["val_loss"] is Direction.LOWER
        assert (found.declared, found.policy) == (frozenset(), "")


def test_a_deleted_run_has_its_figures_too() -> None:
    store, run_id = store_with(lifecycle_stage="deleted")
    assert find_directions(store, Policies(), FindDirections(run_id)).by_name["val_loss"] is Direction.LOWER
    found = summarize_metrics(store, SummarizeMetrics(run_id, ("val_loss", "never"))).by_key
    assert found == {
        "val_loss": MetricSummary("val_loss", 2, 2, (0.2, 1), (0.3, 0)),
        "never": MetricSummary("never", 0, 0),
    }


def test_of_equal_values_the_first_step_counts() -> None:
    points = [MetricPoint(5, 0, 1.0), MetricPoint(3, 0, 1.0), MetricPoint(4, 0, 0.5), MetricPoint(9, 0, 0.5)]
    summary = summary_of(MetricHistory.from_points("r", "k", points))
    assert (summary.least, summary.greatest) == ((0.5, 4), (1.0, 3))
    assert (summary.best(Direction.LOWER), summary.best(None)) == ((0.5, 4), None)


def test_no_more_are_read_than_the_time_allows() -> None:
    """But one always is, or nobody would ever come to an end."""
    read: list[str] = []

    def history(key: str) -> MetricHistory:
        read.append(key)
        return MetricHistory("r", key)

    assert [s.key for s in summarize(["a", "b", "c"], history, seconds=-1)] == ["a"]
    assert [s.key for s in summarize(["b", "c"], history, seconds=60)] == ["b", "c"]
    assert read == ["a", "b", "c"]
