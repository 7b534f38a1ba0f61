# ruff: noqa: T201 - a benchmark prints its table
"""EASE fitted on the data of `pairs.py --parts exact`: customers with 40 draws each from 10,000 items, Delta to Delta.

usage: python tests/benchmarks/ease.py [--customers N] [--passes N]

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
from pairs import zipf
from pyspark.sql import functions as F

from coterie.recommend.ease import EaseRecommender
from coterie.recommend.verbs import Training
from coterie.session import get_session
from coterie.settings import load_settings

AS_OF = datetime.date(2024, 1, 31)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--passes", type=int, default=2)
    arguments = parser.parse_args()
    cells = zipf(arguments.customers).tocoo()
    settings = load_settings([{"spark": {"master": "local[2]"}}])
    spark = get_session(settings.spark)
    ease = EaseRecommender(**settings.recommend.ease.model_dump())
    with tempfile.TemporaryDirectory() as folder:
        names = {"customer_id": np.char.add("c", cells.row.astype(str)), "item_id": np.char.add("i", cells.col.astype(str))}
        pq.write_table(pa.table({key: pa.array(values) for key, values in names.items()}), Path(folder) / "pairs.parquet")
        pairs = spark.read.parquet(str(Path(folder) / "pairs.parquet")).select("*", F.lit(1.0).alias("intensity"), F.lit(AS_OF).alias("last_on"))
        pairs.write.format("delta").save(f"{folder}/pairs")
        pairs = spark.read.format("delta").load(f"{folder}/pairs")
        training = Training(AS_OF, pairs, pairs.limit(0), pairs.limit(0))
        for number in range(arguments.passes):
            started = time.perf_counter()
            ease.fit(training).write.format("delta").mode("overwrite").save(f"{folder}/weights")
            print(f"EASE {len(set(cells.col)):,} items, {cells.nnz:,} pairs, pass {number + 1}: {time.perf_counter() - started:.1f} s", flush=True)
        spark.stop()


if __name__ == "__main__":
    main()
