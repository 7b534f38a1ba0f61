"""What is sent to every task, and what stays where it is."""

import pytest
from pyspark.sql import SparkSession

from coterie.rows import travelling
from coterie.session import with_options


@pytest.mark.parametrize(("count", "how"), [(500_000, "BroadcastHashJoin"), (500_001, "SortMergeJoin")])
def test_few_ids_go_to_the_rows_and_to_many_the_rows_go(spark: SparkSession, capsys: pytest.CaptureFixture[str], count: int, how: str) -> None:
    ids = spark.range(3)
    with with_options(spark, {"spark.sql.autoBroadcastJoinThreshold": "-1"}):
        found = spark.range(9).join(travelling(ids, count), on="id", how="left_semi")
        found.explain()
        assert how in capsys.readouterr().out
        assert sorted(row["id"] for row in found.collect()) == [0, 1, 2]
