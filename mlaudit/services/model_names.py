"""Which registered model a name means: one name's raw form may be what another looks like."""

from __future__ import annotations

from collections.abc import Mapping

from mlaudit.domain.errors import ModelNotFound
from mlaudit.domain.text import clean
from mlaudit.gateway.base import TrackingReader


def registered_names(reader: TrackingReader) -> dict[str, str]:
    """Of every registered model the raw name and the printable one. Raises StoreError."""
    return {m.raw_name: m.name for m in reader.list_registered_models()}


def raw_name_of(name: str, registered: Mapping[str, str]) -> str | None:
    """The raw name of the model that is called so in the store or, where none is, on the screen."""
    return name if name in registered else next((raw for raw, shown in registered.items() if shown == name), None)


def registered_name(reader: TrackingReader, name: str) -> str:
    """:func:`raw_name_of` in the store. Raises ModelNotFound, StoreError."""
    registered = registered_names(reader)
    raw = raw_name_of(name, registered)
    if raw is None:
        raise ModelNotFound(clean(name), tuple(registered.values()))
    return raw
