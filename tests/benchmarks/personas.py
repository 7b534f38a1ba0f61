# ruff: noqa: T201 - a benchmark prints its table
"""How well the segments of a seeded shop agree with the personas that were planted in it.

usage: python tests/benchmarks/personas.py LAKE TRUTH

LAKE: where `coterie segments` has run; TRUTH: `truth/personas` beside the shop's raw files. Prints the adjusted Rand index over the customers
who have bought and were given a persona, and how many of each persona each segment holds.
"""

import sys

from pyspark.sql import functions as F

import coterie
from coterie.segments.measures import adjusted_rand

lake, truth = sys.argv[1:]
shop = coterie.open(lake)
newest = shop.table("segments").where("segmentation = 'chosen' and segment_id > 0")
placed = newest.where(F.col("as_of") == newest.agg(F.max("as_of")).collect()[0][0]).select("customer_id", "segment_id")
personas = shop.spark.read.parquet(truth).where("persona <> 'cold'")
table = placed.join(personas, on="customer_id", how="inner").groupBy("persona", "segment_id").count().collect()  # personas x segments
names = sorted({row["persona"] for row in table})
segments = sorted({row["segment_id"] for row in table})
counts = {(row["persona"], row["segment_id"]): row["count"] for row in table}
print(f"{'persona':<28}" + "".join(f"{segment:>9}" for segment in segments))
for name in names:
    print(f"{name:<28}" + "".join(f"{counts.get((name, segment), 0):>9,}" for segment in segments))
found = adjusted_rand((names.index(row["persona"]), row["segment_id"], row["count"]) for row in table)
print(f"adjusted Rand index of {sum(counts.values()):,} customers: {found:.3f}")
