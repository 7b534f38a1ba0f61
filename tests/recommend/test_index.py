from pyspark.sql import SparkSession

from coterie.recommend.index import indexed


def test_ids_get_distinct_numbers_that_follow_from_the_ids_alone(spark: SparkSession) -> None:
    ids = [("b",), ("a",), ("a",), (None,), ("顾客 1",), ("",), *((f"c{number}",) for number in range(40))]
    first = indexed(spark.createDataFrame(ids, "customer_id string"), "customer_id", 4).collect()
    second = indexed(spark.createDataFrame(ids[::-1], "customer_id string").repartition(7), "customer_id", 4).collect()
    numbers = {row["customer_id"]: row["index"] for row in first}
    assert numbers == {row["customer_id"]: row["index"] for row in second}
    assert len(set(numbers.values())) == len(numbers) == len(first) == 44
    # (row number within the bucket - 1) x buckets + bucket: each bucket counts 0, 1, 2, ... without a gap.
    for bucket in range(4):
        turns = sorted(number // 4 for number in numbers.values() if number % 4 == bucket)
        assert turns == list(range(len(turns)))
