"""The job `content`: a generator trained on the lake's images, measured, and the images that it makes for each segment."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import functions as F

from coterie.content.launch import launched, require
from coterie.content.mix import Mix, apportioned, category_purchases, mixes
from coterie.content.plans import CHECKPOINT, JudgePlan, Recipe, TrainPlan, Wish, judge_in_task, train_in_task
from coterie.content.storage import Place
from coterie.errors import UserError
from coterie.lake import as_json
from coterie.pipeline.run import Run
from coterie.pipeline.segment_models import CHOSEN, of_date, small_frame
from coterie.recommend.interactions import effective_purchases
from coterie.schemas import SCHEMA_VERSION

KIND = "gan"
_SHARDS = 16  # files of training data, at least: a process reads every n-th


@dataclass(frozen=True)
class Shelf:
    """The images to learn from. `data`: hash of what they are; `left_out`: categories with too few."""

    categories: tuple[str, ...]
    count: int
    data: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """A segment and what its images are drawn of."""

    segment_id: int
    name: str
    mix: Mix


def run_content(run: Run) -> None:
    """Writes generated_images, contact_sheets and content_quality as of run.as_of; models where a generator is trained.

    Raises UserError without images of two categories, without segments of the date, without torch; TaskFailedError where training fails.
    """
    settings = run.settings.content
    require("PIL", *(("torch", "safetensors") if settings.where == "driver" else ()))
    shelf, segments = _shelf(run), _segments(run)
    storage = _storage(run)
    run.step(f"exporting {shelf.count:,} images of {len(shelf.categories)} categories")
    _export(run, shelf, storage)
    model_id = _model(run, shelf, storage)
    wishes = _wishes(segments, shelf, settings.images_per_segment)
    result = _judged(run, storage, model_id, wishes)
    _write(run, storage, model_id, shelf, segments, result)
    _tell(run, storage, model_id, shelf, segments, result)


def _storage(run: Run) -> str:
    place = run.settings.content.storage or ("" if run.lake.is_catalog else f"{run.lake.place}/_content")
    if not place:
        raise UserError("a lake in a catalog has no folder for training data and weights: set content.storage to a volume's path or an address")
    return place.rstrip("/")


def _shelf(run: Run) -> Shelf:
    """Raises UserError where there is too little to learn from."""
    images, fewest = run.read("item_images"), run.settings.content.min_category_images
    sums = F.sum(F.xxhash64("image_id", "is_test").cast("decimal(38,0)")).cast("string").alias("hash")
    counted = images.groupBy("category").agg(F.count_if(~F.col("is_test")).alias("learned"), F.count_if("is_test").alias("tested"), sums)
    rows = sorted(counted.collect(), key=lambda row: str(row["category"]))  # a row a category
    if not rows:
        raise UserError(f"the lake '{run.lake.place}' has no images to learn from; give their place with --images")
    fit = [row for row in rows if row["learned"] >= fewest and row["tested"]]
    if len(fit) < 2:
        there = ", ".join(f"{row['category']} ({row['learned']} to learn from, {row['tested']} to test)" for row in rows[:5])
        raise UserError(
            f"of {len(rows)} categories of images {len(fit)} can be learned, and quality is measured by telling two or more apart; expected "
            f"content.min_category_images = {fewest} or more to learn from and one to test in each, found: {there}"
        )
    count, batch = sum(row["learned"] for row in fit), run.settings.content.gan.batch
    if count < batch:
        raise UserError(f"there are {count} images to learn from and content.gan.batch is {batch}; give more images or set a smaller batch")
    categories = tuple(row["category"] for row in fit)
    data = hashlib.sha256(as_json([[row["category"], row["learned"], row["tested"], row["hash"]] for row in fit]).encode()).hexdigest()
    return Shelf(categories, count, data, tuple(row["category"] for row in rows if row["category"] not in categories))


def _segments(run: Run) -> list[Segment]:
    """The segments of the date with their mixes. Raises UserError where there are none."""
    rows = run.read("segments").where(of_date(_as_of(run)) & (F.col("segmentation") == CHOSEN))
    names = {row["segment_id"]: row["segment_name"] for row in rows.groupBy("segment_id", "segment_name").count().collect()}  # a row a segment
    if not names:
        raise UserError(f"there are no segments as of {run.as_of}; run `coterie segments --as-of {run.as_of}` first")
    run.step("looking at what each segment buys")
    purchases = effective_purchases(run.read("customer_item_days"), run.read("cancellations"), _as_of(run))
    recent = purchases.where(F.col("purchased_on") > F.date_sub(F.lit(run.as_of), run.settings.content.window_days))
    buyers: dict[int, dict[str, int]] = {}
    for row in category_purchases(rows, recent, run.read("items"), run.settings.content.category_names).collect():  # a row a segment and category
        buyers.setdefault(row["segment_id"], {})[row["category"]] = row["buyers"]
    found = mixes(buyers, sorted(names), _shelf(run).categories)
    return [Segment(segment_id, names[segment_id], found[segment_id]) for segment_id in sorted(names)]


def _as_of(run: Run) -> Any:
    if run.as_of is None:
        raise UserError("the job content needs an as-of date; give it with --as-of")
    return run.as_of


def _export(run: Run, shelf: Shelf, storage: str) -> None:
    """The images as Parquet files of their own, in an order that does not depend on the cores: what the torch processes read."""
    labels = F.create_map(*(part for number, name in enumerate(shelf.categories) for part in (F.lit(name), F.lit(number).cast("bigint"))))
    files = max(_SHARDS, run.settings.content.processes)
    shard = F.pmod(F.xxhash64("image_id"), F.lit(files)).cast("int").alias("shard")
    images = run.read("item_images").where(F.col("category").isin(list(shelf.categories)))
    sharded = images.select(shard, "image_id", labels[F.col("category")].alias("label"), "is_test", "png").repartition("shard")
    sharded.sortWithinPartitions("shard", "image_id").write.mode("overwrite").partitionBy("shard").parquet(f"{storage}/images")


def _recipe(run: Run) -> Recipe:
    return Recipe(size=run.settings.content.size, **run.settings.content.gan.model_dump())


def _threads(run: Run) -> int:
    """Of each process beside the driver: the cores shared out, where no number is set. Workers are Spark's to share out."""
    settings = run.settings.content
    return settings.threads or (max(1, len(os.sched_getaffinity(0)) // settings.processes) if settings.where == "driver" else 0)


def _model(run: Run, shelf: Shelf, storage: str) -> str:
    """The id of the generator of these images and settings: trained where there is none yet, or where a refit is asked for."""
    settings = run.settings.content
    asked = as_json({"recipe": asdict(_recipe(run)), "categories": shelf.categories, "data": shelf.data})
    gans = run.read("models").where(F.col("kind") == KIND)
    known = gans.where(F.col("settings") == asked).orderBy(F.col("is_current").desc(), F.col("as_of").desc(), "model_id").limit(1).collect()
    if known and not run.options.get("refit"):
        run.measure(trained_epochs=0)
        return str(known[0]["model_id"])
    work = f"{storage}/training-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    plan = TrainPlan(f"{storage}/images", work, f"{storage}/models", shelf.count, shelf.categories, shelf.data, _threads(run), _recipe(run))
    run.step(f"starting {settings.processes} torch process{'es' if settings.processes > 1 else ''} on the {settings.where}")
    result = launched(train_in_task, plan, Place(work), settings.processes, settings.where, settings.gpu, lambda note: run.step(_progress(note, plan)))
    history, model_id = result["metrics"], str(result["model_id"])
    run.measure(trained_epochs=len(history) - result["resumed_after"], **{f"gan_{key}": value for key, value in history[-1].items()})
    last = {key: float(value) for key, value in history[-1].items()}
    row = {
        "model_id": model_id, "kind": KIND, "as_of": run.as_of, "settings": asked, "measures": last, "schema_version": SCHEMA_VERSION, "is_current": True,
        "payload": json.dumps({"history": history}), "location": f"{storage}/models/{model_id}.safetensors",
    }  # fmt: skip
    replaced = gans.where(F.col("is_current") & (F.col("model_id") != model_id)).withColumn("is_current", F.lit(False))
    run.merge("models", small_frame(run, "models", [row]).unionByName(replaced))
    Place(work).remove(CHECKPOINT)  # a refit begins anew
    return model_id


def _progress(note: Mapping[str, Any], plan: TrainPlan) -> str:
    last = note["history"][-1] if note["history"] else None
    words = f"{note['epoch']} of {plan.recipe.epochs} epochs done" + (f", and {note['step']} of {note['steps']} steps" if note["step"] else "")
    if last:
        words += f": losses {last['discriminator_loss']:.3f} and {last['generator_loss']:.3f}, {last['images_per_second']:.0f} images a second"
    return words


def _wishes(segments: list[Segment], shelf: Shelf, count: int) -> tuple[Wish, ...]:
    numbers = {name: number for number, name in enumerate(shelf.categories)}
    return tuple(
        Wish(CHOSEN, segment.segment_id, numbers[name], wanted) for segment in segments for name, wanted in apportioned(segment.mix.shares, count).items()
    )


def _judged(run: Run, storage: str, model_id: str, wishes: tuple[Wish, ...]) -> dict[str, Any]:
    settings, work = run.settings.content, f"{storage}/drawn"
    plan = JudgePlan(
        f"{storage}/images", work, f"{storage}/models", model_id, work, wishes, settings.draws_per_image, settings.min_probability, settings.copy_distance,
        settings.measure_images, settings.classifier_steps, settings.gan.seed, _threads(run) * (settings.processes if settings.where == "driver" else 1),
    )  # fmt: skip
    run.step("starting the torch process that measures and draws")
    result: dict[str, Any] = launched(judge_in_task, plan, Place(work), 1, settings.where, settings.gpu, lambda note: run.step(note["doing"]))
    return result


def _write(run: Run, storage: str, model_id: str, shelf: Shelf, segments: list[Segment], result: dict[str, Any]) -> None:
    from coterie.content.sheet import contact_sheet  # noqa: PLC0415 - Pillow is the extra's

    run.step("writing the images")
    as_of, names = _as_of(run), {segment.segment_id: segment.name for segment in segments}
    drawn = [row for batch in Place(f"{storage}/drawn").batches(0, 1, _DRAWN) for row in batch.to_pylist()]  # a few dozen a segment
    images, sheets = [], []
    for segment in segments:
        own = [row for row in drawn if row["segment_id"] == segment.segment_id]
        by_category: dict[str, list[bytes]] = {}
        for number, row in enumerate(own, 1):
            category = shelf.categories[row.pop("label")]
            by_category.setdefault(category, []).append(row["png"])
            known = {"model_id": model_id, "as_of": as_of, "segment_name": names[segment.segment_id], "category": category, "number": number}
            images.append({**row, **known})
        told = f"{len(own)} generated images, drawn from what {_SOURCES[segment.mix.source]}"
        png = contact_sheet(segment.name, told, by_category, segment.mix.shares, run.settings.content.size)
        Place(_sheets(run, storage)).write(f"segment-{segment.segment_id}.png", png)
        sheets.append(
            {"model_id": model_id, "as_of": as_of, "segmentation": CHOSEN, "segment_id": segment.segment_id, "segment_name": segment.name,
             "mix": dict(segment.mix.shares), "mix_source": segment.mix.source, "png": png}
        )  # fmt: skip
    run.replace("generated_images", small_frame(run, "generated_images", images), f"as_of = DATE '{as_of}'")
    run.replace("contact_sheets", small_frame(run, "contact_sheets", sheets), f"as_of = DATE '{as_of}'")
    measures = [{"model_id": model_id, **one} for one in result["measures"]]
    run.replace("content_quality", small_frame(run, "content_quality", measures), f"model_id = '{model_id}'")


def _sheets(run: Run, storage: str) -> str:
    """Where the contact sheets are as files, for whoever has no reader of tables at hand."""
    return f"{storage}/sheets/{run.as_of}"


_DRAWN = ["image_id", "segmentation", "segment_id", "label", "seed", "discriminator_score", "probability", "nearest_distance", "png"]
_SOURCES = {"segment": "the segment buys", "shop": "the whole shop buys", "uniform": "there is: the shop's categories have no images"}


def _tell(run: Run, storage: str, model_id: str, shelf: Shelf, segments: list[Segment], result: dict[str, Any]) -> None:
    found = {row["measure"]: row for row in result["measures"] if not row["category"]}
    refused = sum(result["refused"].values())
    count = sum(sum(wish.values()) for wish in (apportioned(one.mix.shares, run.settings.content.images_per_segment) for one in segments))
    missing = sum(number for _, number in result["wanting"])
    run.measure(images=count - missing, refused=refused, **{f"refused_{name}": number for name, number in result["refused"].items()})
    run.measure(**{name: row["value"] for name, row in found.items()})
    run.record(rejected_by_reason=result["refused"] or None)
    accuracy, agreement = found["trained_on_generated"], found["agreement"]
    lines = [
        f"{count - missing:,} images for {len(segments)} segments, {refused:,} refused by model {model_id[:8]}",
        f"a classifier trained on generated images is right on {accuracy['value']:.3f} of real ones (trained on real ones {accuracy['reference']:.3f}); "
        f"it agrees with {agreement['value']:.3f} of the categories asked for",
    ]
    if missing:
        lines.append(f"{missing} images are missing: none good enough came in content.draws_per_image = {run.settings.content.draws_per_image} draws each")
    if shelf.left_out:
        lines.append(f"left out, with too few images: {', '.join(shelf.left_out)}")
    for source, words in (("shop", "buy nothing that has images: drawn from the shop's mix"), ("uniform", "drawn evenly: no category of the shop has images")):
        without = [one.name for one in segments if one.mix.source == source]
        if without:
            lines.append(f"{len(without)} segments {words}" if len(without) > 3 else f"{', '.join(without)}: {words}")
    lines.append(f"contact sheets: {_sheets(run, storage)}")
    run.say("\n".join(lines))
