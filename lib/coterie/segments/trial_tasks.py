"""The trials of several feature sets at the same time: a task each, on Spark's workers."""

import pickle
from collections.abc import Iterator, Mapping

from pyspark.sql import DataFrame

from coterie.pairs.tasks import computed
from coterie.segments.candidates import Candidate
from coterie.segments.choice import tried_in_turn
from coterie.segments.plan import Plan, Sample


def sample_rows(sets: Mapping[str, Sample], plan: Plan) -> list[tuple[int, bytes]]:
    """Rows of `pairs.tasks.PAYLOADS_DDL`: what each task is sent, a few megabytes."""
    return [(task, pickle.dumps((name, sample.first(plan.trial)))) for task, (name, sample) in enumerate(sets.items())]


def tried_in_tasks(samples: DataFrame, count: int, plan: Plan) -> dict[str, list[Candidate]]:
    """What `choice.tried_in_turn` gives, of the `count` rows of `sample_rows`."""

    def tried(task: int, objects: list[tuple[str, Sample]]) -> Iterator[tuple[int, dict[str, list[Candidate]]]]:
        yield task, tried_in_turn(dict(objects), plan)

    found: dict[str, list[Candidate]] = {}
    for row in computed(samples, count, tried).collect():  # a feature set each
        found |= pickle.loads(row["payload"])
    return found
