"""Ingest: new and changed files become events, items and customers; every row is accounted for."""

import json

from pyspark.sql import functions as F

from coterie.errors import InputError, UserError
from coterie.events.accounting import Account
from coterie.pipeline.landing import land, record
from coterie.pipeline.run import Run
from coterie.pipeline.staging import Batch, stage
from coterie.session import with_options
from coterie.sources.files import inspected, list_files, new_files, refuse_bad
from coterie.sources.mapping import Mapping
from coterie.sources.read import READ_OPTIONS


def run_ingest(run: Run) -> None:
    """Reads what is new under `run.options["input"]` as `run.options["mapping"]` says.

    Raises UserError, before anything but the scratch table is written, for input or a mapping that cannot be used, for a lake made for
    another currency or time zone, and where too many rows are rejected; AccountingError where rows or revenue do not add up.
    """
    mapping: Mapping = run.options["mapping"]
    _check_shop(run)
    batch = _look(run, mapping, run.options["input"])
    run.record(source=mapping.name)
    if batch.is_empty:
        record(run, Account((), {}), None)
        run.say("nothing new: every file was read before, nothing was written")
        return
    with with_options(run.spark, READ_OPTIONS):
        land(run, mapping, batch, stage(run, mapping, batch))


def _check_shop(run: Run) -> None:
    """A lake's days and money are of one time zone and one currency."""
    previous = run.previous("ingest")
    if previous is None:
        return
    then, now = json.loads(previous["settings"])["shop"], run.settings.shop
    for name in ("time_zone", "currency"):
        if then[name] != getattr(now, name):
            raise UserError(
                f"this lake was made with shop.{name} = {then[name]}, and now it is {getattr(now, name)}; "
                f"set shop.{name} to {then[name]}, or use another lake"
            )


def _look(run: Run, mapping: Mapping, place: str) -> Batch:
    run.step("listing files")
    # A row a file and content.
    known = run.read("ingested_files").select("source_file", "content_hash", "size_bytes", F.unix_micros("modified_at"), "status").collect()
    held = {row[0]: row[1] for row in known if row[4] == "read"}
    set_aside = run.settings.ingest.on_bad_file == "quarantine"
    seen = [tuple(row[i] for i in (0, 2, 3)) for row in known if row[4] == "read" or (row[4] == "quarantined" and set_aside)]
    left_over = {row[0] for row in run.read("staged_events").select("source_file").where("source_file IS NOT NULL").distinct().collect()}
    batch = Batch(was_interrupted=bool(left_over))
    for kind, part in mapping.parts.items():
        found = list_files(run.spark, place, part.files)
        if kind == "events" and not found:
            where = f"{place}/{part.files.folder}".rstrip("/")
            raise InputError(f"the input '{where}' has no file that matches '{part.files.pattern}'; mapping '{mapping.name}' expects them there")
        fresh = new_files(found, seen)
        if not fresh:
            continue
        run.step(f"looking into {len(fresh)} files of {kind}")
        looked = inspected(run.spark, fresh, part, mapping.needed_columns(kind), run.settings.ingest.hash_max_bytes)
        changed = [file for file in looked if held.get(file.source_file) != file.content_hash]
        good, bad = refuse_bad(changed, kind, mapping.name, set_aside)
        batch.quarantined += bad
        batch.replaced |= {file.source_file: held[file.source_file] for file in good if file.source_file in held}
        if good and kind != "events":  # small tables: read whole, so that it does not matter which of their files came when
            others = [file for file in found if file.source_file not in {one.source_file for one in looked}]
            read_again = inspected(run.spark, others, part, mapping.needed_columns(kind), run.settings.ingest.hash_max_bytes)
            good += [file for file in read_again if not file.findings.problem]
        batch.files[kind] = good
    batch.suspects = [name for name in batch.names("events") if name in batch.replaced or name in left_over]
    return batch
