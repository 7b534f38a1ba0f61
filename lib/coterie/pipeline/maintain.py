"""The maintain job: fewer, larger files; no results older than wanted; no files that nothing refers to."""

import datetime

from pyspark.sql import functions as F

from coterie.pipeline.run import Run
from coterie.schemas import TABLES

_BESIDE = ("runs", "lease")  # written beside the jobs, and always read as they are


def run_maintain(run: Run) -> None:
    """Drops as-of results older than `maintain.keep_as_of` days before the newest, compacts every table, deletes unreferenced files.

    A table that a run which died has written to is left alone: readers see an older version of it, whose files are still needed.
    """
    settings, tables = run.settings.maintain, [name for name in TABLES if run.lake.exists(name)]
    left = _half_written(run, tables)
    tables = [name for name in tables if name not in left]
    dated = [name for name in tables if "as_of" in TABLES[name].partition]
    newest = run.lake.read("customer_features").agg(F.max("as_of")).collect()[0][0]
    if newest is not None:
        oldest = newest - datetime.timedelta(days=settings.keep_as_of)
        for name in dated:
            run.step(f"dropping results before {oldest} from {name}")
            run.delete(name, f"as_of < date '{oldest}'")
    for name in tables:
        run.step(f"compacting {name}")
        (run.lake if name in _BESIDE else run).compact(name, settings.vacuum_hours)  # readers see the compacted version of the others
    run.measure(tables=len(tables))
    run.say(f"{len(tables)} tables compacted; files unreferenced for {settings.vacuum_hours} hours deleted")
    if left:
        run.say(f"{run.message}; left alone, since a run that died has written to them: {', '.join(left)}; run its command again first")


def _half_written(run: Run, tables: list[str]) -> list[str]:
    """Tables in another state than their last finished run left; none in a lake that lost its runs."""
    finished = run.lake.read("runs").where("event = 'finished'").select("at", F.explode("tables_written").alias("table", "version"))
    newest = finished.groupBy("table").agg(F.max_by("version", "at").alias("version")).collect()  # a row a table
    recorded = {row["table"]: row["version"] for row in newest}
    jobs = [name for name in tables if name not in _BESIDE and not TABLES[name].is_scratch]
    return [name for name in jobs if recorded and not (name in recorded and run.lake.is_as_left(name, recorded[name]))]
