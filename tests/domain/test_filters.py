"""The filter language: positions, kinds, errors, and that nothing MLflow accepts is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_match import like, parse_order
from mlaudit.domain.filters import Comparison, highlight, is_unfinished, locate_error, parse, tokenize


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
            ("tag.x is   not null", "tag", "x", "IS NOT NULL", None),
            ("metrics. loss > 1", "metric", " loss", ">", 1.0),
            ("metrics.a..b. > 1", "metric", "a..b.", ">", 1.0),
            ("metrics.'a b' > 1", "metric", "a b", ">", 1.0),
            ("metrics.a.`b` > 1", "metric", "a.`b`", ">", 1.0),
            ("metrics.a[0] > 1", "metric", "a[0]", ">", 1.0),
            ("run_id IN (('a'), u'b')", "attribute", "run_id", "IN", ("a", "b")),
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
        (found,) = parse(text).comparisons
        assert found == Comparison(entity, key, operator, value, 0, 0)
        assert (found.start, found.end) == (0, len(text))
        assert parse(text).terms == ((found,),)

    def test_joined(self) -> None:
        parsed = parse("metrics.a > 1 and params.b = 'AND' AND tags.c IS NULL")
        assert [c.key for c in parsed.comparisons] == ["a", "b", "c"]
        assert parsed.warnings == ()

    def test_empty(self) -> None:
        parsed = parse("  ")
        assert (parsed.comparisons, parsed.terms, parsed.extended) == ((), ((),), False)

    @pytest.mark.parametrize(
        ("text", "position"), [("metrics.a > 1 AND", 14), ("metrics.a > 1 metrics.b > 2", 14), ("AND metrics.a > 1", 0)]
    )
    def test_slips_that_mlflow_accepts_are_warnings(self, text: str, position: int) -> None:
        assert [w.position for w in parse(text).warnings] == [position]

    @pytest.mark.parametrize(
        ("text", "position", "said"),
        [
            ("metrics.a > 1 OR", 16, "a comparison after OR, found the end"),
            ("OR metrics.a > 1", 0, "nothing before it"),
            ("metrics.a > 1 OR or metrics.b > 2", 17, "found 'or'"),
            ("metrics.a > 1 AND OR metrics.b > 2", 14, "nothing follows this AND"),
            ("metrics.a > 1 OR AND metrics.b > 2", 17, "nothing before it"),
            ("(metrics.a > 1", 0, "never closed"),
            ("metrics.a > 1 AND (metrics.b > 1 OR", 35, "found the end"),
            ("metrics.a > 1)", 13, "closes nothing"),
            ("metrics.a > 1 AND ()", 19, "expected a comparison here"),
            ("(metrics.a > 1) (metrics.b > 1)", 16, "AND or OR is missing"),
            ("metrics.a > 1 metrics.b > 1 OR metrics.c > 1", 14, "AND or OR is missing"),
            ("(metrics.a) > 1", 10, "expected one of"),
            ("NOT (metrics.a > 1)", 0, "NOT"),
            ("(" * 60 + "metrics.a > 1" + ")" * 60, 50, "50 deep"),
            (" OR ".join(f"metrics.a = {i}" for i in range(40)), 566, "33 searches"),
            (" AND ".join(f"(metrics.a{i} = 1 OR metrics.b{i} = 1)" for i in range(7)), 195, "64 searches"),
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
            ("metrics .a > 1", 8, "no blank"),
            ("tags.a IS NOT  NULL", 15, "one blank"),
            ("params.x.from = 'x'", 9, "'from' as a key needs backticks"),
            ("metrics.1e5 > 1", 8, "needs backticks"),
            ("metrics.a$ > 1", 9, "backticks"),
            ("metrics.a IN (('a') > 1", 10, "found 'IN'"),
            ("run_id IN ('a', b'c')", 16, "found 'b'"),
        ],
    )
    def test_errors_say_where_and_what(self, text: str, position: int, said: str) -> None:
        with pytest.raises(FilterError) as caught:
            parse(text)
        assert caught.value.position == position
        assert said in str(caught.value)
        assert f"character {position + 1}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > {}",
        "params.a = {}",
        "run_id IN {}",
        "run_id IN ({})",
        "{} = 1",
        "datasets.{} = 'x'",
        "run_id {} 'x'",
    ],
)
@pytest.mark.parametrize("odd", ["\x1b[2J", "\x9b31m", "\u202e", "a\x00"])
def test_an_error_holds_no_control_character(text: str, odd: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text.format(odd))
    assert caught.value.message().isprintable()


def written(text: str) -> str:
    """The terms of an expression, as keys: ``a b | c`` for (a AND b) OR c."""
    return " | ".join(" ".join(c.key for c in term) for term in parse(text).terms)


class TestTerms:
    @pytest.mark.parametrize(
        ("text", "terms"),
        [
            ("metrics.a > 1 OR metrics.b > 1", "a | b"),
            ("metrics.a > 1 AND metrics.b > 1 or metrics.c > 1", "a b | c"),
            ("metrics.a > 1 OR metrics.b > 1 AND metrics.c > 1", "a | b c"),
            ("(metrics.a > 1 OR metrics.b > 1) AND metrics.c > 1", "a c | b c"),
            ("metrics.a > 1 AND (metrics.b > 1 OR (metrics.c > 1 AND metrics.d > 1))", "a b | a c d"),
            ("(metrics.a>1 OR metrics.b>1) AND (metrics.c>1 OR metrics.d>1)", "a c | a d | b c | b d"),
            ("((metrics.a > 1))", "a"),
            ("metrics.a > 1 OR metrics.a > 1.0", "a"),
            ("metrics.a > 1 OR metrics.a > 2", "a | a"),
            ("metrics.a > 1 AND metrics.a > 1", "a"),
            ("(metrics.a>1 OR metrics.b>1) AND (metrics.b>1 OR metrics.a>1)", "a | b"),
            ("metrics.a > 1 OR metrics.a > 1 AND metrics.b > 1", "a"),
            ("run_id IN ('x', 'y') OR (run_id NOT IN ('z') AND status = 'OR')", "run_id | run_id status"),
        ],
    )
    def test_or_of_ands(self, text: str, terms: str) -> None:
        """Each alternative once, without those that another one includes; in the order in which they are written."""
        assert written(text) == terms

    def test_comparisons_stay_in_the_order_of_the_text(self) -> None:
        parsed = parse("metrics.a > 1 AND (metrics.b > 1 OR metrics.a > 1)")
        assert [(c.key, c.start) for c in parsed.comparisons] == [("a", 0), ("b", 19), ("a", 36)]
        assert parsed.extended
        assert parsed.warnings == ()

    def test_what_mlflow_takes_is_not_extended(self) -> None:
        assert not parse("run_id IN ('a', 'b') AND tags.OR = '(' AND").extended

    def test_thirty_two_are_allowed(self) -> None:
        assert len(parse(" OR ".join(f"metrics.a = {i}" for i in range(32))).terms) == 32
        assert len(parse(" AND ".join(f"(metrics.a{i} = 1 OR metrics.b{i} = 1)" for i in range(5))).terms) == 32


@pytest.mark.parametrize(
    "text",
    [
        "metr", "metrics", "metrics.", "metrics.loss", "metrics.loss <", "metrics.loss < ", "metrics.loss < -",
        "status", "params.a = x", "params.a = 'x", "params.`a", "metrics.a > 1 A", "metrics.a > 1 OR",
        "metrics.a > 1 OR ",
        "(metrics.a > 1", "(metrics.a > 1 AND ", "(metrics.a > 1 AND", "metrics.a > 1 OR metrics.b > 1 AND ",
        "statsu",
        "run_id IN", "run_id IN (", "run_id IN ('a'", "metrics.loss !", "NO", "params.a IS", "metrics.val-", "(",
        "(met",
    ],
)  # fmt: skip
def test_unfinished(text: str) -> None:
    """Nobody is nagged while the last word is being typed."""
    error = locate_error(text)
    assert error is not None
    assert is_unfinished(error)


@pytest.mark.parametrize(
    "text",
    [
        "metrcs.a > 1", "statsu ", "metrics.a > '1'", "params.a = 1 AND", "metrics.a ! ", "metrics.a > 1)", "()",
        "metrics.a > 1 OR AND metrics.b > 1", "metrics.val-loss > 1", "OR metrics.a > 1", "params.a = x ",
        "metrics.a ~ 1", "nonsense.a > 1", "metrics.a IS NULL AND met",
    ],
)  # fmt: skip
def test_wrong_whatever_follows(text: str) -> None:
    error = locate_error(text)
    assert error is not None
    assert not is_unfinished(error)


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
