# ruff: noqa: T201 - a benchmark prints its table
"""The engine for all pairs, measured against its peers on one machine in one run. Prints a table of times and ratios.

usage: python tests/benchmarks/pairs.py [--parts exact join dense near same] [--rows N ...] [--master local[2]] [--passes N] [--alone]

exact: top 50 by cosine, Delta to Delta, beside implicit's CosineRecommender in memory on as many threads. join: beside a self-join in Spark SQL.
dense: factors against factors beside MLlib's recommendForAllUsers. near: the pruned mode beside the exact one. same: a digest of the lists for 1, 4 and
16 blocks, with the largest difference from float64 products. --alone leaves the peers out, to measure memory with.
CPU seconds are of this process and all it started: on a machine that others use too they say more than the time that went by.
"""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from coterie.pairs.between import top_between
from coterie.pairs.groups import fitted_groups
from coterie.pairs.near import recall, top_near
from coterie.pairs.within import top_within
from coterie.session import get_session
from coterie.settings import load_settings

ITEMS, TOP = 10_000, 50
Took = tuple[float, float]  # seconds that went by, seconds of CPU


def zipf(rows: int) -> sp.csr_matrix:
    """40 draws a customer on average: items with probability ~ rank^-0.9, customers with lognormal(0, 1) activity; log1p of the counts."""
    rng = np.random.default_rng(0)
    popularity, activity = np.arange(1, ITEMS + 1) ** -0.9, rng.lognormal(0, 1, rows)
    draws = 40 * rows
    of_row = rng.choice(rows, draws, p=activity / activity.sum())
    return counted(of_row, rng.choice(ITEMS, draws, p=popularity / popularity.sum()), rows)


def planted(rows: int, groups: int = 200) -> sp.csr_matrix:
    """Nine of ten draws are from the group's own 50 items, the others from all; activity as above."""
    rng = np.random.default_rng(0)
    activity = rng.lognormal(0, 1, rows)
    of_row = rng.choice(rows, 40 * rows, p=activity / activity.sum())
    own = of_row % groups * (ITEMS // groups) + rng.integers(0, ITEMS // groups, len(of_row))
    return counted(of_row, np.where(rng.random(len(of_row)) < 0.9, own, rng.integers(0, ITEMS, len(of_row))), rows)


def counted(rows: np.ndarray, columns: np.ndarray, size: int) -> sp.csr_matrix:
    matrix = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, ITEMS))
    matrix.sum_duplicates()
    matrix.data = np.log1p(matrix.data)
    return matrix


class Bench:
    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        options = {"master": arguments.master, "driver_memory": "3g"}
        self.spark: SparkSession = get_session(load_settings([{"spark": options}]).spark)
        self.cores = int(arguments.master.removeprefix("local[").removesuffix("]"))

    def table(self, name: str, matrix: sp.csr_matrix) -> DataFrame:
        cells = matrix.tocoo()
        ids = {"row_id": np.char.add("c", cells.row.astype(str)), "column_id": np.char.add("i", cells.col.astype(str)), "value": cells.data}
        pq.write_table(pa.table({key: pa.array(values) for key, values in ids.items()}), self.folder / f"{name}.parquet")
        return self.stored(name, self.spark.read.parquet(str(self.folder / f"{name}.parquet")))

    def stored(self, name: str, frame: DataFrame) -> DataFrame:
        frame.write.format("delta").mode("overwrite").save(str(self.folder / name))
        return self.spark.read.format("delta").load(str(self.folder / name))

    def measured(self, work: Callable[[], Any]) -> Took:
        started, used = time.perf_counter(), cpu_seconds()
        work()
        return time.perf_counter() - started, cpu_seconds() - used

    def beside(self, what: str, ours: Callable[[], Any], theirs: Callable[[], Any], peer: str) -> None:
        """Turn by turn: the machine is as busy for one as for the other. The first pass of ours is told apart."""
        first = self.measured(ours)
        turns = [(self.measured(ours), (0.0, 0.0) if self.arguments.alone else self.measured(theirs)) for _ in range(self.arguments.passes)]
        mine, peers = (tuple(statistics.median(turn[side][kind] for turn in turns) for kind in (0, 1)) for side in (0, 1))
        say(what, "first pass", first)
        say(what, "later", mine)
        if not self.arguments.alone:
            say(what, peer, peers)
            ratios = " ".join(f"{turn[0][0] / turn[1][0]:.2f}" for turn in turns)
            print(f"{what:24} {'ratio':14} {mine[0] / peers[0]:8.2f} x {mine[1] / peers[1]:8.2f} x   (each turn: {ratios})", flush=True)

    def exact(self) -> None:
        from implicit.nearest_neighbours import CosineRecommender  # noqa: PLC0415 - of this part alone

        for rows in self.arguments.rows:
            matrix = zipf(rows)
            frame = self.table(f"zipf{rows}", matrix)
            other_way = matrix.T.tocsr()  # implicit compares columns
            self.beside(
                f"exact {rows:,}",
                lambda frame=frame: self.stored("lists", top_within(frame, TOP, cores=self.cores)),
                lambda other_way=other_way: CosineRecommender(K=TOP, num_threads=self.cores).fit(other_way, show_progress=False),
                "implicit",
            )

    def join(self) -> None:
        for rows in self.arguments.join_rows:
            frame = self.table(f"zipf{rows}", zipf(rows))
            self.beside(
                f"self-join {rows:,}",
                lambda frame=frame: self.stored("lists", top_within(frame, TOP, cores=self.cores)),
                lambda frame=frame: self.stored("joined", joined(frame)),
                "Spark SQL",
            )

    def dense(self) -> None:
        rng = np.random.default_rng(0)
        users, seen = 50_000, zipf(50_000)
        drawn = np.unique(np.stack([np.repeat(np.arange(users), 3), rng.integers(0, ITEMS, 3 * users)], axis=1), axis=0)
        pairs = self.spark.createDataFrame(pa.table({"user": pa.array(drawn[:, 0], pa.int32()), "item": pa.array(drawn[:, 1], pa.int32())}).to_pandas())
        model = ALS(rank=32, maxIter=1, implicitPrefs=True, userCol="user", itemCol="item", ratingCol="one", seed=1).fit(pairs.withColumn("one", F.lit(1.0)))
        sides = []
        for name, factors in (("c", model.userFactors), ("i", model.itemFactors)):
            named = factors.select(F.concat(F.lit(name), F.col("id").cast("string")).alias("row_id"), F.col("features").alias("factors"))
            sides.append(self.stored(f"factors_{name}", named))
        had = self.table("seen", seen).select("row_id", F.col("column_id").alias("other_id"))
        lists = had.groupBy("row_id").agg(F.collect_list("other_id").alias("seen"))
        left = self.stored("left", sides[0].join(lists, "row_id", how="left"))
        self.beside(
            "factors 50,000 x 10,000",
            lambda: self.stored("scored", top_between(left, sides[1], TOP, "seen", cores=self.cores)),
            lambda: self.stored("recommended", model.recommendForAllUsers(TOP)),
            "MLlib",
        )

    def near(self) -> None:
        for name, matrix in (("planted", planted(100_000)), ("zipf", zipf(100_000))):
            frame = self.table(name, matrix)
            found: dict[str, DataFrame] = {}

            def pruned(frame: DataFrame = frame, found: dict[str, DataFrame] = found) -> None:
                found["near"] = self.stored("near", top_near(frame, TOP, fitted_groups(frame), probes=self.arguments.probes, cores=self.cores))

            self.beside(f"pruned, {name}", pruned, lambda frame=frame: self.stored("lists", top_within(frame, TOP, cores=self.cores)), "exact")
            print(f"{'pruned, ' + name:24} {'recall@50':14} {recall(found['near'], frame, TOP, cores=self.cores):8.4f}", flush=True)

    def same(self) -> None:
        rows = 20_000
        matrix = zipf(rows)
        frame = self.table("same", matrix)
        for blocks in (1, 4, 16):
            lists = self.stored("lists", top_within(frame, TOP, blocks=blocks, cores=self.cores)).toPandas().sort_values("row_id")
            digest = hashlib.sha256()
            for row in lists.itertuples():
                digest.update(f"{row.row_id}{list(row.neighbours)}{list(row.scores)}".encode())
            print(f"{self.arguments.master} {blocks:3} blocks: {digest.hexdigest()[:16]}", flush=True)
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        unit = (sp.diags(1 / np.where(lengths > 0, lengths, 1)) @ matrix).tocsr()
        worst, others = 0.0, 0
        for row in lists.itertuples():
            exact = (unit @ unit[int(row.row_id[1:])].T).toarray().ravel()
            exact[int(row.row_id[1:])] = 0
            best = np.sort(exact)[::-1][: len(row.scores)]
            worst = max(worst, np.abs(best - row.scores).max(initial=0), np.abs(exact[[int(one[1:]) for one in row.neighbours]] - row.scores).max(initial=0))
            others += int((exact > 0).sum() >= TOP and len(row.scores) < TOP)
        print(f"largest difference from float64 products over {len(lists):,} lists: {worst:.1e}; lists too short: {others}", flush=True)


def joined(cells: DataFrame) -> DataFrame:
    """The same lists as a self-join and row_number give them."""
    length = F.sqrt(F.sum(F.col("value") * F.col("value")).over(Window.partitionBy("row_id")))
    unit = cells.select("row_id", "column_id", (F.col("value") / length).alias("value"))
    other = unit.select(F.col("row_id").alias("other_id"), "column_id", F.col("value").alias("other_value"))
    met = unit.join(other, "column_id", how="inner").where("row_id != other_id")
    scores = met.groupBy("row_id", "other_id").agg(F.round(F.sum(F.col("value") * F.col("other_value")), 12).alias("score"))
    rank = F.row_number().over(Window.partitionBy("row_id").orderBy(F.desc("score"), "other_id"))
    return scores.withColumn("rank", rank).where(F.col("rank") <= TOP)


def cpu_seconds() -> float:
    """Of this process and all below it, those that ended included."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    total, left = 0.0, [os.getpid()]
    while left:
        process = left.pop()
        total += used.get(process, 0.0)
        left += children.get(process, [])
    return total


def say(what: str, who: str, took: tuple[float, ...]) -> None:
    print(f"{what:24} {who:14} {took[0]:8.2f} s {took[1]:8.2f} s of CPU", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["exact", "join", "dense", "near", "same"], choices=["exact", "join", "dense", "near", "same"])
    parser.add_argument("--rows", nargs="+", type=int, default=[50_000, 100_000, 200_000])
    parser.add_argument("--join-rows", nargs="+", type=int, default=[5_000])
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--passes", type=int, default=2, help="after the first")
    parser.add_argument("--probes", type=int, default=4)
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        for part in arguments.parts:
            getattr(bench, part)()
        bench.spark.stop()


if __name__ == "__main__":
    main()
