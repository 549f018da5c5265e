"""Nested runs: children below their parents, whatever the tags say."""

from __future__ import annotations

import random

from mlaudit.domain.models import Run
from mlaudit.domain.run_tree import PARENT_TAG, Lost, RunTree


def run(run_id: str, parent: str | None = None) -> Run:
    return Run(run_id, "1", run_id, "FINISHED", tags={} if parent is None else {PARENT_TAG: parent})


def drawn(tree: RunTree, *folded: str) -> list[str]:
    """``depth id``, as shown."""
    return [f"{tree[r.run_id].depth} {r.run_id}" for r in tree.shown(folded)]


def test_children_stand_below_their_parents_in_the_order_in_which_the_runs_came() -> None:
    """Also where a child comes before its parent, as newest first has it."""
    tree = RunTree([run("c2", "p"), run("g", "c1"), run("c1", "p"), run("other"), run("p")])
    assert drawn(tree) == ["0 other", "0 p", "1 c2", "1 c1", "2 g"]
    assert (tree["p"].below, tree["c1"].below, tree["g"].below) == (3, 1, 0)
    assert tree.parents() == {"p", "c1"}


def test_a_folded_run_hides_all_below_it() -> None:
    tree = RunTree([run("p"), run("c1", "p"), run("g", "c1"), run("c2", "p"), run("q"), run("d", "q")])
    assert drawn(tree, "p") == ["0 p", "0 q", "1 d"]
    assert drawn(tree, "c1") == ["0 p", "1 c1", "1 c2", "0 q", "1 d"]
    assert drawn(tree, "p", "c1", "q") == ["0 p", "0 q"]


def test_a_child_without_its_parent_stands_at_the_top_and_is_marked() -> None:
    tree = RunTree([run("a", "gone"), run("b", "a"), run("c", " ")])
    assert drawn(tree) == ["0 a", "1 b", "0 c"]
    assert tree["a"].lost is Lost.ABSENT
    assert tree["c"].lost is None
    assert tree.lost(Lost.ABSENT) == 1


def test_cycles_are_opened_and_marked() -> None:
    """A run that names itself, two that name one another, and what hangs below such a circle."""
    tree = RunTree([run("self", "self"), run("below", "x"), run("x", "y"), run("y", "x"), run("plain")])
    assert sorted(r.run_id for r in tree.shown(())) == ["below", "plain", "self", "x", "y"]
    assert tree["self"].lost is Lost.CYCLE
    assert tree.lost(Lost.CYCLE) == 2
    assert tree["below"].parent == "x"


def test_ten_thousand_levels_need_no_recursion() -> None:
    tree = RunTree([run("0"), *(run(str(n), str(n - 1)) for n in range(1, 10_000))])
    assert tree["9999"].depth == 9_999
    assert tree["0"].below == 9_999
    assert drawn(tree, "5") == [f"{n} {n}" for n in range(6)]


def test_whatever_the_tags_say_each_run_is_shown_once() -> None:
    rng = random.Random(7)
    for _ in range(300):
        ids = [str(n) for n in range(rng.randrange(1, 9))]
        runs = [run(i, rng.choice([None, "gone", *ids])) for i in ids]
        tree = RunTree(runs)
        assert sorted(r.run_id for r in tree.shown(())) == ids
        for branch in tree.branches:
            if branch.parent is not None:
                assert branch.depth == tree[branch.parent].depth + 1
            else:
                assert branch.depth == 0
        assert sum(b.below + 1 for b in tree.branches if b.depth == 0) == len(ids)
