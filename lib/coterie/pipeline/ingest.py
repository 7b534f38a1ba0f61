"""Ingest: new and changed files become events, items and customers; every row is accounted for."""

import hashlib
import json
from functools import partial

from pyspark.sql import functions as F

from coterie.errors import InputError, MappingError, UserError
from coterie.events.accounting import Account
from coterie.pipeline.landing import WRITTEN, empty_scratch, land, record
from coterie.pipeline.run import Run, was_interrupted
from coterie.pipeline.staging import Batch, stage, without
from coterie.session import with_options
from coterie.sources.files import SourceFile, inspected, list_files, new_files, refuse_bad
from coterie.sources.mapping import Mapping
from coterie.sources.read import READ_OPTIONS


def run_ingest(run: Run) -> None:
    """Reads what is new under `run.options["input"]` as `run.options["mapping"]` says.

    Raises UserError, before anything but the scratch table is written, for input or a mapping that cannot be used, for a lake made for
    another currency or time zone, and where too many rows are rejected; AccountingError where rows or revenue do not add up.
    """
    mapping: Mapping = run.options["mapping"]
    _check_shop(run)
    digest = hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()
    run.record(source=mapping.name, fingerprint=digest)
    has_died, is_remapped = was_interrupted(run), _is_remapped(run, mapping, digest)
    batch = _look(run, mapping, run.options["input"], has_died, is_remapped or bool(run.options.get("force")))
    if batch.is_empty:
        _stand_by(run, batch, has_died)
        return
    with with_options(run.spark, READ_OPTIONS):
        land(run, mapping, batch, stage(run, mapping, batch))
    if is_remapped:
        run.say(f"the mapping is another than the last time: every file was read again; {run.message}")


def _is_remapped(run: Run, mapping: Mapping, digest: str) -> bool:
    """Whether the last run that finished with a mapping of this name had another one."""
    runs = run.lake.read("runs").where((F.col("job") == "ingest") & (F.col("event") == "finished") & (F.col("source") == mapping.name))
    return runs.agg(F.max_by("fingerprint", "at")).collect()[0][0] not in (None, digest)  # one row


def _stand_by(run: Run, batch: Batch, has_died: bool) -> None:
    """Nothing is new. What a run that died has written to the tables stands, and this one shows it."""
    if has_died:
        run.written.update(WRITTEN)
    if batch.was_interrupted:
        empty_scratch(run)
    record(run, Account((), {}), None)
    run.say("nothing new: every file was read before, nothing was written")


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


def _look(run: Run, mapping: Mapping, place: str, has_died: bool, reads_all: bool) -> Batch:
    """What there is to do. Read again, whatever they hold: the files that a run which died was at, and with `reads_all` all others too."""
    run.step("listing files")
    # A row a file and content.
    known = run.read("ingested_files").select("source_file", "content_hash", "size_bytes", F.unix_micros("modified_at"), "status").collect()
    held = {row[0]: row[1] for row in known if row[4] == "read"}
    set_aside = run.settings.ingest.on_bad_file == "quarantine"
    seen = [tuple(row[i] for i in (0, 2, 3)) for row in known if row[4] == "read" or (row[4] == "quarantined" and set_aside)]
    scratch = run.read("staged_events").select("source_file").where("source_file IS NOT NULL").distinct().collect() if has_died else []
    left_over = {row[0] for row in scratch}  # a row a file
    seen = [] if reads_all else [file for file in seen if file[0] not in left_over]
    batch, claimed = Batch(was_interrupted=bool(left_over), held=frozenset(held)), dict[str, str]()
    for kind, part in mapping.parts.items():
        found = list_files(run.spark, place, part.files, takes_one_file=kind == "events")
        _refuse_twice(claimed, found, kind, mapping.name)
        if kind == "events" and not found:
            where = f"{place}/{part.files.folder}".rstrip("/")
            raise InputError(f"the input '{where}' has no file that matches '{part.files.pattern}'; mapping '{mapping.name}' expects them there")
        fresh = new_files(found, seen)
        if not fresh:
            continue
        run.step(f"looking into {len(fresh)} files of {kind}")
        look = partial(inspected, run.spark, part=part, needed=mapping.needed_columns(kind), max_bytes=run.settings.ingest.hash_max_bytes)
        looked = look(fresh)
        changed = [file for file in looked if reads_all or file.source_file in left_over or held.get(file.source_file) != file.content_hash]
        good, bad = refuse_bad(changed, kind, mapping.name, set_aside)
        batch.quarantined += bad
        batch.replaced |= {file.source_file: held[file.source_file] for file in good if held.get(file.source_file, file.content_hash) != file.content_hash}
        if kind == "events" and (left_over or any(file.source_file in held for file in good)):
            others = look(_contradicted(run, without(found, fresh)))
            good += [file for file in others if not file.findings.problem]
        if good and kind != "events":  # small tables: read whole, so that it does not matter which of their files came when
            others = without(looked, changed) + look(without(found, looked))
            good += [file for file in others if not file.findings.problem]
        batch.files[kind] = good
    names = batch.names("events")
    batch.suspects = [name for name in names if name in held or name in left_over]
    batch.suspects += sorted(left_over - held.keys() - set(names))  # half-read by a run that died, of another input or gone since
    return batch


def _contradicted(run: Run, files: list[SourceFile]) -> list[SourceFile]:
    """Those with rows that another file's event stood against: it may go now."""
    rejected = run.read("rejected_events").where("exists(reasons, reason -> reason LIKE 'conflicting_id%')")
    names = {row[0] for row in rejected.select("source_file").distinct().collect()}  # a row a file
    return [file for file in files if file.source_file in names]


def _refuse_twice(claimed: dict[str, str], found: list[SourceFile], kind: str, mapping_name: str) -> None:
    """Notes whose the files are. Raises MappingError where one of them is of another kind too."""
    for file in found:
        if file.source_file in claimed:
            raise MappingError(
                f"mapping '{mapping_name}' takes {file.source_file} for {claimed[file.source_file]} and for {kind}; "
                f"give each its own files: {kind}.files.folder or {kind}.files.pattern"
            )
        claimed[file.source_file] = kind
