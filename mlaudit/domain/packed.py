"""Mappings in little room: the screen keeps 100,000 runs, and a dict for each one's params, metrics and tags would take
250 MB.

Runs of one experiment mostly have the same keys and few different values. So the keys are kept once for all runs that
have the same ones, numbers as numbers, and equal texts once. :class:`~mlaudit.domain.models.Run` does so where it is
pickled: what travels from the worker to the screen gets smaller as well, and whoever makes a run may use any mapping.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

MOST = 20_000
"""Different texts, and different sets of keys, that are remembered; further ones are kept as they come."""
LONGEST = 200
"""Characters of a text that is worth looking for."""
_texts: dict[str, str] = {}
_keys: dict[tuple[str, ...], tuple[tuple[str, ...], dict[str, int]]] = {}


def shared(text: str) -> str:
    """The same text, as one object for all equal ones."""
    known = _texts.get(text)
    if known is not None:
        return known
    if len(_texts) < MOST and len(text) <= LONGEST:
        _texts[text] = text
    return text


def _shared_keys(keys: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, int]]:
    """The keys, and the place of each: one object each for the same keys in the same order."""
    known = _keys.get(keys)
    if known is None:
        known = keys, {shared(key): place for place, key in enumerate(keys)}
        if len(_keys) < MOST:
            _keys[keys] = known
    return known


class Packed(Mapping[str, T]):
    """A mapping that shares its keys with others; it cannot be changed."""

    __slots__ = ("_places", "_values")

    def __init__(self, keys: tuple[str, ...], values: Sequence[T]) -> None:
        """Keys and values in the same order."""
        self._places = _shared_keys(keys)[1]
        self._values = values

    def __getitem__(self, key: str) -> T:
        return self._values[self._places[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return repr(dict(self))


def keys_of(mapping: Mapping[str, object]) -> tuple[str, ...]:
    """Its keys in order, as one object for all that have the same ones: a page of runs pickles them once."""
    return _shared_keys(tuple(mapping))[0]


def numbers_of(mapping: Mapping[str, float]) -> bytes:
    """Its values in order, 8 bytes each."""
    return array("d", mapping.values()).tobytes()


def packed_numbers(keys: tuple[str, ...], numbers: bytes) -> Mapping[str, float]:
    """What :func:`keys_of` and :func:`numbers_of` gave."""
    return Packed(keys, array("d", numbers))
