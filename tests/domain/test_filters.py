"""The filter language: positions, kinds, errors, and that nothing MLflow accepts is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_match import like, parse_order
from mlaudit.domain.filters import Comparison, highlight, locate_error, parse, tokenize


class TestTokens:
    @given(st.text(max_size=60))
    def test_every_character_is_in_one_token(self, text: str) -> None:
        tokens = tokenize(text)
        assert "".join(t.text for t in tokens) == text
        assert [t.start for t in tokens] == [sum(len(u.text) for u in tokens[:i]) for i in range(len(tokens))]

    @given(st.text(alphabet="metricsparamtag .`'\"()<>=!ANDORINLIKE0123456789-,", max_size=60))
    def test_nothing_but_filter_errors(self, text: str) -> None:
        """With a position inside the expression, or at its end."""
        error = locate_error(text)
        if error is not None:
            assert 0 <= error.position <= len(text)
            assert error.problem
        for start, end, kind in highlight(text):
            assert 0 <= start < end <= len(text)
            assert kind in {"entity", "key", "operator", "string", "number", "keyword", "paren", "error"}


class TestParse:
    @pytest.mark.parametrize(
        ("text", "entity", "key", "operator", "value"),
        [
            ("metrics.loss < 0.5", "metric", "loss", "<", 0.5),
            ("metric.loss=-1e-3", "metric", "loss", "=", -0.001),
            ("params.`a b` = 'x'", "param", "a b", "=", "x"),
            ('parameters."a.b" != "x"', "param", "a.b", "!=", "x"),
            ("tags.mlflow.runName like 'A%'", "tag", "mlflow.runName", "LIKE", "A%"),
            ("tag.x is  not   null", "tag", "x", "IS NOT NULL", None),
            ("`metrics`.loss >= 1", "metric", "loss", ">=", 1.0),
            ("run_name = 'it''s'", "attribute", "run_name", "=", "it''s"),
            ("attr.`Run Name` ILIKE 'x'", "attribute", "run_name", "ILIKE", "x"),
            ("created > 5", "attribute", "start_time", ">", 5.0),
            ("run.run_id not in ('a', 'b')", "attribute", "run_id", "NOT IN", ("a", "b")),
            ("datasets.name IN ('a')", "dataset", "name", "IN", ("a",)),
            ("metrics.1st > 0", "metric", "1st", ">", 0.0),
        ],
    )
    def test_one_comparison(self, text: str, entity: str, key: str, operator: str, value: object) -> None:
        assert parse(text).comparisons == (Comparison(entity, key, operator, value, 0, len(text)),)

    def test_joined(self) -> None:
        parsed = parse("metrics.a > 1 and params.b = 'AND' AND tags.c IS NULL")
        assert [c.key for c in parsed.comparisons] == ["a", "b", "c"]
        assert parsed.warnings == ()

    def test_empty(self) -> None:
        assert parse("  ").comparisons == ()

    @pytest.mark.parametrize(
        ("text", "position"), [("metrics.a > 1 AND", 14), ("metrics.a > 1 metrics.b > 2", 14), ("AND metrics.a > 1", 0)]
    )
    def test_slips_that_mlflow_accepts_are_warnings(self, text: str, position: int) -> None:
        assert [w.position for w in parse(text).warnings] == [position]

    @pytest.mark.parametrize(
        ("text", "position", "said"),
        [
            ("metrics.a > 1 OR metrics.b > 2", 14, "OR is not supported yet"),
            ("(metrics.a > 1)", 0, "parentheses are not supported yet"),
            ("NOT metrics.a > 1", 0, "NOT"),
            ("metrics.a >", 11, "a bare number, found the end"),
            ("metrics.a", 9, "found the end"),
            ("metrics.a > '1'", 12, "without quotes"),
            ("metrics.a > high", 12, "a bare number"),
            ("params.a = 1", 11, "a quoted text"),
            ("params.a = x", 11, "a quoted text"),
            ("params.a = `x`", 11, "single quotes"),
            ("params.a > 'x'", 9, "=, !=, LIKE"),
            ("params.a IN ('x')", 9, "found 'IN'"),
            ("params.a = 'x", 11, "never closed"),
            ("params.`a = 'x'", 7, "never closed"),
            ("metrics.val-loss > 1", 11, "backticks"),
            ("metrcs.a > 1", 0, "did you mean metrics"),
            ("Metrics.a > 1", 0, "did you mean metrics"),
            ("nonsense.a > 1", 0, "use metrics, params"),
            ("statsu = 'x'", 0, "did you mean status"),
            ("loss > 1", 0, "unknown attribute"),
            ("attributes.loss > 1", 11, "unknown attribute"),
            ("datasets.size = 'x'", 9, "name, digest and context"),
            ("status IN ('x')", 10, "run_id and datasets only"),
            ("run_id IN ()", 10, "at least one"),
            ("run_id IN (1)", 11, "quoted text in the list"),
            ("run_id IN ('a'", 14, "the end of the list"),
            ("metrics.a IS NULL", 10, "expected one of"),
            ("metrics.a > 1;", 13, "expected AND"),
            ("metrics.a > 1, metrics.b > 1", 13, "expected AND"),
            ("metrics.a == 1", 10, "expected one of"),
            (".a > 1", 0, "expected a key"),
            ("metrics. > 1", 9, "no key after"),
            ("metrics.a. > 1", 11, "no key after"),
        ],
    )
    def test_errors_say_where_and_what(self, text: str, position: int, said: str) -> None:
        with pytest.raises(FilterError) as caught:
            parse(text)
        assert caught.value.position == position
        assert said in str(caught.value)
        assert f"character {position + 1}" in str(caught.value)


def test_highlight() -> None:
    text = "metrics.`a b` >= 0.5 AND tags.x LIKE 'y%' and run_id IN ('z') bad.k = 'open"
    kinds = [(text[a:b], kind) for a, b, kind in highlight(text)]
    assert kinds[:5] == [
        ("metrics", "entity"),
        (".", "key"),
        ("`a b`", "key"),
        (">=", "operator"),
        ("0.5", "number"),
    ]
    assert ("AND", "keyword") in kinds
    assert ("LIKE", "operator") in kinds
    assert ("'y%'", "string") in kinds
    assert ("(", "paren") in kinds
    assert ("bad", "error") in kinds
    assert kinds[-1] == ("'open", "error")


def test_like() -> None:
    assert like("a.b", "a.b")
    assert not like("axb", "a.b")
    assert like("100%", "1__%")
    assert like("one\ntwo", "one%")
    assert not like("ABC", "abc")
    assert like("ABC", "a%", ignore_case=True)


@pytest.mark.parametrize(
    ("item", "entity", "key", "ascending"),
    [
        ("metrics.loss", "metric", "loss", True),
        ("metrics.`a b` DESC", "metric", "a b", False),
        ("attributes.start_time asc", "attribute", "start_time", True),
        ("Created desc", "attribute", "start_time", False),
    ],
)
def test_order(item: str, entity: str, key: str, ascending: bool) -> None:
    (order,) = parse_order([item])
    assert (order.entity, order.key, order.ascending) == (entity, key, ascending)


@pytest.mark.parametrize(
    "items", [["datasets.name"], ["metrics.a UP"], ["x.y"], ["metrics.a b c"], ["metrics.`a"], [""], ["run_id"] * 2]
)
def test_bad_order(items: list[str]) -> None:
    with pytest.raises(FilterError):
        parse_order(items)
