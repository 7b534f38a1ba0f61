"""The best of all other rows, through Spark, against every product in float64."""

import pytest
from plainly import assert_same, cells, drawn, found, lists
from pyspark.sql import DataFrame, SparkSession

from coterie.errors import UserError
from coterie.pairs.within import pairs_of, top_within

# Ids of any text, among rows of few items that often tie.
STRANGE = {
    "😀": {"c0": 1.0, "c1": 2.0},
    "中文": {"c0": 2.0, "c1": 4.0},
    "x" * 10_000: {"c0": 1.0, "中": 1.0},
    "": {"中": 3.0},
    "everything": {f"c{column}": 1.0 for column in range(20)},
    "nothing": {"c0": 0.0},
    "alone": {"nobody else's": 1.0},
}


@pytest.mark.parametrize(("blocks", "measure"), [(1, "cosine"), (4, "cosine"), (16, "cosine"), (None, "dot")])
def test_lists_are_those_of_a_full_sort_whatever_the_blocks(spark: SparkSession, blocks: int | None, measure: str) -> None:
    rows = drawn(150, 20, 1) | STRANGE
    assert_same(found(top_within(cells(spark, rows), 7, measure=measure, blocks=blocks)), lists(rows, None, 7, measure))


def test_thousands_of_rows_of_one_item_are_each_others_neighbours(spark: SparkSession) -> None:
    rows = {f"r{row:05}": {"a": 1.0 + row % 3} for row in range(4000)} | {"s": {"a": 1.0, "b": 1.0}}
    lists = found(top_within(cells(spark, rows), 3, blocks=2))
    assert lists["r00000"] == [("r00001", 1.0), ("r00002", 1.0), ("r00003", 1.0)]
    assert lists["r03999"] == [("r00000", 1.0), ("r00001", 1.0), ("r00002", 1.0)]
    assert lists["s"] == [(f"r0000{place}", pytest.approx(0.5**0.5, abs=1e-12)) for place in range(3)]
    assert len(lists) == 4001


def test_a_mass_of_near_ties_is_ordered_by_id(spark: SparkSession) -> None:
    # All cosines with "hub" are equal, and no two of the others have the same content.
    rows = {f"r{row:04}": {"a": 1.0, f"own{row}": 1.0} for row in range(600)} | {"hub": {"a": 1.0}}
    lists = found(top_within(cells(spark, rows), 2, blocks=2))
    assert [one for one, _ in lists["hub"]] == ["r0000", "r0001"]
    assert [one for one, _ in lists["r0300"]] == ["hub", "r0000"]


def test_one_row_has_no_neighbours_and_fewer_rows_than_asked_for_are_all_listed(spark: SparkSession) -> None:
    assert found(top_within(cells(spark, {"a": {"x": 1.0}}), 5)) == {"a": []}
    assert found(top_within(cells(spark, {"a": {"x": 1.0}, "b": {"x": 2.0}}), 500)) == {"a": [("b", 1.0)], "b": [("a", 1.0)]}


def test_no_rows_give_no_lists(spark: SparkSession) -> None:
    assert found(top_within(cells(spark, {}), 5)) == {}


def test_several_values_of_a_cell_are_added_up(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", "x", 1.0), ("a", "x", 2.0), ("b", "x", 5.0)], "row_id string, column_id string, value double")
    assert found(top_within(rows, 1, measure="dot")) == {"a": [("b", 15.0)], "b": [("a", 15.0)]}


def test_dense_rows_are_neighbours_by_the_direction_of_their_factors(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", [1.0, 0.0]), ("b", [3.0, 4.0]), ("c", [-2.0, 0.0])], "row_id string, factors array<float>")
    assert found(top_within(rows, 2)) == {"a": [("b", 0.6), ("c", -1.0)], "b": [("a", 0.6), ("c", -0.6)], "c": [("b", -0.6), ("a", -1.0)]}


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (("bad", "item", -1.0), "row 'bad', column 'item' has the value -1.0"),
        (("bad", "item", float("nan")), "row 'bad', column 'item' has the value NaN"),
        (("bad", "item", float("inf")), "row 'bad', column 'item' has the value Infinity"),
        (("bad", "item", None), "row 'bad', column 'item' has the value null"),
        ((None, "item", 1.0), "row 'null', column 'item' has the value 1.0"),
        (("bad", None, 1.0), "row 'bad', column 'null' has the value 1.0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(spark: SparkSession, cell: tuple[str | None, str | None, float | None], message: str) -> None:
    rows = spark.createDataFrame([("good", "item", 1.0), cell], "row_id string, column_id string, value double")
    with pytest.raises(UserError, match=message):
        top_within(rows, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [([("a", [1.0, float("nan")])], "row 'a' has factors"), ([("a", [1.0]), ("b", [1.0, 2.0])], "from 1 to 2 numbers"), ([("a", None)], "row 'a'")],
)
def test_factors_that_cannot_be_are_refused_by_name(spark: SparkSession, values: list[tuple[str, list[float] | None]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        top_within(spark.createDataFrame(values, "row_id string, factors array<float>"), 1)


def test_of_several_bad_values_one_is_named_and_the_others_counted(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("b", "x", -1.0), ("a", "y", -2.0), ("a", "x", -3.0)], "row_id string, column_id string, value double")
    with pytest.raises(UserError, match=r"row 'a', column 'x' has the value -3\.0, and 2 more"):
        top_within(rows, 1)


def test_other_columns_no_neighbours_and_too_little_memory_are_refused(spark: SparkSession) -> None:
    rows = cells(spark, {"a": {"x": 1.0}})
    with pytest.raises(UserError, match="rows have the columns row_id, value; expected"):
        top_within(rows.select("row_id", "value"), 1)
    with pytest.raises(UserError, match="k is 0"):
        top_within(rows, 0)
    with pytest.raises(UserError, match="do not fit tasks of 1 MB"):
        top_within(rows, 1, memory_mb=1)


def test_each_two_blocks_meet_once_and_the_larger_tasks_come_first() -> None:
    assert pairs_of(3) == [(0, 1), (0, 2), (1, 2), (0, 0), (1, 1), (2, 2)]


def test_the_result_has_the_columns_that_are_promised(spark: SparkSession) -> None:
    frame: DataFrame = top_within(cells(spark, {"a": {"x": 1.0}}), 1)
    assert [(field.name, field.dataType.simpleString()) for field in frame.schema] == [
        ("row_id", "string"),
        ("neighbours", "array<string>"),
        ("scores", "array<double>"),
    ]
