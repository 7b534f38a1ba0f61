"""The candidate that was chosen, fitted to everyone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score

from coterie.segments.candidates import Candidate, percent
from coterie.segments.centres import Floats
from coterie.segments.density import relief
from coterie.segments.draw import drawn
from coterie.segments.effort import ClusterModel
from coterie.segments.measures import share_measures
from coterie.segments.methods import METHODS, cluster_totals, sums_of
from coterie.segments.plan import Plan, Sample
from coterie.segments.trials import NEIGHBOURS, Ground, measured

PARTITION_ROWS = 10_000  # rows that one partition of the training data holds well: an iteration is a task for each
HELD = 50_000  # rows whose vectors the driver may hold: some megabytes
_FITTED, _APPLIED = "fitted to all", "learned on the sample and applied to all"
AGREEING = 0.9  # adjusted Rand index of a fit to everyone with the trial, at least


def on_everyone(winner: Candidate, everyone: Callable[[], DataFrame], total: int, sample: Sample, plan: Plan) -> Candidate:
    """The winner fitted to all `total` rows, with shares and sums of squares over them and its measures on the whole of `sample`.

    `everyone` gives their vectors (id, `features`); it is asked only where the trial has not seen them all. Where the fit divides the sample
    otherwise than the trial did (an adjusted Rand index below 0.9), or breaks the rule on the smallest share, the trial's model is applied to
    everyone instead, as it is where the method's fit gives it back. The verdict says so.
    """
    assert winner.model is not None
    trial, how, agreement = winner.model, _FITTED, 1.0
    if total <= len(winner.labels):
        found = _settled(winner, trial, _of_sample(trial, sample.matrix), sample, plan)
    else:
        training = everyone()
        model = METHODS[winner.method].fit(training.select("customer_id", "features"), trial, winner.parameters, plan.effort) if winner.segments > 1 else trial
        how = _APPLIED if model is trial else _FITTED
        found = _settled(winner, model, _of_all(model, training), sample, plan)
        agreement = float(adjusted_rand_score(winner.labels, found.labels))
        is_small = found.smallest < plan.conditions.min_share <= winner.smallest
        if agreement < AGREEING or is_small:
            found = _settled(winner, trial, _of_all(trial, training), sample, plan)
            how = f"{_APPLIED}, since the fit to all was less like it"
    shown = f", silhouette {found.measures['silhouette']:.3f}" if "silhouette" in found.measures else ""
    verdict = f"{winner.verdict}; {how} {found.measures['customers']:,.0f}{shown}, the smallest {percent(found.smallest)}"
    return replace(found.with_measures(trial_agreement=agreement), verdict=verdict)


Totals = Mapping[int, Sequence[tuple[int, float]]]  # of each cluster with rows, by part of them: how many, and squared distances added up


def _of_sample(model: ClusterModel, matrix: Floats) -> Totals:
    sizes, squares = sums_of(model, matrix)
    return {cluster: [(int(sizes[cluster]), float(squares[cluster]))] for cluster in np.flatnonzero(sizes).tolist()}


def _of_all(model: ClusterModel, training: DataFrame) -> Totals:
    totals: dict[int, list[tuple[int, float]]] = {}
    for row in cluster_totals(model, training).collect():  # at most partitions x clusters rows
        totals.setdefault(row["cluster"], []).append((row["customers"], row["squares"]))
    return totals


def _settled(winner: Candidate, model: ClusterModel, totals: Totals, sample: Sample, plan: Plan) -> Candidate:
    kept = [cluster for cluster in range(model.clusters) if cluster in totals or cluster == model.noise]
    model, whole = model.keeping(kept), replace(plan, silhouette=len(sample.matrix))
    ground = Ground(relief(sample.matrix, NEIGHBOURS)) if len(kept) > 1 else None
    found = measured(replace(winner, model=model), model.place(sample.matrix), sample, whole, ground)
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
