"""Synthetic card transactions, some of them fraudulent. Nothing in here describes a real customer, card or merchant.

The data depend on the dataset version alone: every run on one version trains and validates on the same rows, whatever
its seed, so that the difference between two runs is a difference between two models.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

VERSIONS: dict[str, dict[str, float]] = {
    "v1": {"rate": -3.35, "night": 1.3, "spree": 1.2, "abroad": 1.5},
    # A later period: fraud moved from foreign shops to sprees, so a model of v1 must not be compared with one of v2.
    "v2": {"rate": -3.65, "night": 1.1, "spree": 1.7, "abroad": 0.9},
}
"""Dataset version -> what drives fraud in it."""

FEATURES = (
    "amount_log",
    "amount_vs_usual",
    "hour_sin",
    "hour_cos",
    "minutes_since_last",
    "purchases_last_hour",
    "km_from_home",
    "account_age_years",
    "merchant_risk",
    "abroad",
    "card_present",
    "new_device",
)
TRAINING_ROWS, VALIDATION_ROWS = 24_000, 24_000
UNNOTICED, FALSE_CLAIMS = 0.04, 0.002
"""Shares of the frauds that nobody reported, and of the honest purchases that somebody did: noise to any model."""


@dataclass(frozen=True)
class Transactions:
    """Rows to learn from or to judge by."""

    features: FloatArray
    """One row a transaction, one column a name in FEATURES; standardised by the training rows."""
    labels: FloatArray
    """1.0 for fraud, 0.0 otherwise."""

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any value."""
        content = hashlib.sha256(self.features.tobytes())
        content.update(self.labels.tobytes())
        return content.hexdigest()[:8]


def generate(version: str) -> tuple[Transactions, Transactions]:
    """The training and the validation rows of a dataset version. Raises KeyError for an unknown one."""
    drivers = VERSIONS[version]
    seed = int.from_bytes(hashlib.sha256(f"transactions {version}".encode()).digest()[:4], "big")
    random = np.random.default_rng(seed)
    raw = _draw(random, TRAINING_ROWS + VALIDATION_ROWS)
    fraud = random.random(len(raw["hour"])) < _probability(raw, drivers)
    fraud ^= random.random(len(fraud)) < np.where(fraud, UNNOTICED, FALSE_CLAIMS)

    columns = {
        "amount_log": np.log(raw["amount"]),
        "amount_vs_usual": np.log(raw["amount"] / raw["usual"]),
        "hour_sin": np.sin(raw["hour"] / 24 * 2 * np.pi),
        "hour_cos": np.cos(raw["hour"] / 24 * 2 * np.pi),
        "minutes_since_last": np.log1p(raw["gap"]),
        "purchases_last_hour": raw["burst"],
        "km_from_home": np.log1p(raw["km"]),
        "account_age_years": raw["age"],
        "merchant_risk": raw["risk"],
        "abroad": raw["abroad"],
        "card_present": raw["present"],
        "new_device": raw["device"],
    }
    features = np.stack([columns[name] for name in FEATURES], axis=1)
    seen = features[:TRAINING_ROWS]
    features = ((features - seen.mean(axis=0)) / seen.std(axis=0)).astype(np.float32)
    labels = fraud.astype(np.float32)
    return (
        Transactions(features[:TRAINING_ROWS], labels[:TRAINING_ROWS]),
        Transactions(features[TRAINING_ROWS:], labels[TRAINING_ROWS:]),
    )


def _draw(random: np.random.Generator, rows: int) -> dict[str, npt.NDArray[Any]]:
    """What happened, in natural units: euros, hours, minutes, kilometres, years."""
    usual = random.lognormal(3.4, 0.6, rows)
    abroad = random.random(rows) < 0.12
    return {
        "usual": usual,
        "amount": usual * random.lognormal(0.0, 0.8, rows),
        "hour": np.where(random.random(rows) < 0.8, random.normal(15, 4, rows), random.uniform(0, 24, rows)) % 24,
        "gap": random.exponential(400, rows),
        "burst": random.poisson(0.7, rows).astype(float),
        "km": random.lognormal(1.5, 1.0, rows) * np.where(abroad, 60, 1),
        "age": random.gamma(2.0, 2.0, rows),
        "risk": random.beta(1.5, 6.0, rows),
        "abroad": abroad.astype(float),
        "present": (random.random(rows) < 0.55).astype(float),
        "device": (random.random(rows) < 0.1).astype(float),
    }


def _probability(raw: dict[str, npt.NDArray[Any]], drivers: dict[str, float]) -> npt.NDArray[Any]:
    """How likely each transaction is fraud. Most of it lies in combinations, which a linear model cannot see."""
    night = np.cos((raw["hour"] - 3) / 24 * 2 * np.pi) > 0.6
    over = np.log(raw["amount"] / raw["usual"])
    remote = raw["present"] == 0
    spree = (raw["burst"] >= 2) & (raw["gap"] < 250)
    score = (
        drivers["rate"]
        + 1.6 * np.clip(over, -1, 2.5) * remote
        + drivers["night"] * night * (1 + 1.5 * remote)
        + drivers["spree"] * spree * (1 + 1.2 * (over > 0.3))
        + drivers["abroad"] * raw["abroad"] * (1 + 1.3 * raw["device"])
        + 2.2 * raw["device"] * remote
        + 5.0 * raw["risk"]
        - 0.25 * np.minimum(raw["age"], 8)
    )
    # Steep: where the score is clear, chance decides little, and there is something to learn.
    probability: npt.NDArray[Any] = 1 / (1 + np.exp(-6 * score))
    return probability
