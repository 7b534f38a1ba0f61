"""The upgrade job: a lake of an older schema version brought to this one."""

from coterie.errors import LakeError
from coterie.pipeline.run import Run
from coterie.schemas import SCHEMA_VERSION, TABLES

# What was read and counted. The rest is learned from it, in formats that change with the version: it is emptied, and made again.
KEPT = (
    "events", "rejected_events", "ingested_files", "items", "customers", "cancellations", "daily_activity", "customer_item_days", "customer_state",
    "customer_features", "item_images", "rejected_images", "lease",
)  # fmt: skip


def run_upgrade(run: Run) -> None:
    """Keeps what was read and counted, empties the rest. `runs` is marked by the caller when this has finished: till then the lake is an old one.

    Raises LakeError, before a table is changed that a reader sees, where what was read has another shape than this version's.
    """
    there = [name for name in TABLES if run.lake.exists(name)]
    kept = [name for name in there if name in KEPT]
    for name in kept:
        run.step(f"looking at {name}")
        try:
            run.lake.mark(name)
        except LakeError as error:
            raise LakeError(
                f"{error}; this lake cannot be upgraded: make it anew in another place, with coterie run --lake NEW --source SOURCE --input RAW"
            ) from None
    emptied = [name for name in there if name not in (*KEPT, "runs")]
    for name in emptied:
        run.step(f"emptying {name}")
        run.remake(name)
    run.measure(kept=len(kept), emptied=len(emptied))
    run.say(f"schema version {SCHEMA_VERSION}; {len(kept)} tables kept, {len(emptied)} emptied: coterie run makes their results again")
