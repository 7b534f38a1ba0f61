"""The command `cluster`: a clustering chosen by evidence for any table of numbers, with the defaults of section [cluster]."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from sklearn.metrics import adjusted_rand_score

from coterie.errors import UserError, one_of
from coterie.features.vector import Vectoriser, drawn_raw
from coterie.places import is_address
from coterie.segments.candidates import Candidate
from coterie.segments.choice import chosen
from coterie.segments.measures import adjusted_rand
from coterie.segments.methods import assign, laid_out
from coterie.segments.plan import Sample, plan_of
from coterie.segments.rule_tree import SegmentRule, grown
from coterie.segments.winner import HELD, PARTITION_ROWS, held, on_everyone
from coterie.session import with_options
from coterie.settings import Settings
from coterie.sources.table import read_table, reading

_ROW = "customer_id"  # what the methods call the id of a row
_LABEL = "label"
_MANY_COMPONENTS = 0.95  # of the variance, where there are too many columns
_ONE_FILE = 1_000_000  # rows of labels that are written as one file
_MOST_LABELS = 1_000
_RESULTS = ("cluster", "confidence")
_NESTED = (T.ArrayType, T.MapType, T.StructType, T.VariantType)
_SPLITS = {"spark.sql.files.minPartitionNum": "1"}  # by default files are split by the number of cores, and the ids of the rows follow the splits


@dataclass(frozen=True)
class Clustering:
    """What was found. `adjusted_rand`: of each candidate by name, on the trial's rows, and of the chosen one on all; empty without a label.

    `sizes`: rows of each cluster, -1 for noise; `rules`: in words, by cluster; `notes`: what was done to the data.
    """

    candidates: Sequence[Candidate]
    winner: Candidate
    adjusted_rand: Mapping[str, float]
    sizes: Mapping[int, int]
    rules: Mapping[int, SegmentRule]
    notes: Sequence[str]
    written: str


def cluster_table(
    spark: SparkSession,
    settings: Settings,
    file: str,
    columns: Sequence[str] = (),
    label: str | None = None,
    out: str | None = None,
    progress: Callable[[str], None] = lambda words: None,
) -> Clustering:
    """Chooses a clustering of a file's rows (CSV with a header, Parquet, Delta), and writes the rows with `cluster` and `confidence`.

    columns: those to cluster on, all numbers but the label by default. label: the true class, for the adjusted Rand index alone; rows without
    one do not count there. out: a .csv or .parquet file, else a Delta table; FILE's name with '-clusters.csv' in the working folder by default.
    Missing and infinite values count as the column's median. Raises UserError where the file, a column or its type cannot be used, where it has
    a column `cluster` or `confidence` already, where it does not fit `out`, and for a label of more than 1,000 different values.
    """
    with with_options(spark, _SPLITS):
        return _clustered(spark, settings, file, columns, label, out, progress)


def _clustered(
    spark: SparkSession, settings: Settings, file: str, columns: Sequence[str], label: str | None, out: str | None, progress: Callable[[str], None]
) -> Clustering:
    written = out or f"{Path(file.rstrip('/')).stem}-clusters.csv"
    if (_is_file(written) or not is_address(written)) and not Path(written).absolute().parent.is_dir():
        raise UserError(f"there is no folder for '{written}'; make it first")
    progress("reading the table")
    raw = read_table(spark, file, infers=True, otherwise="delta")
    used = _columns(raw, columns, label)
    _refuse_unwritable(raw, written)
    # The file's columns by their places: none of its names, whatever it is, meets the row's id.
    at = {name: f"f{place}" for place, name in enumerate(raw.columns)}
    rows = raw.toDF(*at.values()).withColumn(_ROW, F.lpad(F.monotonically_increasing_id().cast("string"), 19, "0"))
    numbers = [F.col(at[name]).cast("double").alias(f"c{place}") for place, name in enumerate(used)]
    words = F.lit(None).cast("string") if label is None else F.col(at[label]).cast("string")
    frame = rows.select(_ROW, *numbers, words.alias(_LABEL))
    with reading(file):
        total, labels = frame.agg(F.count(F.lit(1)), F.count_distinct(_LABEL)).collect()[0]  # one row
    if total > _ONE_FILE and _is_file(written):
        raise UserError(f"{total:,} rows are too many for one file; give --out a folder, for a Delta table")
    if not total:
        raise UserError(f"'{file}' has no row; expected at least one")
    if labels > _MOST_LABELS:
        raise UserError(f"column '{label}' has {labels:,} different values; a label has at most {_MOST_LABELS:,}: give --label a column of classes")
    segments, rules = settings.segments, settings.cluster
    names = [f"c{place}" for place in range(len(used))]
    found = drawn_raw(frame, [*names, _LABEL], max(segments.trial_sample, settings.vector.sample_rows), segments.seed, _ROW)
    vectoriser = Vectoriser(
        names,
        transform="standard",
        clip_quantiles=(0.0, 1.0),
        pca_variance=_MANY_COMPONENTS if len(used) > rules.max_columns else 0.0,
        id_column=_ROW,
        **(settings.vector.model_dump() | {"max_correlation": rules.max_correlation}),
    ).learn(found)
    tried = {name: values[: segments.trial_sample] for name, values in found.items()}
    truth, count = tried.pop(_LABEL), len(tried[names[0]])
    sample = Sample(vectoriser.encoding.apply(tried, count), columns={name: tried[f"c{place}"] for place, name in enumerate(used)})
    plan = plan_of(segments, rules)
    # In a very small table half of an even share is enough.
    plan = replace(plan, conditions=replace(plan.conditions, min_share=max(rules.min_share, min(rules.min_rows / total, 0.5 / rules.k[0]))))
    candidates = chosen({Path(file).stem: sample}, plan, progress)
    winner = next(one for one in candidates if one.is_chosen)
    progress(f"fitting {winner.short} to {total:,} rows")
    vectors = vectoriser.transform(frame.select(_ROW, *vectoriser.columns)).select(_ROW, "features")
    winner = on_everyone(winner, lambda: laid_out(held(vectors) if total <= HELD else vectors, -(-total // PARTITION_ROWS)), total, sample, plan)
    candidates = [winner if one.is_chosen else one for one in candidates]
    assert winner.model is not None  # only fitted candidates are chosen
    noise = winner.model.noise
    is_noise = F.col("cluster") == F.lit(-1 if noise is None else noise)
    placed = assign(winner.model, vectors).select(_ROW, F.when(is_noise, -1).otherwise(F.col("cluster")).alias("cluster"), "confidence")
    progress("writing the labels")
    _write(rows.join(placed, on=_ROW, how="left").orderBy(_ROW).drop(_ROW).toDF(*raw.columns, *_RESULTS), written)
    counted = placed.join(frame.select(_ROW, _LABEL), on=_ROW, how="inner").groupBy("cluster", _LABEL).count().collect()  # clusters x labels rows
    sizes = {cluster: sum(row["count"] for row in counted if row["cluster"] == cluster) for cluster in sorted({row["cluster"] for row in counted})}
    tree = grown(sample.columns, winner.labels, phrases={})
    agreement = {} if label is None else _agreement(candidates, truth)
    if label is not None:
        codes = {word: place for place, word in enumerate(sorted({row[_LABEL] for row in counted if row[_LABEL] is not None}))}
        over_all = adjusted_rand((row["cluster"], codes[row[_LABEL]], row["count"]) for row in counted if row[_LABEL] is not None)
        agreement[winner.name] = 0.0 if over_all is None else over_all
    notes = _notes(frame, used, vectoriser.dropped, total, count)
    return Clustering(candidates, winner, agreement, sizes, {} if tree is None else tree.rules, notes, written)


def _columns(frame: DataFrame, columns: Sequence[str], label: str | None) -> list[str]:
    """The columns to cluster on. Raises UserError for one that is not there or is no number."""
    kinds = {field.name: field.dataType for field in frame.schema.fields}
    numbers = [name for name, kind in kinds.items() if isinstance(kind, T.NumericType | T.BooleanType) and name != label]
    for name in [*columns, *([] if label is None else [label])]:
        if name not in kinds:
            raise UserError(f"the table has no column '{name}'; {one_of(name, kinds)}")
    for name in columns:
        if name == label:
            raise UserError(f"column '{name}' is the label, which is not clustered on; leave it out of --columns")
        if name not in numbers:
            raise UserError(f"column '{name}' is of type {kinds[name].simpleString()}; expected numbers, one of: {', '.join(numbers) or 'none'}")
    if not (columns or numbers):
        raise UserError(f"the table has no column of numbers; it has {', '.join(kinds) or 'none'}")
    return list(dict.fromkeys(columns)) or numbers


def _is_file(out: str) -> bool:
    """Whether it is written by this process, as one file on its own disk."""
    return out.lower().endswith((".csv", ".parquet"))


def _refuse_unwritable(frame: DataFrame, out: str) -> None:
    """Raises UserError for columns that the result could not be written with: of its own names, or of types that a CSV file cannot hold."""
    taken = [name for name in frame.columns if name.lower() in _RESULTS]
    if taken:
        raise UserError(f"the table has a column '{taken[0]}' already, which the result is written to: give the table without it, or rename it")
    nested = [field for field in frame.schema.fields if isinstance(field.dataType, _NESTED)]
    if nested and out.lower().endswith(".csv"):
        named = ", ".join(f"'{field.name}' ({field.dataType.simpleString()})" for field in nested)
        raise UserError(f"a CSV file cannot hold {named}; give --out a .parquet file, or a folder, for a Delta table")


def _write(rows: DataFrame, out: str) -> None:
    if not _is_file(out):
        rows.write.format("delta").mode("overwrite").option("overwriteSchema", True).save(out)
        return
    table = rows.toArrow()  # at most _ONE_FILE rows
    if out.lower().endswith(".csv"):
        pa_csv.write_csv(table, out)
    else:
        pq.write_table(table, out)


def _agreement(candidates: Sequence[Candidate], truth: Any) -> dict[str, float]:
    known = np.array([word is not None for word in truth])
    return {one.name: float(adjusted_rand_score(truth[known].astype(str), one.labels[known])) for one in candidates if len(one.labels) and known.any()}


def _notes(frame: DataFrame, used: Sequence[str], dropped: Mapping[str, str], total: int, tried: int) -> list[str]:
    gaps = [F.count_if(F.col(f"c{place}").isNull() | F.isnan(f"c{place}") | (F.abs(f"c{place}") == float("inf"))) for place in range(len(used))]
    counts = frame.agg(*(gap.alias(f"c{place}") for place, gap in enumerate(gaps))).collect()[0]  # one row
    notes = [f"column '{name}': {counts[place]:,} missing or infinite values count as its median" for place, name in enumerate(used) if counts[place]]
    numbers = {f"c{place}": name for place, name in enumerate(used)}
    for place, reason in dropped.items():
        words = reason
        for code in sorted(numbers, key=len, reverse=True):
            words = words.replace(f"'{code}'", f"'{numbers[code]}'")
        notes.append(f"column '{numbers[place]}' is left out: {words}")
    if tried < total:
        notes.append(f"candidates were tried and measured on {tried:,} of {total:,} rows, drawn by hash; the chosen one holds for all")
    return notes
