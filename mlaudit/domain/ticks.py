"""Where an axis has its ticks, and what is written there: round numbers, decades, spans of time, moments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Ticks:
    """Places on an axis and what is written there."""

    values: tuple[float, ...]
    labels: tuple[str, ...]


def value_ticks(low: float, high: float, most: int) -> Ticks:
    """At most ``most`` + 1 ticks between ``low < high`` at steps of 1, 2 or 5 times a power of ten."""
    # In units of the values' size: spans near 1e308 overflow, and 10**-324 is no float.
    base = min(308, max(-300, math.floor(math.log10(max(abs(low), abs(high))))))
    unit = 10.0**base
    a, b = low / unit, high / unit
    raw = (b - a) / max(1, most)
    exponent = math.floor(math.log10(raw))
    factor = next(m for m in (1, 2, 5, 10) if m * 10.0**exponent >= raw * (1 - 1e-9))
    if factor == 10:
        factor, exponent = 1, exponent + 1
    step = factor * 10.0**exponent
    numbers = [k * factor for k in range(math.ceil(a / step - 1e-9), math.floor(b / step + 1e-9) + 1)]
    # By value, since near 5e-324 several decimals are one float.
    placed = {min(max(v, low), high): n for n in numbers if math.isfinite(v := float(f"{n}e{exponent + base}"))}
    widest = max(numbers, key=abs, default=0)
    return Ticks(tuple(placed), tuple(decimal_label(n, exponent + base, widest) for n in placed.values()))


def step_ticks(first: int, last: int, most: int) -> Ticks:
    """At most ``most`` + 1 whole steps between ``first`` and ``last``; values are exact integers."""
    if last <= first:
        return Ticks((first,), (decimal_label(first, 0, first),))
    raw = max(1, -(-(last - first) // max(1, most)))
    power = 10 ** (len(str(raw)) - 1)
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    values = tuple(range(-(-first // step) * step, last + 1, step))
    zeros = min((len(str(v)) - len(str(v).rstrip("0")) for v in values if v), default=0)
    numbers = [v // 10**zeros for v in values]
    widest = max(numbers, key=abs, default=0)
    return Ticks(values, tuple(decimal_label(n, zeros, widest) for n in numbers))


def decimal_label(number: int, exponent: int, widest: int) -> str:
    """``number`` · 10**``exponent`` in decimals, or as ``1.5e-7`` where that is shorter.

    The labels of one axis share ``exponent`` and ``widest``, its number with the most digits, and so their form.
    """
    size = len(str(abs(widest)))
    plain = size + exponent if exponent >= 0 else max(size, 1 - exponent) + 1
    short = size + 2 + len(str(exponent + size - 1))
    sign = "-" if number < 0 else ""
    digits = str(abs(number))
    if number == 0:
        return "0"
    if plain <= max(7, short):
        if exponent >= 0:
            return f"{sign}{digits}{'0' * exponent}"
        digits = digits.rjust(1 - exponent, "0")
        return f"{sign}{digits[:exponent]}.{digits[exponent:]}"
    tail = digits[1:].rstrip("0")
    return f"{sign}{digits[0]}{'.' + tail if tail else ''}e{exponent + len(digits) - 1}"


def decade_ticks(low: float, high: float, most: int) -> Ticks:
    """At most about ``most`` ticks between ``0 < low < high`` for a logarithmic axis: decades, and 2 and 5 where few.

    Where those are too few, evenly spaced values, which within a decade look nearly even.
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, -(-(last - first + 1) // max(1, most)))
    marks = [(m, p) for p in range(first - 1, last + 1) for m in (1, 2, 5)] if every == 1 else []
    inside = [(m, p) for m, p in marks if low * (1 - 1e-9) <= float(f"{m}e{p}") <= high * (1 + 1e-9)]
    if 3 <= len(inside) <= most + 1:
        return _decades(inside)
    powers = [(1, p) for p in range(first, last + 1) if p % every == 0]
    return _decades(powers) if len(powers) >= 2 else value_ticks(low, high, most)


def symmetric_ticks(low: float, high: float, linear_within: float, most: int) -> Ticks:
    """Ticks for a symmetric logarithmic axis: 0, and decades from ``linear_within`` on to both sides."""
    start = math.floor(math.log10(linear_within) + 1e-9)
    found: list[tuple[int, int]] = []
    sides = [side for side, end in ((-1, -low), (1, high)) if end >= linear_within]
    for side in sides:
        end = math.floor(math.log10(-low if side < 0 else high) + 1e-9)
        every = max(1, -(-(end - start + 1) // max(1, most // len(sides))))
        powers = list(range(end, start - 1, -every))
        nearest = [p for p in powers if low <= float(f"{side}e{p}") <= high]
        found += [(side, p) for p in (nearest if side < 0 else reversed(nearest))]
    if low <= 0 <= high:
        found.insert(sum(1 for side, _ in found if side < 0), (0, start))
    return _decades(found) if len(found) >= 2 else value_ticks(low, high, most)


def _decades(marks: Iterable[tuple[int, int]]) -> Ticks:
    """Each (factor, power of ten) with its own shortest label: over many decades no common form is short."""
    known = list(marks)
    return Ticks(
        tuple(float(f"{m}e{p}") for m, p in known), tuple(decimal_label(m, p, max(1, abs(m))) for m, p in known)
    )


SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
_SPANS = (
    *(m * p for p in (1, 10, 100) for m in (1, 2, 5)),
    *(SECOND * n for n in (1, 2, 5, 10, 15, 30)),
    *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * m * p for p in (1, 10, 100, 1000, 10_000) for m in (1, 2, 5)),
)
"""Milliseconds between two ticks of a time axis."""


def duration_ticks(first: int, last: int, most: int) -> Ticks:
    """At most ``most`` + 1 round spans of time between ``first`` and ``last``, both in milliseconds."""
    return _time_ticks(first, last, most, duration_label)


def moment_ticks(first: int, last: int, most: int) -> Ticks:
    """At most ``most`` + 1 round moments, UTC, between ``first`` and ``last``, in milliseconds since the epoch."""
    long = last - first >= DAY
    return _time_ticks(first, last, most, lambda place, step: moment_label(place, step, with_day=long))


def _time_ticks(first: int, last: int, most: int, label: Callable[[int, int], str]) -> Ticks:
    if last <= first:
        return Ticks((first,), (label(first, 1),))
    raw = (last - first) / max(1, most)
    step = next((s for s in _SPANS if s >= raw), None)
    if step is None:
        step = DAY * 10 ** math.ceil(math.log10(raw / DAY))
    values = tuple(range(-(-first // step) * step, last + 1, step))
    return Ticks(values, tuple(label(v, step) for v in values))


def duration_label(milliseconds: int, precision: int = 1) -> str:
    """``1h30m``, ``45s``, ``1.25s``; nothing finer than ``precision`` milliseconds asks for."""
    if milliseconds == 0:
        return "0"
    sign, rest = ("-" if milliseconds < 0 else ""), abs(milliseconds)
    days, rest = divmod(rest, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    parts = [f"{days}d" if days else "", f"{hours}h" if hours else ""]
    if precision < HOUR and minutes:
        parts.append(f"{minutes}m" if not (days or hours) else f"{minutes:02d}m")
    if precision < MINUTE and (rest or not any(parts)):
        text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") if precision < SECOND else str(rest // 1000)
        parts.append(f"{text}s")
    return sign + "".join(parts) if any(parts) else "0"


def moment_label(milliseconds: int, precision: int = 1, *, with_day: bool = True) -> str:
    """``2026-03-01``, ``03-01 14:05``, ``14:05:30``, ``14:05:30.250`` as fine as ``precision`` milliseconds asks for.

    UTC; a time that no calendar has is shown as its number.
    """
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds}ms"
    if precision >= DAY:
        return moment.strftime("%Y-%m-%d")
    day = moment.strftime("%m-%d ") if with_day else ""
    if precision >= MINUTE:
        return day + moment.strftime("%H:%M")
    clock = moment.strftime("%H:%M:%S")
    return day + (clock if precision >= SECOND else f"{clock}.{moment.microsecond // 1000:03d}")
