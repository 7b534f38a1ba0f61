"""What runs that died have left of other dates than the one at hand is taken back, before a run makes it part of what readers see."""

from pyspark.sql import functions as F

from coterie.pipeline.run import RESULTS, Run, recorded_versions
from coterie.schemas import TABLES

_KEPT = ("models", "customer_state")  # a model that was stored is whole; running totals are made anew from the days that changed


def take_back(run: Run) -> None:
    """Rows of dates whose run of this job died become again what the last finished runs made of them.

    The versions of tables that this run will record are of whole tables: with them a reader would see those rows too.
    """
    runs = run.lake.read("runs").where(F.col("job") == run.job)
    last = runs.where((F.col("event") == "finished") & (F.size("tables_written") > 0)).agg(F.unix_micros(F.max("at"))).collect()[0][0] or 0
    begun = runs.where((F.col("event") == "started") & (F.col("as_of") != F.lit(run.as_of)) & (F.unix_micros("at") > last))
    died = sorted(str(row["as_of"]) for row in begun.select("as_of").distinct().collect())  # a row a date
    if not died:
        return
    recorded, where = recorded_versions(run.lake), "as_of IN ({})".format(", ".join(f"DATE'{day}'" for day in died))
    for table in sorted(RESULTS.difference(_KEPT)):
        if "as_of" in TABLES[table].names and run.lake.exists(table) and not run.lake.is_as_left(table, recorded.get(table, -1)):
            run.step(f"taking back what a run that died made of {table}")
            before = run.lake.read(table, recorded[table]) if table in recorded else run.lake.read(table).limit(0)
            run.replace(table, before.where(where), where)
