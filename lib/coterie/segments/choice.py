"""Trying segmentations and choosing one by evidence: fit every candidate, measure all, judge."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.segments.candidates import Candidate, judged
from coterie.segments.centres import CentresModel, Floats
from coterie.segments.draw import drawn
from coterie.segments.measures import sample_measures, share_measures
from coterie.segments.methods import METHODS, ClusterModel, cluster_totals, laid_out

HELD = 50_000  # customers whose vectors the driver may hold: some megabytes


@dataclass(frozen=True)
class Plan:
    """What is tried: methods by name, k from `k[0]` to `k[1]`. `sample`: customers that measures are taken on, at most.

    `partitions`: of the data that is fitted. `feature_set`: the name of what is clustered, for the candidates' table.
    """

    feature_set: str
    k: tuple[int, int]
    min_share: float
    sample: int
    partitions: int
    seed: int = 1
    max_iterations: int = 50
    starts: int = 1
    methods: tuple[str, ...] = ("kmeans",)


@dataclass(frozen=True)
class Sample:
    """Customers drawn by hash of the id: their ids, their vectors (n, d), and the segment that the rules put each in."""

    customers: list[str]
    matrix: Floats
    rules: NDArray[np.int32]

    def first(self, count: int) -> "Sample":
        return Sample(self.customers[:count], self.matrix[:count], self.rules[:count])


def chosen(vectors: DataFrame, plan: Plan) -> tuple[ClusterModel, list[Candidate]]:
    """(customer_id, features, rule_segment) of at least one customer -> the winner's model and every candidate with its verdict.

    The rules' segments are measured in the same space as a baseline. More segments than different customers are not tried; where no feature
    tells customers apart, there is one segment.
    """
    training = laid_out(vectors, plan.partitions)
    held = _held(training, max(plan.sample, HELD))
    if len(held.customers) <= HELD:  # that is everyone: every fit reads the vectors several times, and from here it is quick
        training = laid_out(_frame(vectors.sparkSession, held), plan.partitions)
    sample = held.first(plan.sample)
    most = min(len(np.unique(sample.matrix, axis=0)), len(sample.matrix) - 1)
    tried = list(range(min(plan.k[0], most), min(plan.k[1], most) + 1)) if most >= 2 else []
    candidates = [_fitted(training, plan, method, k) for method in plan.methods for k in tried] or [_one_segment(sample, plan)]
    candidates = _measured(training, sample, candidates)
    untried = [_untried(plan, method, k, most) for method in plan.methods for k in range(max(plan.k[0], most + 1), plan.k[1] + 1)]
    verdicts = judged([*candidates, *untried, _baseline(sample, plan)], plan.min_share)
    winner = next(candidate for candidate in verdicts if candidate.is_chosen)
    assert winner.model is not None  # only fitted candidates are chosen
    return winner.model, verdicts


def _held(training: DataFrame, most: int) -> Sample:
    """At most `most` customers, and one more that tells whether there are others."""
    rows, matrix = drawn(training.select("customer_id", "features", "rule_segment"), most + 1)
    return Sample(rows["customer_id"].tolist(), matrix, rows["rule_segment"].to_numpy(dtype=np.int32))


def _frame(spark: SparkSession, sample: Sample) -> DataFrame:
    rows = pd.DataFrame({"customer_id": sample.customers, "features": sample.matrix.tolist()})
    return spark.createDataFrame(rows, "customer_id string, features array<double>").withColumn("features", array_to_vector(F.col("features")))


def _fitted(training: DataFrame, plan: Plan, method: str, k: int) -> Candidate:
    model = METHODS[method].make(k, plan.seed, plan.max_iterations, plan.starts).fit(training.select("customer_id", "features"))
    parameters = {"k": k, "seed": plan.seed, "max_iterations": plan.max_iterations, "starts": plan.starts}
    return Candidate(plan.feature_set, method, parameters, {}, model)


def _one_segment(sample: Sample, plan: Plan) -> Candidate:
    centre = tuple(round(float(value), 9) for value in sample.matrix.mean(axis=0))
    return Candidate(plan.feature_set, plan.methods[0], {"k": 1}, {}, CentresModel((centre,)))


def _untried(plan: Plan, method: str, k: int, most: int) -> Candidate:
    different = "the customers are too few or too alike" if most < 2 else f"the customers allow {most} segments at most"
    return Candidate(plan.feature_set, method, {"k": k}, {}, verdict=f"not tried: {different}")


def _measured(training: DataFrame, sample: Sample, candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates with their measures: shares and sums of squares over everyone, in one pass; the others on the sample.

    Clusters that nobody is nearest to are taken out of the models.
    """
    models = {candidate.name: candidate.model for candidate in candidates if candidate.model is not None}
    totals: dict[str, dict[int, list[tuple[int, float]]]] = {name: {} for name in models}
    for row in cluster_totals(models, training).collect():  # at most partitions x clusters rows a model
        totals[row["model"]].setdefault(row["cluster"], []).append((row["customers"], row["squares"]))
    measured = []
    for candidate in candidates:
        found, model = totals[candidate.name], models[candidate.name].keeping(sorted(totals[candidate.name]))
        sizes = [sum(count for count, _ in parts) for parts in found.values()]
        # fsum is exact: the sum does not follow the order in which partitions come.
        squares = math.fsum(square for parts in found.values() for _, square in parts)
        everyone = {"segments": len(sizes), "customers": sum(sizes), "within_cluster_sum_of_squares": squares, **share_measures(sizes)}
        on_sample = {"sample_customers": len(sample.matrix), **sample_measures(sample.matrix, model.place(sample.matrix).cluster)}
        measures = {name: float(value) for name, value in (everyone | on_sample).items()}
        measured.append(replace(candidate, model=model, measures=measures))
    return measured


def _baseline(sample: Sample, plan: Plan) -> Candidate:
    """The rules' division of the sample, measured where the others are: what a shop would have without learning."""
    sizes = np.unique(sample.rules, return_counts=True)[1]
    found = {"segments": len(sizes), "sample_customers": len(sample.rules), **share_measures(sizes.tolist()), **sample_measures(sample.matrix, sample.rules)}
    measures = {name: float(value) for name, value in found.items()}
    verdict = "the baseline: rules on recency, frequency and monetary, kept as a segmentation of its own"
    return Candidate(plan.feature_set, "rfm_rules", {}, measures, is_baseline=True, verdict=verdict)
