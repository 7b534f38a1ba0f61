"""The best of another side, and what two rows share, through Spark."""

import numpy as np
import pytest
from plainly import assert_same, cells, drawn, found, lists
from pyspark.sql import SparkSession

from coterie.errors import UserError
from coterie.pairs.between import between_range, top_between
from coterie.pairs.sharing import shared

FACTORS = "row_id string, factors array<float>"


@pytest.mark.parametrize("blocks", [(1, 1), (2, 3)])
def test_sparse_sides_without_what_is_excluded(spark: SparkSession, blocks: tuple[int, int]) -> None:
    left, right = drawn(90, 20, 1) | {"zero": {"c0": 0.0}}, {f"s{row}": values for row, values in drawn(70, 20, 2).items()}
    out = frozenset((f"r{row}", f"s{(row * 7 + step) % 70}") for row in range(90) for step in range(20)) | {("unknown", "s1"), ("r1", "unknown")}
    excluded = spark.createDataFrame(sorted(out), "row_id string, other_id string")
    result = found(top_between(cells(spark, left), cells(spark, right), 7, excluded, blocks=blocks))
    assert_same(result, lists(left, right, 7, "dot", out))


@pytest.mark.parametrize("right_blocks", [1, 2])
def test_factors_without_what_was_seen_as_a_frame_or_as_a_column(spark: SparkSession, right_blocks: int) -> None:
    users = spark.createDataFrame([("u", [1.0, 2.0], ["b", None]), ("v", [-1.0, 0.0], None)], FACTORS + ", seen array<string>")
    items = spark.createDataFrame([("a", [1.0, 1.0]), ("b", [5.0, 5.0]), ("c", [1.0, 1.0]), ("d", [0.0, 1.0])], FACTORS)
    want = {"u": [("a", 3.0), ("c", 3.0), ("d", 2.0)], "v": [("d", 0.0), ("a", -1.0), ("c", -1.0)]}
    assert found(top_between(users, items, 3, "seen", blocks=(2, right_blocks))) == want
    seen = spark.createDataFrame([("u", "b")], "row_id string, other_id string")
    assert found(top_between(users, items, 3, seen, blocks=(1, right_blocks))) == want


def test_nobody_on_the_other_side_gives_empty_lists(spark: SparkSession) -> None:
    users, nobody = spark.createDataFrame([("u", [1.0])], FACTORS), spark.createDataFrame([], FACTORS)
    assert found(top_between(users, nobody, 3)) == {"u": []}
    assert found(top_between(nobody, users, 3)) == {}


def test_sides_that_do_not_go_together_are_refused(spark: SparkSession) -> None:
    short, long = (spark.createDataFrame([("u", [1.0] * size)], FACTORS) for size in (1, 2))
    sparse = cells(spark, {"a": {"x": 1.0}})
    with pytest.raises(UserError, match="do not go together"):
        top_between(short, long, 1)
    with pytest.raises(UserError, match="do not go together"):
        top_between(short, sparse, 1)
    with pytest.raises(UserError, match="give a frame"):
        top_between(sparse, sparse, 1, "seen")


def test_the_columns_that_make_two_rows_alike_by_what_they_add_to_the_cosine(spark: SparkSession) -> None:
    rows = cells(spark, {"a": {"x": 3, "y": 4}, "b": {"x": 1, "y": 1, "z": 0}, "c": {"z": 2, "y": 1}, "d": {"w": 1}})
    pairs = spark.createDataFrame([("a", "b"), ("a", "c"), ("c", "a"), ("a", "d"), ("a", "gone")], "row_id string, other_id string")
    said = {(row["row_id"], row["other_id"], row["rank"]): (row["column_id"], row["contribution"]) for row in shared(rows, pairs, count=2).collect()}
    root = 2**-0.5
    assert said == {
        ("a", "b", 1): ("y", pytest.approx(0.8 * root, abs=1e-12)),
        ("a", "b", 2): ("x", pytest.approx(0.6 * root, abs=1e-12)),
        ("a", "c", 1): ("y", pytest.approx(0.8 * 5**-0.5, abs=1e-12)),
        ("c", "a", 1): ("y", pytest.approx(0.8 * 5**-0.5, abs=1e-12)),
    }


def test_all_pairs_between_two_sides_above_a_threshold(spark: SparkSession) -> None:
    rng = np.random.default_rng(4)
    left, right = rng.integers(-5, 6, (40, 3)).astype(float), rng.integers(-5, 6, (30, 3)).astype(float)
    sides = [spark.createDataFrame([(f"{name}{place:02}", row.tolist()) for place, row in enumerate(rows)], "row_id string, factors array<float>")
             for name, rows in (("l", left), ("r", right))]  # fmt: skip
    expected = {(f"l{i:02}", f"r{j:02}"): float(left[i] @ right[j]) for i in range(40) for j in range(30) if left[i] @ right[j] >= 20}
    for blocks in (None, (3, 2)):
        found = between_range(*sides, 20.0, blocks=blocks).collect()
        assert {(row["row_id"], row["other_id"]): row["score"] for row in found} == expected
