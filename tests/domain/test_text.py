"""Untrusted text becomes printable, visibly and without two different texts becoming one."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.text import (
    MAX_COMBINING,
    MAX_LENGTH,
    clean,
    clean_keys,
    clean_mapping,
    format_change,
    format_duration,
    format_iso,
    format_number,
    format_size,
    format_time,
)

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ANY = st.text(alphabet=st.characters(categories=None))
NASTY = st.text(
    alphabet=st.sampled_from(
        list("\x00\x07\x1b\n\r\t\x7f\x80\x9b\u200b\u202e\u2066\u2028\u2029\ufeff\ud800\ue000\u0301a⏎ ")
    )
)


def forbidden(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in FORBIDDEN]


@given(st.one_of(ANY, NASTY))
def test_nothing_that_a_terminal_would_obey_survives(text):
    shown = clean(text)
    assert not forbidden(shown)
    shown.encode("utf-8")
    assert forbidden(clean(text, keep_newlines=True)) == ["\n"] * text.count("\n")


@given(st.one_of(ANY, NASTY))
def test_cleaning_twice_is_cleaning_once(text):
    assert clean(clean(text)) == clean(text)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_printable_text_is_left_alone(text):
    assert clean(text) == text


@given(st.sets(st.one_of(ANY, NASTY), max_size=8))
def test_different_keys_stay_different(keys):
    printable, changed = clean_keys(keys)
    assert printable.keys() == keys
    assert len(set(printable.values())) == len(keys)
    assert not any(forbidden(k) for k in printable.values())
    for raw, shown in printable.items():
        assert changed.get(shown, shown) == raw


def test_every_code_point_is_either_itself_or_visible():
    for code in range(0x110000):
        char = chr(code)
        shown = clean(char)
        if unicodedata.category(char) in FORBIDDEN:
            assert shown != char
            assert shown.isprintable()
        else:
            assert shown == char


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        (3.5, "3.5"),
        ("a\nb", "a⏎b"),
        ("\x1b[2J", "␛[2J"),
        ("\x7f", "␡"),
        ("\x9b31m", "‹U+009B›31m"),
        ("abc\u202edcba", "abc‹U+202E›dcba"),
        ("\ud800", "‹U+D800›"),
        ("[/x]", "[/x]"),
        ("naïve – 模型 🙂", "naïve – 模型 🙂"),
    ],
)
def test_examples(text, shown):
    assert clean(text) == shown


def test_length_and_combining_marks_are_capped_and_said():
    assert clean("x" * (MAX_LENGTH + 7)) == "x" * MAX_LENGTH + "… (+7 characters)"
    assert clean("abcdef", max_length=3) == "abc… (+3 characters)"
    assert clean("e" + "\u0301" * 50) == "e" + "\u0301" * MAX_COMBINING + "‹+46 marks›"
    assert clean("e" + "\u0301" * 5 + "x\x1b") == "e" + "\u0301" * MAX_COMBINING + "‹+1 mark›x␛"
    assert clean("e\u0301e\u0301" * 9) == "e\u0301e\u0301" * 9


def test_keys_that_would_look_alike_are_numbered():
    printable, changed = clean_keys(["a\n", "a⏎", "a⏎ (2)"])
    assert printable["a⏎"] == "a⏎"
    assert printable["a⏎ (2)"] == "a⏎ (2)"
    assert printable["a\n"] == "a⏎ (3)"
    assert changed == {"a⏎ (3)": "a\n"}


def test_a_mapping_keeps_all_its_values():
    assert clean_mapping({"a\n": "1\x00", "a⏎": 2}) == {"a⏎ (2)": "1␀", "a⏎": "2"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (STORED_INFINITY, "inf"),
        (-STORED_INFINITY, "-inf"),
        (0.0, "0"),
        (-0.0, "0"),
        (3.0, "3"),
        (1_000_000.0, "1000000"),
        (1e9, "1.0000e+09"),
        (0.0001, "0.0001"),
        (0.00012345678, "0.00012346"),
        (1.2345678e-07, "1.2346e-07"),
        (0.91, "0.91"),
        (0.123456789, "0.12346"),
        (99999.7, "99999.7"),
        (123456.789, "123456.8"),
        (999_999_999.7, "999999999.7"),
        (-0.3333333, "-0.33333"),
        (5e-324, "4.9407e-324"),
        (7, "7"),
        (True, "1"),
    ],
)
def test_numbers(value, shown):
    assert format_number(value) == shown


@given(st.floats())
def test_every_number_has_a_short_form_that_reads_back(value):
    shown = format_number(value)
    assert len(shown) <= 12
    if math.isfinite(value) and abs(value) < STORED_INFINITY:
        assert float(shown) == pytest.approx(value, rel=1e-4, abs=0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (math.nan, "—"),
        (math.inf, "—"),
        (0.0, "+0.0%"),
        (-0.0, "+0.0%"),
        (0.05, "+5.0%"),
        (-0.126, "-12.6%"),
        (0.0001, "+0.01%"),
        (9.99, "+999.0%"),
        (123.456, "+1.23e+04%"),
    ],
)
def test_changes(value, shown):
    assert format_change(value) == shown


def test_times_sizes_durations():
    assert format_time(1_767_225_600_000) == "2026-01-01 00:00"
    assert format_time(None) == "—"
    assert format_time(10**18) == "1000000000000000000 ms"
    assert format_iso(1_767_225_600_123) == "2026-01-01T00:00:00.123Z"
    assert format_iso(None) is None
    assert format_iso(1_767_225_659_999) == "2026-01-01T00:00:59.999Z"
    assert format_iso(-1) == "1969-12-31T23:59:59.999Z"
    assert format_iso(10**18) is None
    assert [format_size(s) for s in (None, 0, 999, 1000, 3_400_000, 5 * 10**12)] == [
        "—", "0 B", "999 B", "1.0 kB", "3.4 MB", "5.0 TB",
    ]  # fmt: skip
    assert [format_duration(d) for d in (None, -1, 850, 12_300, 245_000, 7_800_000, 273_600_000)] == [
        "—", "—", "850ms", "12.3s", "4m 05s", "2h 10m", "3d 04h",
    ]  # fmt: skip
