"""Two lakes of the same shop compared, table by table: what is counted must be equal, what is learned alike."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.lake import Lake
from coterie.pipeline.run import RESULTS
from coterie.schemas import TABLES, Table

# Learned from floats whose sums depend on the layout: ids of models are hashes of such floats, measures and payloads full of them.
LEARNED = {
    "segments", "segment_profiles", "segment_candidates", "segment_agreement", "segment_projection", "segment_moves", "segment_flows", "recommendations",
    "recommendation_quality", "similar_customers", "segment_recommendations", "models", "model_factors",
}  # fmt: skip
_OF_ONE_LAYOUT = ("model_id", "model_ids", "payload", "measures", "factors", "place")
TOLERANCE = 1e-6
# Scratch tables are empty between jobs; those of the runs tell of the runs, which differ.
COMPARED = [name for name in TABLES if name in RESULTS]


@dataclass(frozen=True)
class Compared:
    """differing: rows that one lake has and the other has not, or with another label or item; ties: such rows whose scores are nearly equal;
    largest: the largest difference between two numbers of a row, in units of the larger one where that is above 1."""

    table: str
    rows: int
    differing: int
    ties: int = 0
    largest: float = 0.0


def compared(here: Lake, there: Lake) -> list[Compared]:
    return [_learned(here, there, TABLES[name]) if name in LEARNED else _counted(here, there, name) for name in COMPARED]


def differing(tables: list[Compared]) -> list[Compared]:
    return [one for one in tables if one.differing or one.largest > TOLERANCE]


def _counted(here: Lake, there: Lake, name: str) -> Compared:
    """Rows as JSON, which maps have too: each counts one here and minus one there."""
    sides = [lake.read(name).select(F.to_json(F.struct("*"), {"ignoreNullFields": "false"}).alias("row"), F.lit(sign).alias("n"))
             for lake, sign in ((here, 1), (there, -1))]  # fmt: skip
    left = sides[0].unionAll(sides[1]).groupBy("row").agg(F.sum("n").alias("over"), F.count_if(F.col("n") > 0).alias("rows"))
    sums = (F.col("rows"), F.greatest("over", F.lit(0)), -F.least("over", F.lit(0)))
    rows, more, less = left.agg(*(F.coalesce(F.sum(of), F.lit(0)) for of in sums)).collect()[0]
    return Compared(name, rows, max(more, less))


def _learned(here: Lake, there: Lake, spec: Table) -> Compared:
    if spec.name in ("models", "model_factors"):  # nothing but what one layout made, and their ids
        kinds = [{tuple(row) for row in lake.read("models").groupBy("kind", "as_of", "is_current").count().collect()} for lake in (here, there)]
        return Compared(spec.name, here.read(spec.name).count(), len(kinds[0] ^ kinds[1]))
    key = [name for name in spec.key if name not in _OF_ONE_LAYOUT]
    others = [column for column in spec.columns if column.name not in key and column.name not in _OF_ONE_LAYOUT]
    numbers = [column.name for column in others if column.type == "double"]
    plain = [column.name for column in others if column.type in ("string", "int", "bigint", "boolean", "date")]
    one, other = (frame.select(*key, *numbers, *plain, F.lit(True).alias("is_there")).alias(side) for side, frame in
                  (("one", here.read(spec.name)), ("other", there.read(spec.name))))  # fmt: skip
    same_key = reduce(Column.__and__, [F.col(f"one.{name}").eqNullSafe(F.col(f"other.{name}")) for name in key])
    both = one.join(other, same_key, "full_outer")
    alone = F.col("one.is_there").isNull() | F.col("other.is_there").isNull()
    unlike = reduce(Column.__or__, [~F.col(f"one.{name}").eqNullSafe(F.col(f"other.{name}")) for name in plain], F.lit(False))
    apart = _largest(numbers)
    is_tie = ~alone & unlike & (apart <= TOLERANCE) if "score" in numbers else F.lit(False)
    return Compared(spec.name, *_counts(both, alone | (unlike & ~is_tie), is_tie, F.when(~alone & ~unlike, apart)))


def _largest(numbers: list[str]) -> Column:
    gaps = [
        F.abs(F.col(f"one.{name}") - F.col(f"other.{name}")) / F.greatest(F.lit(1.0), F.abs(F.col(f"one.{name}")), F.abs(F.col(f"other.{name}")))
        for name in numbers
    ]
    return F.greatest(F.lit(0.0), F.lit(0.0), *(F.coalesce(gap, F.lit(0.0)) for gap in gaps))


def _counts(both: DataFrame, differing: Column, is_tie: Column, apart: Column) -> tuple[int, int, int, float]:
    row = both.agg(F.count(F.lit(1)), F.count_if(differing), F.count_if(is_tie), F.coalesce(F.max(apart), F.lit(0.0))).collect()[0]
    return row[0], row[1], row[2], row[3]
