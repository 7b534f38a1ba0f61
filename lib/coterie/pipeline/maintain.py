"""The maintain job: fewer, larger files; no results older than wanted; no files that nothing refers to."""

import datetime

from pyspark.sql import functions as F

from coterie.pipeline.run import Run
from coterie.schemas import TABLES


def run_maintain(run: Run) -> None:
    """Drops as-of results older than `maintain.keep_as_of` days before the newest, compacts every table, deletes unreferenced files."""
    settings, tables = run.settings.maintain, [name for name in TABLES if run.lake.exists(name)]
    dated = [name for name in tables if "as_of" in TABLES[name].partition]
    newest = run.lake.read("customer_features").agg(F.max("as_of")).collect()[0][0]
    if newest is not None:
        oldest = newest - datetime.timedelta(days=settings.keep_as_of)
        for name in dated:
            run.step(f"dropping results before {oldest} from {name}")
            run.delete(name, f"as_of < date '{oldest}'")
    for name in tables:
        run.step(f"compacting {name}")
        run.lake.compact(name, settings.vacuum_hours)
    run.measure(tables=len(tables))
    run.say(f"{len(tables)} tables compacted; files unreferenced for {settings.vacuum_hours} hours deleted")
