"""The report of a shop of a million customers: synthetic tables, then the page, its time and the memory it takes.

    python tests/benchmarks/report.py --customers 1000000 --lake million [--page report.html] [--master local-cluster[1,2,2048]]

The tables are made once and kept. Memory is the driver's, at rest with Spark started, and the most while the page is made; with a local
master the driver does the executors' work too.
"""

import argparse
import datetime
import os
import sys
import time
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.memory import Watch, held

from coterie.lake import Lake
from coterie.pipeline.report import write_report
from coterie.schemas import TABLES
from coterie.session import get_session
from coterie.settings import load_settings

DAY = datetime.date(2025, 12, 31)
ITEMS, SEGMENTS, DAYS, OFFERS = 10_000, 6, 12, 10


def drawn(name: str, below: int, *more: str) -> Column:
    """A whole number from 0 on that follows from the customer and what it is for."""
    return F.pmod(F.xxhash64(F.lit(name), F.col("customer_id"), *more), F.lit(below)).cast("int")


def filled(frame: DataFrame, table: str) -> DataFrame:
    """The table's columns: those that the frame lacks drawn from the key where they are numbers, else null; every type as it must be."""
    columns = []
    for column in TABLES[table].columns:
        if column.name in frame.columns:
            value = F.col(column.name)
        elif column.type in {"int", "bigint", "double"} or column.type.startswith("decimal"):
            value = drawn(column.name, 100) if "customer_id" in frame.columns else F.lit(0)
        else:
            value = F.lit(f"some {column.name}") if column.required and column.type == "string" else F.lit(None)
        columns.append(value.cast(column.type).alias(column.name))
    return frame.select(*columns)


def make(lake: Lake, spark: SparkSession, customers: int) -> None:
    as_of = F.lit(DAY).alias("as_of")
    known = spark.range(customers).select(F.format_string("C%09d", "id").alias("customer_id"))
    days = known.select("customer_id", F.explode(F.sequence(F.lit(1), F.lit(DAYS))).alias("n"))
    dated = days.withColumn("activity_date", F.date_sub(F.lit(DAY), drawn("day", 360, "n")))
    dated = dated.withColumn("activity_month", F.date_format("activity_date", "yyyy-MM"))
    frequency, monetary = drawn("frequency", 20).alias("frequency"), (drawn("monetary", 5000) + 1).alias("monetary")
    lake.replace("customer_features", filled(known.select(as_of, "customer_id", frequency, monetary), "customer_features"))
    segment = F.when(drawn("frequency", 20) == 0, 0).otherwise(1 + drawn("segment", SEGMENTS)).alias("segment_id")
    placed = known.select(as_of, F.lit("chosen").alias("segmentation"), "customer_id", segment, F.lit("fitted").alias("model_id"))
    lake.replace("segments", filled(placed.withColumn("segment_name", F.format_string("Segment %d", "segment_id")), "segments"))
    one_a_day = dated.dropDuplicates(["customer_id", "activity_date"])
    lake.replace("daily_activity", filled(one_a_day, "daily_activity"))
    titled = spark.range(ITEMS).select(F.format_string("I%06d", "id").alias("item_id"), F.format_string("Item %d", "id").alias("title"))
    lake.replace("items", filled(titled.withColumn("is_sellable", F.lit(True)).withColumn("is_declared", F.lit(True)), "items"))
    ranks = known.select("customer_id", F.explode(F.sequence(F.lit(1), F.lit(OFFERS))).alias("rank"))
    item = F.format_string("I%06d", F.least(drawn("item", ITEMS, "rank"), drawn("other", ITEMS, "rank")))
    words = [F.lit(value).alias(name) for name, value in (("source", "als"), ("reason", "fits"), ("model_id", "als"))]
    offers = ranks.select(as_of, "customer_id", "rank", item.alias("item_id"), *words)
    lake.replace("recommendations", filled(offers, "recommendations"))
    counted = lake.read("segments").join(lake.read("customer_features").select("customer_id", "monetary"), on="customer_id", how="inner")
    sums = counted.groupBy("as_of", "segmentation", "segment_id", "segment_name").agg(F.count("*").alias("size"), F.sum("monetary").alias("revenue"))
    shares = sums.withColumn("share", F.col("size") / customers).withColumn("revenue_share", F.lit(1 / SEGMENTS))
    lake.replace("segment_profiles", filled(shares, "segment_profiles"))
    written = [cell for name in TABLES if name != "lease" and lake.exists(name) for cell in (F.lit(name), F.lit(lake.version(name)))]
    finished = spark.range(1).select(
        F.lit("run").alias("run_id"),
        F.lit("finished").alias("event"),
        F.lit("features").alias("job"),
        as_of,
        F.lit(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)).alias("at"),
        F.create_map(F.lit("customers"), F.lit(float(customers))).alias("measures"),
        F.create_map(*written).alias("tables_written"),
    )
    lake.append("runs", filled(finished, "runs"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--page", help="file of the page; beside the lake's folder by default")
    parser.add_argument("--master", default="local[*]", help="local-cluster[1,2,2048] has the executor in a process of its own")
    given = parser.parse_args()
    spark = get_session(load_settings([{"spark": {"master": given.master}}]).spark)
    lake = Lake(spark, given.lake)
    if not lake.exists("runs"):
        began = time.monotonic()
        make(lake, spark, given.customers)
        sys.stdout.write(f"tables of {given.customers:,} customers: {time.monotonic() - began:.0f} s; run it again for the page\n")
        sys.exit()
    idle = held(os.getpid())[0]
    with Watch() as watch:
        page = write_report(lake, DAY, Path(given.page or f"{given.lake}-report.html"), lambda job, words: None)
    sys.stdout.write(f"report of {given.customers:,} customers: {watch.seconds:.1f} s, {page.stat().st_size / 1e6:.1f} MB; "
          f"at rest {idle / 1e9:.2f} GB, at most {watch.driver / 1e9:.2f} GB: {(watch.driver - idle) / 1e9:.2f} GB above it\n")  # fmt: skip


if __name__ == "__main__":
    main()
