"""Rows about the same event, in one batch and against the lake: which one is the event, which repeat it, which contradict it."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from coterie.events.convert import reason
from coterie.events.stage import content_hash
from coterie.schemas import EVENTS, REJECTED_EVENTS, STAGED_EVENTS


def repeated_matches(rows: DataFrame) -> DataFrame:
    """`match_hash` of every match_id that more than one row has. A hash of 64 bits only, so that few bytes travel: resolve compares
    the ids themselves, and finds rows that share a hash by chance to be strangers."""
    counted = rows.select(F.xxhash64("match_id").alias("match_hash")).groupBy("match_hash").count()
    return counted.where(F.col("count") > 1).select("match_hash")


def candidates(rows: DataFrame, match_hashes: DataFrame) -> DataFrame:
    """The rows with one of the hashes."""
    hashed = rows.withColumn("match_hash", F.xxhash64("match_id"))
    return hashed.join(match_hashes, on="match_hash", how="left_semi").drop("match_hash")


def numbered(rows: DataFrame, has_ids: bool, repeats: bool) -> DataFrame:
    """`rows` (all of a match_id, or none) with `occurrence` among equal rows of the file and the event_id that follows from it.

    Without an id of the source, the second row of a file with the same key is another event, unless `repeats` says that equal rows
    are one. Equal rows cannot be told apart, so which of them is the second does not matter.
    """
    equal = Window.partitionBy("match_id", "source_file", "row_hash").orderBy("row_id")
    in_file = Window.partitionBy("match_id", "source_file").orderBy("row_hash", *([] if repeats else ["row_id"]))
    turn = F.lit(1) if has_ids else F.dense_rank().over(in_file)
    with_turn = rows.withColumns({"occurrence": F.row_number().over(equal), "turn": turn})
    later = F.sha2(F.concat(F.col("event_id"), F.lit(" "), F.col("turn").cast("string")), 256)
    event_id = F.when(F.col("turn") > 1, later).otherwise(F.col("event_id"))
    return with_turn.withColumn("event_id", event_id).select(*rows.columns)


def existing_events(events: DataFrame, event_ids: DataFrame, batch_files: Sequence[str]) -> DataFrame:
    """`event_id, known_content, other_files` of the events with one of `event_ids` (a column event_id).

    `other_files` are the files that hold it besides those of this batch: where there are none, the event is this batch's own, from a
    run that died or from the former content of a file that was replaced, and does not stand in the way of its rows.
    """
    held = events.join(event_ids, on="event_id", how="left_semi")
    others = F.array_except("source_files", F.array(*(F.lit(name) for name in batch_files)).cast("array<string>"))
    return held.select("event_id", content_hash().alias("known_content"), others.alias("other_files"))


def verdicts(rows: DataFrame, existing: DataFrame, repeats: bool) -> DataFrame:
    """What becomes of numbered rows that share an event with another row or with the lake: a STAGED_EVENTS verdict for each.

    An event that other files hold stays as it is. Else the first row by (occurred_at, source_file, row_hash) is the event. Rows that say
    the same are duplicates, and their file is named in `source_files`; rows that say something else are rejected as conflicting_id.
    Rows with reasons of their own are rejected whatever the others are, but for the second of equal rows where these are `repeats`.
    """
    is_bad = F.size("reasons") > 0
    known = rows.join(existing, on="event_id", how="left")
    group = Window.partitionBy(F.coalesce("event_id", "row_hash"))
    in_order = group.orderBy("occurred_at", "source_file", "row_hash", "row_id")
    is_firm = F.size(F.coalesce("other_files", F.array().cast("array<string>"))) > 0
    first = F.first("content").over(in_order)
    compared = known.withColumns({"is_bad": is_bad, "is_firm": is_firm})
    compared = compared.withColumn("is_same", F.col("content") == F.when(F.col("is_firm"), F.col("known_content")).otherwise(first))
    of_same = Window.partitionBy(F.coalesce("event_id", "row_hash"), "is_same").orderBy("occurred_at", "source_file", "row_hash", "row_id")
    holders = F.collect_set(F.when(F.col("is_same"), F.col("source_file"))).over(group)
    files = F.array_sort(F.array_union(F.coalesce("other_files", F.array().cast("array<string>")), holders))
    judged = compared.withColumns({"place": F.row_number().over(of_same), "files": files})
    is_repeat = F.lit(repeats) & (F.col("occurrence") > 1)
    outcome = (
        F.when(is_repeat, "duplicate")
        .when(F.col("is_bad") | ~F.col("is_same"), "rejected")
        .when(F.col("is_firm") | (F.col("place") > 1), "duplicate")
        .otherwise("accepted")
    )
    return _as_verdicts(judged, outcome)


def _as_verdicts(judged: DataFrame, outcome: Column) -> DataFrame:
    shown_id = F.coalesce("source_event_id", "event_id")
    conflicts = F.array_compact(F.array(reason(~F.col("is_bad") & ~F.col("is_same"), "conflicting_id", shown_id)))
    # One row of a group carries the names of the files to the event in the lake; accepted rows are events themselves.
    carries = ~F.col("is_bad") & F.col("is_same") & (F.col("place") == 1)
    made = {
        "row_id": F.col("row_id"),
        "is_verdict": F.lit(True),
        "occurrence": F.col("occurrence"),
        "outcome": outcome,
        "reasons": F.when(outcome == "rejected", F.concat("reasons", conflicts)),
        "event_id": F.col("event_id"),
        "source_files": F.when(carries, F.col("files")),
        "is_known": F.col("known_content").isNotNull(),
    }
    types = {column.name: column.type for column in STAGED_EVENTS.columns}
    return judged.select(*(made.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in types.items()))


def settled(staged: DataFrame) -> DataFrame:
    """Every row with its outcome (accepted, rejected or duplicate): that of its verdict, else by whether there are reasons against it."""
    rows, found = staged.where(~F.col("is_verdict")), staged.where(F.col("is_verdict"))
    carried = ("occurrence", "outcome", "reasons", "event_id", "source_files", "is_known")
    verdict = found.select("row_id", *(F.col(name).alias(f"v_{name}") for name in carried))
    by_itself = {
        "outcome": F.when(F.size("reasons") > 0, "rejected").otherwise("accepted"),
        "source_files": F.array("source_file"),
        "is_known": F.lit(False),
    }
    columns = [
        F.coalesce(F.col(f"v_{name}"), by_itself.get(name, F.col(name))).alias(name) if name in carried else F.col(name) for name in rows.columns
    ]
    return rows.join(verdict, on="row_id", how="left").select(*columns)


def accepted_events(settled_rows: DataFrame, source: str) -> DataFrame:
    """The accepted rows as EVENTS."""
    accepted = settled_rows.where(F.col("outcome") == "accepted")
    return accepted.select(*(F.lit(source).alias("source") if name == "source" else F.col(name) for name in EVENTS.names))


def rejected_rows(settled_rows: DataFrame, source: str) -> DataFrame:
    """The rejected rows as REJECTED_EVENTS. Works on rows of items and customers files too, which have no revenue and no month."""
    rejected = settled_rows.where(F.col("outcome") == "rejected")
    month = F.col("event_month") if "event_month" in settled_rows.columns else F.lit(None).cast("string")
    revenue = F.col("revenue") if "revenue" in settled_rows.columns else F.lit(None).cast("decimal(20,4)")
    made = {"source": F.lit(source), "month": month, "revenue": revenue}
    return rejected.select(*(made[name].alias(name) if name in made else F.col(name) for name in REJECTED_EVENTS.names))


def extended_events(staged: DataFrame, events: DataFrame) -> DataFrame:
    """Events of the lake that files of this batch hold too, with those files' names added."""
    carriers = staged.where(F.col("is_verdict") & (F.col("outcome") == "duplicate") & F.col("is_known") & F.col("source_files").isNotNull())
    names = carriers.select("event_id", F.col("source_files").alias("all_files"))
    found = events.join(names, on="event_id", how="inner")
    return found.select(*(F.col("all_files").alias(name) if name == "source_files" else F.col(name) for name in EVENTS.names))


def forsaken_events(events: DataFrame, kept: DataFrame, suspects: Sequence[str]) -> DataFrame:
    """Events that `suspects` (files replaced, or left half-read) held and hold no longer, with the other files that hold them and
    `is_gone` where there are none. `kept`: event ids that this batch accepts or extends."""
    names = F.array(*(F.lit(name) for name in suspects)).cast("array<string>")
    touched = events.where(F.arrays_overlap("source_files", names)).join(kept, on="event_id", how="left_anti")
    left = touched.withColumn("source_files", F.array_except("source_files", names))
    return left.select(*EVENTS.names, (F.size("source_files") == 0).alias("is_gone"))
