"""The job `images`: the product images that networks learn from, each accounted for."""

from pyspark.sql import functions as F

from coterie.content.images import accepted_images, found, read_images, rejected_images
from coterie.content.launch import require
from coterie.errors import AccountingError, InputError
from coterie.lake import as_json
from coterie.pipeline.run import Run, was_interrupted

_SHOWN = 3  # reasons in a message


def run_images(run: Run) -> None:
    """Puts the images of options["images"] in the place of `item_images` and `rejected_images`, unless they were read before.

    Raises InputError where there is no image, or where more of them are refused than `content.max_rejected_share`.
    """
    require("PIL")
    settings, place = run.settings.content, str(run.options["images"])
    run.step("looking at the images' files")
    what = found(run.spark, place)
    listing = as_json([what.listing, settings.size, settings.labels if what.form == "idx" else [], settings.test_share])
    last = run.read("item_images").select("listing").limit(1).collect()
    if last and last[0][0] == listing and not was_interrupted(run):  # one that died may have left part of its work
        run.say("no image has changed since they were read")
        return
    run.step(f"reading the images of {what.files} files")
    run.replace("staged_images", read_images(run.spark, what, settings.size, settings.labels))
    read = run.read("staged_images")
    is_file = F.exists("reasons", lambda reason: reason.startswith("incomplete"))
    rows, rejected, files = read.agg(F.count(F.lit(1)), F.count_if(F.size("reasons") > 0), F.count_if(is_file)).collect()[0]
    if rejected == rows or files or rejected > settings.max_rejected_share * rows:
        message = f"{rejected:,} of {rows:,} images of '{place}' cannot be used{_reasons(run)}"
        run.delete("staged_images", "true")
        raise InputError(message)
    accepted = accepted_images(read, settings.size, listing, settings.test_share)
    run.replace("rejected_images", rejected_images(read))
    kept = accepted.count()
    duplicates = rows - rejected - read.where(F.size("reasons") == 0).select("image_id").groupBy("image_id").count().count()
    _account(run, rows, kept, rejected, duplicates)
    run.replace("item_images", accepted)  # the last: its listing says that all is done
    run.delete("staged_images", "true")
    run.say(f"{rows:,} images read = {kept:,} accepted + {rejected:,} rejected + {duplicates:,} duplicate")


def _account(run: Run, rows: int, accepted: int, rejected: int, duplicates: int) -> None:
    """Raises AccountingError where an image is lost."""
    if rows != accepted + rejected + duplicates:
        raise AccountingError(f"{rows} images were read, and {accepted} accepted + {rejected} rejected + {duplicates} duplicate are not as many")
    codes = run.lake.read("rejected_images").select(F.explode("reasons").alias("reason")).groupBy(F.substring_index("reason", ":", 1)).count().collect()
    by_reason = {code: count for code, count in codes}  # noqa: C416 - a few codes, as rows
    run.record(rows_read=rows, rows_accepted=accepted, rows_rejected=rejected, rows_duplicate=duplicates, rejected_by_reason=by_reason)


def _reasons(run: Run) -> str:
    told = run.lake.read("staged_images").where(F.size("reasons") > 0).orderBy("source_file", "position").limit(_SHOWN).collect()
    lines = [f"{row['source_file'].rsplit('/', 1)[-1]}: {', '.join(row['reasons'])}" for row in told]
    return f"; the first are {' | '.join(lines)}" if lines else ""
