# ruff: noqa: T201 - a benchmark prints its table
"""EASE fitted on the data of `pairs.py --parts exact`: customers with 40 draws each from so many items, Delta to Delta.

usage: python tests/benchmarks/ease.py [--items N] [--customers N] [--passes N]

Memory, and the time with Spark's start: run it under a tool that measures the whole process tree.
"""

import argparse
import datetime
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions as F

from coterie.recommend.ease import EaseRecommender
from coterie.recommend.verbs import Training
from coterie.session import get_session
from coterie.settings import load_settings

AS_OF = datetime.date(2024, 1, 31)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--passes", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    popularity, activity = np.arange(1, arguments.items + 1) ** -0.9, rng.lognormal(0, 1, arguments.customers)
    draws = 40 * arguments.customers
    customers = rng.choice(arguments.customers, draws, p=activity / activity.sum())
    # Each item at least once, so that there are as many as were asked for.
    items = np.concatenate([np.arange(arguments.items), rng.choice(arguments.items, draws - arguments.items, p=popularity / popularity.sum())])
    cells = np.unique(np.stack([customers, items], axis=1), axis=0)
    settings = load_settings([{"spark": {"master": "local[2]"}}])
    spark = get_session(settings.spark)
    ease = EaseRecommender(**settings.recommend.ease.model_dump())
    with tempfile.TemporaryDirectory() as folder:
        names = {"customer_id": np.char.add("c", cells[:, 0].astype(str)), "item_id": np.char.add("i", cells[:, 1].astype(str))}
        pq.write_table(pa.table({key: pa.array(values) for key, values in names.items()}), Path(folder) / "pairs.parquet")
        pairs = spark.read.parquet(str(Path(folder) / "pairs.parquet")).select("*", F.lit(1.0).alias("intensity"), F.lit(AS_OF).alias("last_on"))
        pairs.write.format("delta").save(f"{folder}/pairs")
        pairs = spark.read.format("delta").load(f"{folder}/pairs")
        training = Training(AS_OF, pairs, pairs.limit(0), pairs.limit(0))
        for number in range(arguments.passes):
            started = time.perf_counter()
            ease.fit(training).write.format("delta").mode("overwrite").save(f"{folder}/weights")
            print(f"EASE {arguments.items:,} items, {len(cells):,} pairs, pass {number + 1}: {time.perf_counter() - started:.1f} s", flush=True)
        spark.stop()


if __name__ == "__main__":
    main()
