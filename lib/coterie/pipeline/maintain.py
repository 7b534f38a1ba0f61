"""The maintain job: fewer, larger files; no results older than wanted; no files that nothing refers to."""

import datetime

from pyspark.sql import functions as F

from coterie.pipeline.run import RESULTS, Run, recorded_versions
from coterie.schemas import TABLES

_FOR_EVER = ("runs", "models", "segment_candidates", "segment_agreement")  # what ran; models serve for longer than their date, and so does why they won


def run_maintain(run: Run) -> None:
    """Drops as-of results older than `maintain.keep_as_of` days before the newest, compacts every table, deletes unreferenced files.

    A table that a run which died has written to is left alone: readers see an older version of it, whose files are still needed.
    """
    settings, tables = run.settings.maintain, [name for name in TABLES if run.lake.exists(name)]
    left = _half_written(run, tables)
    tables = [name for name in tables if name not in left]
    dated = [name for name in tables if "as_of" in TABLES[name].names and name not in _FOR_EVER]
    newest = run.lake.read("customer_features").where(F.col("as_of") <= F.lit(run.last_day())).agg(F.max("as_of")).collect()[0][0]  # one row
    if newest is not None:
        oldest = newest - datetime.timedelta(days=settings.keep_as_of)
        for name in dated:
            run.step(f"dropping results before {oldest} from {name}")
            run.delete(name, f"as_of < date '{oldest}'")
    run.step(f"compacting {len(tables)} tables")
    for number, name in enumerate(run.compact(tables, settings.vacuum_hours), start=1):
        run.step(f"compacted {name}, {number} of {len(tables)} tables")
    run.measure(tables=len(tables))
    aside = f"; left alone, since a run that died has written to them: {', '.join(left)}; run its command again first" if left else ""
    run.say(f"{len(tables)} tables compacted; files unreferenced for {settings.vacuum_hours} hours deleted{aside}")


def _half_written(run: Run, tables: list[str]) -> list[str]:
    """Tables in another state than their last finished run left; none in a lake that lost its runs."""
    recorded = recorded_versions(run.lake)
    results = [name for name in tables if name in RESULTS and recorded]
    ours = {row["run_id"] for row in run.lake.read("runs").where("job = 'maintain'").select("run_id").collect()}  # a row or two a run
    return [name for name in results if not (name in recorded and run.lake.is_as_left(name, recorded[name], ours))]
