"""A training script of a few lines, with its train.toml, for tests of launching."""

from __future__ import annotations

from pathlib import Path

SCRIPT = """
import os, signal, subprocess, sys, time
options = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
mode = options.get("mode", "quick")
if mode in ("stubborn", "deaf"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "family":
    subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(60)"])
print("argv", sys.argv[1:])
print("env", {k: v for k, v in os.environ.items() if k.startswith(("MLFLOW", "MLAUDIT", "PYTHONUNB"))})
print("stdin", repr(sys.stdin.read()))
print("session", os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid())
if options.get("run-id"):
    print("run_id: " + options["run-id"])
sys.stderr.write("ready\\n")
if mode == "fail":
    sys.exit(7)
if mode == "killed":
    os.kill(os.getpid(), 9)
if mode == "noisy":
    for i in range(3000):
        print("line", i, "[/red] \\x1b[2J")
    sys.stdout.write("10%\\r20%\\r30%\\n")
if mode == "quiet":
    time.sleep(60)
try:
    for epoch in range(600 if mode not in ("quick", "noisy") else 2):
        print(f"epoch {epoch + 1}")
        time.sleep(0.1)
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(130)
"""

DECLARATION = """
[train]
name = "Fake [/red] training"
command = ["python", "script.py"]
requires = ["json"]

[[train.parameter]]
name = "mode"
type = "choice"
default = "quick"
choices = ["quick", "slow", "stubborn", "deaf", "family", "fail", "killed", "noisy", "quiet"]
help = "what it does [b]bold[/b]"

[[train.parameter]]
name = "learning-rate"
type = "float"
default = "0.1"
minimum = 1e-6
maximum = 10
help = "step size"

[[train.parameter]]
name = "epochs"
type = "int"
default = "3"
minimum = 1
maximum = 1000

[[train.parameter]]
name = "experiment"
type = "str"
default = "fraud-detector"
help = "the experiment"

[[train.parameter]]
name = "run-id"
type = "str"
default = ""

[[train.parameter]]
name = "gate"
type = "bool"
default = "false"
help = "judge"
"""


def write_fake_training(directory: Path, declaration: str = DECLARATION) -> Path:
    """The directory, with script.py and train.toml in it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "script.py").write_text(SCRIPT)
    (directory / "train.toml").write_text(declaration)
    return directory
