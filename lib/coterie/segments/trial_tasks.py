"""The trials of several feature sets at the same time: a task each, on Spark's workers."""

import pickle
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame

from coterie.segments.candidates import Candidate
from coterie.segments.choice import tried_in_turn
from coterie.segments.plan import Plan, Sample

SAMPLES = "place int, payload binary"
_TRIED = pa.schema([("payload", pa.binary())])


def sample_rows(sets: Mapping[str, Sample], plan: Plan) -> list[tuple[int, bytes]]:
    """Rows of SAMPLES: what a task is sent, a few megabytes."""
    return [(place, pickle.dumps((name, sample.first(plan.trial)))) for place, (name, sample) in enumerate(sets.items())]


def tried_in_tasks(samples: DataFrame, count: int, plan: Plan) -> dict[str, list[Candidate]]:
    """What `choice.tried_in_turn` gives, of `count` rows of SAMPLES."""

    def tried(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for payload in batch.column("payload"):
                done = tried_in_turn(dict([pickle.loads(payload.as_buffer())]), plan)
                yield pa.RecordBatch.from_pylist([{"payload": pickle.dumps(done)}], schema=_TRIED)

    found: dict[str, list[Candidate]] = {}
    for row in samples.repartitionById(count, "place").mapInArrow(tried, "payload binary").collect():  # a feature set each
        found |= pickle.loads(row["payload"])
    return found
