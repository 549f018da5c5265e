"""Which run is in production, for whoever wants to look at it."""

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import AmbiguousModel, RunNotFound
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun, compare_run
from mlaudit.services.reference import FindReference, find_reference
from tests.plugins.sample_store import MODEL, SAMPLE


def test_it_is_the_run_that_a_comparison_would_judge_against(sample_gateway: MemoryGateway) -> None:
    found = find_reference(sample_gateway, Policies(), FindReference(SAMPLE["better"]))
    judged = compare_run(sample_gateway, Policies(), CompareRun(SAMPLE["better"]))
    assert found.run is not None
    assert judged.baseline is not None
    assert found.run.run_id == judged.baseline.run.run_id == SAMPLE["production"]
    assert (found.model, found.selector, found.problem) == (MODEL, "stage:Production", "")
    assert sample_gateway.writes == []


def test_nobody_in_production_is_said(sample_gateway: MemoryGateway) -> None:
    found = find_reference(sample_gateway, Policies(), FindReference(SAMPLE["churn"]))
    assert found.run is None
    assert found.problem == "churn has no stage:Production"


def test_two_in_production_are_said(sample_gateway: MemoryGateway) -> None:
    sample_gateway.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
    found = find_reference(sample_gateway, Policies(), FindReference(SAMPLE["better"]))
    assert found.run is None
    assert "2 versions in Production" in found.problem


def test_several_models_are_asked_about(sample_gateway: MemoryGateway) -> None:
    sample_gateway.add_version("other", SAMPLE["noise"], stage=Stage.PRODUCTION)
    with pytest.raises(AmbiguousModel):
        find_reference(sample_gateway, Policies(), FindReference(SAMPLE["better"]))
    found = find_reference(sample_gateway, Policies(), FindReference(SAMPLE["better"], "other"))
    assert found.run is not None
    assert found.run.run_id == SAMPLE["noise"]


def test_an_unknown_run(sample_gateway: MemoryGateway) -> None:
    with pytest.raises(RunNotFound):
        find_reference(sample_gateway, Policies(), FindReference("nonsense"))
