"""Columns of values as Arrow arrays, made from their buffers.

``pyarrow.array`` would do it in a word, and imports pandas to see whether the values are a Series of its: 0.2 s, a
quarter of an export of 10,000 runs.

Layout of the buffers: https://arrow.apache.org/docs/format/Columnar.html
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any


def doubles(values: Sequence[float | None]) -> Any:
    """Doubles; None is null, NaN and infinity are what they are."""
    import pyarrow as pa

    return _fixed(pa.float64(), "d", values)


def instants(values: Sequence[int | None]) -> Any:
    """Timestamps in UTC, of milliseconds since 1970; None is null. Raises OverflowError for what no column holds."""
    import pyarrow as pa

    return _fixed(pa.timestamp("ms", "UTC"), "q", values)


def texts(values: Sequence[str | None]) -> Any:
    """Texts, together less than 2 GiB; None is null. Raises OverflowError."""
    import pyarrow as pa

    validity = _validity(values)
    parts: Sequence[Any] = values if validity is None else [value or "" for value in values]
    joined = "".join(parts)
    # Nearly always each character is a byte.
    lengths = map(len, parts) if joined.isascii() else (len(part.encode()) for part in parts)
    buffers = [validity, pa.py_buffer(array("i", accumulate(lengths, initial=0))), pa.py_buffer(joined.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _fixed(kind: Any, code: str, values: Sequence[Any]) -> Any:
    import pyarrow as pa

    validity = _validity(values)
    data = array(code, values if validity is None else [0 if value is None else value for value in values])
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(data)])


def _validity(values: Sequence[Any]) -> Any:
    """One bit a value, the least significant first; None where there are all."""
    if None not in values:
        return None
    import pyarrow as pa

    bits = "".join("0" if value is None else "1" for value in reversed(values))
    return pa.py_buffer(int(bits, 2).to_bytes((len(values) + 7) // 8, "little"))
