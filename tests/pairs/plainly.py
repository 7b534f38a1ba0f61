"""The slow and sure way: every product in float64, every list sorted whole."""

from collections.abc import Mapping

import numpy as np
from pyspark.sql import DataFrame, SparkSession

Lists = dict[str, list[tuple[str, float]]]


def by_utf8(text: str) -> bytes:
    return text.encode()


Rows = Mapping[str, Mapping[str, float]]


def lists(left: Rows, right: Rows | None, k: int, measure: str = "cosine", out: frozenset[tuple[str, str]] = frozenset()) -> Lists:
    """The k best of the other side, or of the other rows where right is None, with a score above 0."""
    others = left if right is None else right
    found = {}
    for one in left:
        scores = {other: score(left[one], others[other], measure) for other in others if (one, other) not in out and not (right is None and one == other)}
        ranked = sorted((other for other in scores if scores[other] > 0), key=lambda other: (-scores[other], by_utf8(other)))
        found[one] = [(other, scores[other]) for other in ranked[:k]]
    return found


def score(one: Mapping[str, float], other: Mapping[str, float], measure: str) -> float:
    total = sum(one[column] * other[column] for column in sorted(one.keys() & other.keys()))
    if measure == "cosine":
        lengths = np.sqrt(sum(value**2 for value in one.values())) * np.sqrt(sum(value**2 for value in other.values()))
        total = total / lengths if lengths > 0 else 0.0
    return round(float(total), 12)


def cells(spark: SparkSession, rows: Mapping[str, Mapping[str, float]]) -> DataFrame:
    values = [(row, column, float(value)) for row, of_row in rows.items() for column, value in of_row.items()]
    return spark.createDataFrame(values, "row_id string, column_id string, value double")


def found(frame: DataFrame) -> Lists:
    return {row["row_id"]: list(zip(row["neighbours"], row["scores"], strict=True)) for row in frame.collect()}


def assert_same(one: Lists, other: Lists) -> None:
    """The same neighbours in the same order, scores within 1e-9."""
    assert one.keys() == other.keys()
    for row in one:
        assert [neighbour for neighbour, _ in one[row]] == [neighbour for neighbour, _ in other[row]], row
        assert np.allclose([score for _, score in one[row]], [score for _, score in other[row]], rtol=0, atol=1e-9), row


def drawn(rows: int, columns: int, seed: int) -> dict[str, dict[str, float]]:
    """Rows of few small whole numbers, many of them alike: equal scores and rows of one content are frequent."""
    rng = np.random.default_rng(seed)
    made = {}
    for row in range(rows):
        some = rng.choice(columns, rng.integers(1, 5), p=(weights := 1 / np.arange(1, columns + 1)) / weights.sum())
        made[f"r{row}"] = {f"c{column}": float(rng.integers(1, 3)) for column in some}
    return made
