"""Where the files that come with mlaudit lie: the training script, its options, the sample policy.

A wheel carries them inside the package as ``mlaudit/_demo``; in a checkout they are ``demo/`` beside the package.
"""

from __future__ import annotations

from pathlib import Path

from mlaudit.domain.errors import MlauditError

SCRIPT = "train.py"


def demo_dir() -> Path:
    """The absolute directory that holds train.py, train.toml, seed.py and the sample mlaudit.toml.

    Raises MlauditError when this installation lacks them.
    """
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_demo", package.parent / "demo"):
        if (candidate / SCRIPT).is_file():
            return candidate
    raise MlauditError(
        f"this installation of mlaudit lacks its training script (no _demo/{SCRIPT} in {package}); install it again"
    )
