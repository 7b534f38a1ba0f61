"""A linear ranker: what it asks of a candidate, and what it makes of the answers."""

import json
from dataclasses import asdict, dataclass

import numpy as np

from coterie.recommend.tasks.block import Floats


@dataclass(frozen=True)
class Ranker:
    """Log odds that a candidate is bought: intercept + coefficients . features, features as `drawn.feature_names` names them."""

    features: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def margins(self, rows: Floats) -> Floats:
        """(n,) log odds for (n, F) rows, rounded to 9 decimals: the last bits depend on the machine."""
        margins: Floats = np.round(rows @ np.array(self.coefficients) + self.intercept, 9)
        return margins

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Ranker":
        values = json.loads(text)
        return Ranker(tuple(values["features"]), tuple(values["coefficients"]), values["intercept"])
