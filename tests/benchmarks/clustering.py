# ruff: noqa: T201 - a benchmark prints its table
"""The automatic choice of `coterie cluster` on labelled sets, with its defaults; and each method beside scikit-learn's at the true k.

usage: python tests/benchmarks/clustering.py FOLDER [--peers]

FOLDER holds Parquet files whose last column is the true class. With --peers the methods of MLlib are fitted on Spark with the true number of
classes, and compared with scikit-learn's on the same standardised rows; where a fit divides them otherwise than its trial did, the trial's stands,
as in the job.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn.cluster
import sklearn.mixture
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from coterie.pipeline.clustering import cluster_table
from coterie.segments.effort import Effort
from coterie.segments.methods import METHODS, laid_out
from coterie.segments.winner import AGREEING
from coterie.session import get_session
from coterie.settings import load_settings

PEERS = {
    "kmeans": lambda k: sklearn.cluster.KMeans(k, n_init=10, random_state=0),
    "bisecting_kmeans": lambda k: sklearn.cluster.BisectingKMeans(k, n_init=10, random_state=0),
    "gaussian_mixture": lambda k: sklearn.mixture.GaussianMixture(k, random_state=0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    settings = load_settings()
    spark = get_session(settings.spark)
    found = []
    with tempfile.TemporaryDirectory() as place:
        for file in sorted(arguments.folder.glob("*.parquet")):
            label = pd.read_parquet(file).columns[-1]
            if arguments.peers:
                found.append(beside_peers(spark, file, label))
                continue
            started = time.perf_counter()
            result = cluster_table(spark, settings, str(file), label=label, out=f"{place}/labels.csv")
            best = max(result.adjusted_rand.values())
            found.append([result.adjusted_rand[result.winner.name], best])
            words = f"{result.winner.short:<36}{time.perf_counter() - started:6.1f} s"
            print(f"{file.stem:<14}{found[-1][0]:.3f}  best of all {best:.3f}  {words}", flush=True)
    print(f"{'mean':<14}{'  '.join(f'{value:.3f}' for value in np.mean(found, axis=0))}")
    spark.stop()


def beside_peers(spark: SparkSession, file: Path, label: str) -> list[float]:
    """The adjusted Rand index of each method and of its peer, in pairs."""
    rows = pd.read_parquet(file)
    truth, matrix = rows[label].astype(str), StandardScaler().fit_transform(rows.drop(columns=label))
    k = truth.nunique()
    values = pd.DataFrame({"customer_id": [f"{place:06}" for place in range(len(matrix))], "features": matrix.tolist()})
    frame = spark.createDataFrame(values, "customer_id string, features array<double>").withColumn("features", array_to_vector(F.col("features")))
    found = []
    for method, peer in PEERS.items():
        tries = METHODS[method].tries
        assert tries is not None
        trial = next(tries(matrix, [k], Effort()))
        labels = METHODS[method].fit(laid_out(frame, 1), trial.model, trial.parameters, Effort()).place(matrix).cluster
        tried = trial.model.place(matrix).cluster
        # What was tried, and not another division, is what a user gets.
        labels = labels if adjusted_rand_score(tried, labels) >= AGREEING else tried
        found += [adjusted_rand_score(truth, labels), adjusted_rand_score(truth, peer(k).fit_predict(matrix))]
    print(f"{file.stem:<14}" + "  ".join(f"{method} {found[2 * at]:.3f} / {found[2 * at + 1]:.3f}" for at, method in enumerate(PEERS)), flush=True)
    return found


if __name__ == "__main__":
    main()
