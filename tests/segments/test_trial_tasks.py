"""Trials in Spark's tasks are those of the driver, to the last label."""

import numpy as np
from pyspark.sql import SparkSession

from coterie.pairs.tasks import PAYLOADS_DDL
from coterie.segments.candidates import Candidate, Conditions
from coterie.segments.choice import chosen, tried_in_turn
from coterie.segments.methods import METHODS
from coterie.segments.plan import Plan, Sample
from coterie.segments.trial_tasks import sample_rows, tried_in_tasks

CONDITIONS = Conditions(k=(2, 4), min_share=0.1, max_noise=0.1, min_stability=0.5, min_silhouette=0.25, rank_by="silhouette")
PLAN = Plan(tuple(METHODS), CONDITIONS, trial=36)
HEAPS = np.array([[10.0 * heap + 0.1 * step, float(step % 3), 0.01 * step] for heap in range(3) for step in range(14)])
SETS = {"z last by name": Sample(HEAPS, {"monetary": HEAPS[:, 0]}), "a first": Sample(HEAPS[:, :2] ** 2), "one column": Sample(HEAPS[:, :1])}


def told(candidates: list[Candidate]) -> list[tuple[object, ...]]:
    return [(one.name, one.verdict, one.is_chosen, one.measures, one.labels.tolist()) for one in candidates]


def test_trials_in_tasks_are_those_in_turn(spark: SparkSession) -> None:
    frame = spark.createDataFrame(sample_rows(SETS, PLAN), PAYLOADS_DDL)
    found, expected = tried_in_tasks(frame, len(SETS), PLAN), tried_in_turn(SETS, PLAN)
    assert {name: told(group) for name, group in found.items()} == {name: told(group) for name, group in expected.items()}
    assert {len(one.labels) for group in found.values() for one in group if one.model} == {36}


def test_the_sets_stay_in_the_order_in_which_they_were_named() -> None:
    backwards = chosen(SETS, PLAN, trying=lambda sets, plan: dict(reversed(tried_in_turn(sets, plan).items())))
    assert list(dict.fromkeys(one.feature_set for one in backwards)) == list(SETS)
    assert told(backwards) == told(chosen(SETS, PLAN))
