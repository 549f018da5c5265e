"""Lets the tests import the modules of the demo, which are a directory of scripts and no package."""

from __future__ import annotations

import sys

from mlaudit.config.bundled import demo_dir

# At the end: the names are plain ones, and must not hide anybody else's.
sys.path.append(str(demo_dir()))
