"""Byte-equal golden files beside the tests; MLAUDIT_UPDATE_GOLDEN=1 writes them anew, to be read before a commit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def same_as_golden(name: str, text: str, request: pytest.FixtureRequest) -> None:
    """Fail unless ``text`` is exactly the golden file ``name``."""
    path = FOLDER / name
    if os.environ.get("MLAUDIT_UPDATE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text, f"{name} differs; MLAUDIT_UPDATE_GOLDEN=1 writes it anew"
