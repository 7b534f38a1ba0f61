"""A lake of an older schema version brought to this one: what was read and counted stays, what was learned from it is emptied."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from coterie.errors import LakeError, UserError
from coterie.lake import Lake
from coterie.pipeline.shop import Shop
from coterie.schemas import TABLES

VERSION = "coterie.schemaVersion"


@pytest.fixture
def old(lake: Lake) -> Lake:
    """As version 2 left it: a customer, and a table of results with other columns than today's."""
    lake.create("runs")
    lake.append("customers", lake.spark.sql("SELECT 'c1' AS customer_id, date '2024-01-01' AS valid_from, 'NL' AS country, 1980 AS birth_year, "
                                            "CAST(NULL AS string) AS gender, CAST(NULL AS date) AS joined_on, true AS is_declared"))  # fmt: skip
    lake.spark.sql(f"CREATE TABLE {lake.name_of('segment_agreement')} (as_of date, agreement double) USING delta")
    lake.spark.sql(f"INSERT INTO {lake.name_of('segment_agreement')} VALUES (date '2024-01-31', 0.5)")
    lake.spark.sql(f"ALTER TABLE {lake.name_of('runs')} SET TBLPROPERTIES ('{VERSION}' = '2')")
    return lake


def test_an_older_lake_is_refused_with_the_command_that_upgrades_it(old: Lake) -> None:
    with pytest.raises(LakeError, match=rf"has tables of schema version 2, .* run `coterie upgrade --lake {old.place}`"):
        Lake(old.spark, old.place)


def test_an_upgrade_keeps_what_was_read_and_empties_what_was_learned(old: Lake) -> None:
    done = Shop(old.place, old.spark).upgrade()
    assert done["measures"] == {"kept": 2.0, "emptied": 1.0}  # customers and the lease
    lake = Lake(old.spark, old.place)
    assert [row["customer_id"] for row in lake.read("customers").collect()] == ["c1"]
    assert lake.read("segment_agreement").columns == TABLES["segment_agreement"].names
    assert Shop(old.place, old.spark).table("segment_agreement").count() == 0


def test_an_upgrade_that_did_not_end_is_done_again(old: Lake) -> None:
    Lake(old.spark, old.place, is_upgraded=True).remake("segment_agreement")
    with pytest.raises(LakeError, match="coterie upgrade"):
        Lake(old.spark, old.place)
    Shop(old.place, old.spark).upgrade()
    assert Lake(old.spark, old.place).exists("runs")


def test_a_lake_whose_events_have_another_shape_is_not_upgraded(old: Lake) -> None:
    old.spark.sql(f"CREATE TABLE {old.name_of('items')} (item_id string) USING delta")
    with pytest.raises(LakeError, match=r"does not fit table 'items': title is missing.*make it anew in another place"):
        Shop(old.place, old.spark).upgrade()
    assert old.spark.read.table(old.name_of("segment_agreement")).count() == 1


def test_where_there_is_no_lake_nothing_is_upgraded(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no lake at"):
        Shop(str(tmp_path / "lake"), spark).upgrade()
    assert not (tmp_path / "lake").exists()
