"""All pairs above a threshold, through Spark."""

import pytest
from plainly import by_utf8, cells, drawn, score
from pyspark.sql import SparkSession

from coterie.errors import UserError
from coterie.pairs.ranges import within_range


@pytest.mark.parametrize("blocks", [1, 3])
def test_every_pair_is_there_once_the_smaller_id_first(spark: SparkSession, blocks: int) -> None:
    rows = drawn(120, 15, 3) | {"😀": {"c0": 1.0}, "\uffff": {"c0": 2.0}}
    result = within_range(cells(spark, rows), 0.8, blocks=blocks).collect()
    ids = sorted(rows, key=by_utf8)
    want = {(one, other): score(rows[one], rows[other], "cosine") for at, one in enumerate(ids) for other in ids[at + 1 :]}
    assert {(row["row_id"], row["other_id"]): row["score"] for row in result} == pytest.approx({pair: s for pair, s in want.items() if s >= 0.8}, abs=1e-9)
    assert len(result) == len({(row["row_id"], row["other_id"]) for row in result})


def test_a_pair_at_the_threshold_is_in_range(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", [1.0, 0.0]), ("b", [3.0, 4.0]), ("c", [-2.0, 0.0])], "row_id string, factors array<float>")
    assert [tuple(row) for row in within_range(rows, 0.6).collect()] == [("a", "b", 0.6)]
    assert len(within_range(rows, -1.0).collect()) == 3


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan"), float("inf")])
def test_a_threshold_that_nearly_all_pairs_reach_is_refused(spark: SparkSession, threshold: float) -> None:
    with pytest.raises(UserError, match="the threshold is"):
        within_range(cells(spark, {"a": {"x": 1.0}}), threshold)
