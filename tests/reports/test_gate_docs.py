"""What the documentation says of the gate is what the gate does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mlaudit.config.policy import check_policies
from mlaudit.domain.builtin_rules import HIGHER, LOWER
from mlaudit.domain.gate import Outcome

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def picture():
    spec = importlib.util.spec_from_file_location("gate_picture", ROOT / "docs" / "gate_picture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("n", "change", "expected"),
    [
        (1, 0.0, (4.6, 70.3, 25.1)),
        (1, 0.1, (61.1, 38.5, 0.4)),
        (5, 0.0, (0.5, 22.5, 77.1)),
        (0, 0.0, (12.5, 0.0, 87.5)),
    ],
)
def test_the_picture_is_drawn_from_the_gate(picture, n, change, expected):
    found = picture.shares(n, change, 8000)
    seen = [100 * found[o] for o in (Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS)]
    assert seen == pytest.approx(expected, abs=1.5)


def test_the_picture_is_there_and_harmless():
    svg = (ROOT / "docs" / "gate.svg").read_text(encoding="utf-8")
    tags = {element.tag.split("}")[-1] for element in ElementTree.fromstring(svg).iter()}
    assert not tags & {"script", "image", "foreignObject"}
    assert "docs/gate.svg" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_sample_policy_of_the_guide_is_valid_and_all_its_keys_are_in_the_table(tmp_path):
    sample = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[1]
    (tmp_path / "mlaudit.toml").write_text(sample)
    assert not check_policies(str(tmp_path / "mlaudit.toml")).mistakes


def test_every_key_of_a_policy_is_in_the_guide(tmp_path):
    (tmp_path / "mlaudit.toml").write_text(
        "schema = 1\n[model.m]\nx = 1\ncomparability = { x = 1 }\nreplicates = { x = 1 }\ngate = { x = 1 }\n"
        "[[model.m.metric]]\nname = 'n'\nrole = 'info'\nx = 1\n"
    )
    found = 0
    for mistake in check_policies(str(tmp_path / "mlaudit.toml")).mistakes:
        section, keys = re.match(r"model\.m\.?(\w*?)\.?x: .*allowed here: (.*)", mistake.problem).groups()
        for key in keys.split(", "):
            if key not in {"comparability", "replicates", "gate", "metric"}:
                found += 1
                assert f"`{section}.{key}`" in GUIDE if section else f"`{key}`" in GUIDE, key
    assert found == 22


def test_the_built_in_names_are_those_of_the_guide():
    listed = re.search(r"lower is\nbetter in `(.*?)`, higher in `(.*?)`", GUIDE, re.DOTALL)
    assert set(listed[1].split()) == LOWER
    assert set(listed[2].split()) == HIGHER
