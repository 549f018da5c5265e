"""What a promotion needs of the world around it: clocks, chance, who and where. Tests hand in their own."""

from __future__ import annotations

import getpass
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mlaudit.domain.text import clean
from mlaudit.gateway.redaction import redact


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a promotion waits for others. Seconds."""

    lease: float = 60.0
    """An intent counts as dead after it was seen unchanged for so long."""
    patience: float = 90.0
    """So long a promotion waits for others; longer than the lease, so that it outlasts a dead one."""
    tries: int = 20
    """So often it writes its intent and takes it back."""
    first_wait: float = 0.1
    longest_wait: float = 3.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Clocks, chance, who and where."""

    user: str
    """The user of the operating system: a claim."""
    host: str
    ci_url: str | None = None
    """The job's page, on CI."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    """Uniform in [0, 1)."""
    token: Callable[[], str] = lambda: secrets.token_hex(5)
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def real(cls, environ: Mapping[str, str] | None = None) -> Surroundings:
        """This process's."""
        environ = os.environ if environ is None else environ
        try:
            user = getpass.getuser()
        except (OSError, KeyError):  # a container's user without a name
            user = f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
        return cls(clean(user), clean(socket.gethostname()), ci_job_url(environ))

    def time(self) -> str:
        """UTC now, ISO 8601, to the millisecond."""
        return self.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def new_id(self) -> str:
        """An operation's id; sorts by time."""
        return f"{self.now().astimezone(UTC):%Y%m%dT%H%M%S}-{self.token()}"


def ci_job_url(environ: Mapping[str, str]) -> str | None:
    """The page of the CI job that this runs in, printable and without credentials; None outside CI."""
    url = next(
        (environ[n] for n in ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL") if environ.get(n)),
        "",
    )
    if not url and environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        url = f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}" if server and repository else ""
    if not url and environ.get("BUILD_BUILDID") and environ.get("SYSTEM_COLLECTIONURI"):
        base = environ["SYSTEM_COLLECTIONURI"].rstrip("/")
        url = f"{base}/{environ.get('SYSTEM_TEAMPROJECT', '')}/_build/results?buildId={environ['BUILD_BUILDID']}"
    return clean(redact(url), max_length=500) or None
