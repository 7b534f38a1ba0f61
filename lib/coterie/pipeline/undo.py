"""What runs that died have left of other dates than the one at hand is taken back, before a run makes it part of what readers see."""

from collections.abc import Sequence

from pyspark.sql import functions as F

from coterie.pipeline.run import Run, recorded_versions


def take_back(run: Run, tables: Sequence[str]) -> None:
    """Rows of dates whose run of this job died become again what the last finished runs made of them, in these tables.

    The versions of tables that this run will record are of whole tables: with them a reader would see those rows too.
    """
    at, has_written = F.unix_micros("at"), (F.col("event") == "finished") & (F.size("tables_written") > 0)
    ends = (F.max(F.when(F.col("event") == "started", at)).alias("begun"), F.max(F.when(has_written, at)).alias("done"))
    dates = run.lake.read("runs").where(F.col("job") == run.job).groupBy("as_of").agg(*ends).collect()  # a row a date
    last = max((row["done"] or 0 for row in dates), default=0)
    died = sorted(str(row["as_of"]) for row in dates if row["as_of"] != run.as_of and (row["begun"] or 0) > last)
    if not died:
        return
    recorded, where = recorded_versions(run.lake), "as_of IN ({})".format(", ".join(f"DATE'{day}'" for day in died))
    for table in tables:
        if run.lake.exists(table) and not run.lake.is_as_left(table, recorded.get(table, -1)):
            run.step(f"taking back what a run that died made of {table}")
            before = run.lake.read(table, recorded[table]) if table in recorded else run.lake.read(table).limit(0)
            run.replace(table, before.where(where), where)
