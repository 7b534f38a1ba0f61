"""The blend: candidates of all models, ranked by a logistic regression that learned on earlier days what was bought.

Boosted trees (MLlib's and scikit-learn's) were tried in its place: within each other's noise on Online Retail, and many times slower to fit.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from coterie.recommend.tasks.lists import EXAMPLES, part_of
from coterie.recommend.tasks.ranker import Ranker

HALVES = 2
_FITTED = "half int, intercept double, coefficients array<double>"
_FITTED_SCHEMA = pa.schema([("half", pa.int32()), ("intercept", pa.float64()), ("coefficients", pa.list_(pa.float64()))])
_WHOLE = -1


@dataclass(frozen=True)
class Rankings:
    """A ranker that learned from all customers, and by half those that learned from one half of them."""

    whole: Ranker
    halves: tuple[Ranker, ...]


@dataclass(frozen=True)
class Blend:
    """Logistic regression of whether a candidate was bought, over all candidates that were and a share `negatives` of the others, in
    at most `iterations` steps of L-BFGS; `regularisation`: of the squared coefficients of standardised features, by example."""

    iterations: int
    regularisation: float
    negatives: float

    def fit(self, measured: DataFrame, features: tuple[str, ...]) -> Rankings | None:
        """From the EXAMPLES of `measured`, rows of `serve.MEASURED`; None where in some half all of them are bought, or none.

        The examples are a sample of bounded size, and are fitted in one task; nothing but the coefficients comes to the driver.
        """
        examples = measured.where(F.col("model") == EXAMPLES).select("customer_id", "keep_seen", "factors")
        width, iterations, regularisation = 1 + len(features), self.iterations, self.regularisation
        # A lambda: of a partial Spark cannot tell how many arguments it takes.
        in_one = examples.select(F.lit(0).alias("one"), "*").groupBy("one")
        rows = in_one.applyInArrow(lambda table: fitted(table, width, iterations, regularisation), _FITTED).collect()  # three
        found = {row["half"]: Ranker(features, tuple(row["coefficients"]), row["intercept"]) for row in rows}
        if len(found) < 1 + HALVES:
            return None
        return Rankings(found[_WHOLE], tuple(found[half] for half in range(HALVES)))

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def known_as(self, features: Sequence[str], learned_from: Sequence[str]) -> str:
        """SHA-256 of the settings, the features and the names of what it learned from: known before the fit."""
        return hashlib.sha256(json.dumps([asdict(self), list(features), list(learned_from)]).encode()).hexdigest()


def fitted(examples: pa.Table, width: int, iterations: int, regularisation: float) -> pa.Table:
    """(half, intercept, coefficients) of each half, and of all as half -1; without both kinds of examples there is no row.

    examples: (customer_id, keep_seen, factors), a customer's examples each; factors: `width` numbers an example, the first of them 1 for
    bought, else 0. Halves: see `tasks.lists.part_of`.
    """
    ordered = examples.sort_by([("customer_id", "ascending"), ("keep_seen", "ascending")])  # so that sums do not follow the layout
    of, rows = part_of(ordered["customer_id"].combine_chunks(), HALVES), []
    with threadpool_limits(1):
        for half in (_WHOLE, *range(HALVES)):
            mine = ordered if half == _WHOLE else ordered.filter(pa.array(of == half))
            values = mine["factors"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
            bought, features = values[:, 0], values[:, 1:]
            if len(set(bought.tolist())) < 2:
                continue
            middle, spread = features.mean(axis=0), features.std(axis=0)
            spread[spread == 0] = 1.0
            strength = 1 / max(regularisation * len(bought), 1e-12)
            learned = LogisticRegression(C=strength, max_iter=iterations).fit((features - middle) / spread, bought)
            coefficients = learned.coef_[0] / spread
            rows.append({"half": half, "intercept": float(learned.intercept_[0] - coefficients @ middle), "coefficients": coefficients.tolist()})
    return pa.Table.from_pylist(rows, schema=_FITTED_SCHEMA)
