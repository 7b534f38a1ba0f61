"""The candidate that was chosen, fitted to everyone."""

import math
from dataclasses import replace

import pandas as pd
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score

from coterie.segments.candidates import Candidate, percent
from coterie.segments.density import relief
from coterie.segments.draw import drawn
from coterie.segments.effort import ClusterModel
from coterie.segments.measures import share_measures
from coterie.segments.methods import METHODS, cluster_totals
from coterie.segments.plan import Plan, Sample
from coterie.segments.trials import NEIGHBOURS, measured

PARTITION_ROWS = 10_000  # rows that one partition of the training data holds well: an iteration is a task for each
HELD = 50_000  # rows whose vectors the driver may hold: some megabytes
_AGREEING = 0.9  # adjusted Rand index of a fit to everyone with the trial, at least


def on_everyone(winner: Candidate, training: DataFrame, sample: Sample, plan: Plan) -> Candidate:
    """The winner fitted to all rows of `training`, with shares and sums of squares over them and its measures on the whole trial sample.

    Where that fit divides the sample otherwise than the trial did (an adjusted Rand index below 0.9), or breaks the rule on the smallest
    share, the trial's model is applied to everyone instead, and the verdict says so.
    """
    assert winner.model is not None
    trial, fit, how = winner.model, METHODS[winner.method].fit, "fitted to all"
    model = fit(training.select("customer_id", "features"), trial, winner.parameters, plan.effort) if winner.segments > 1 else trial
    found = _settled(winner, model, training, sample, plan)
    agreement = float(adjusted_rand_score(winner.labels, found.labels))
    is_small = found.smallest < plan.conditions.min_share <= winner.smallest
    if agreement < _AGREEING or is_small:
        found, how = _settled(winner, trial, training, sample, plan), "learned on the sample and applied to all, since the fit to all was less like it"
    shown = f", silhouette {found.measures['silhouette']:.3f}" if "silhouette" in found.measures else ""
    verdict = f"{winner.verdict}; {how} {found.measures['customers']:,.0f}{shown}, the smallest {percent(found.smallest)}"
    return replace(found.with_measures(trial_agreement=agreement), verdict=verdict)


def _settled(winner: Candidate, model: ClusterModel, training: DataFrame, sample: Sample, plan: Plan) -> Candidate:
    totals: dict[int, list[tuple[int, float]]] = {}
    for row in cluster_totals(model, training).collect():  # at most partitions x clusters rows
        totals.setdefault(row["cluster"], []).append((row["customers"], row["squares"]))
    kept = [cluster for cluster in range(model.clusters) if cluster in totals or cluster == model.noise]
    of = relief(sample.matrix, NEIGHBOURS) if len(kept) > 1 else None
    found = measured(replace(winner, model=model.keeping(kept)), sample, of, replace(plan, silhouette=len(sample.matrix)))
    sizes = [sum(count for count, _ in parts) for cluster, parts in totals.items() if cluster != model.noise]
    # fsum is exact: the sum does not follow the order in which partitions come.
    squares = math.fsum(square for cluster, parts in totals.items() if cluster != model.noise for _, square in parts)
    everyone = float(sum(count for parts in totals.values() for count, _ in parts))
    over_all = {"customers": everyone, "within_cluster_sum_of_squares": squares, "noise_share": 1 - sum(sizes) / everyone}
    kept_measures = {name: value for name, value in winner.measures.items() if name.startswith(("stability", "worth", "rule_fidelity"))}
    return replace(found, measures=kept_measures | found.measures | over_all | share_measures(sizes))


def held(vectors: DataFrame) -> DataFrame:
    """The vectors by way of the driver, where they are few: every fit reads them several times, and so they are computed once."""
    rows, matrix = drawn(vectors.select("customer_id", "features"), HELD)
    values = pd.DataFrame({"customer_id": rows["customer_id"], "features": matrix.tolist()})
    frame = vectors.sparkSession.createDataFrame(values, "customer_id string, features array<double>")
    return frame.withColumn("features", array_to_vector(F.col("features")))
