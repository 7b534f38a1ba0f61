"""The job `content`: a generator trained on the lake's images, measured, and the images that it makes for each segment."""

import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import functions as F

from coterie.content.launch import launched, require
from coterie.content.mix import apportioned
from coterie.content.plans import CHECKPOINT, REVISION, JudgePlan, Recipe, TrainPlan, Wish, judge_in_task, train_in_task
from coterie.content.storage import Place
from coterie.lake import as_json
from coterie.pipeline.content_inputs import Segment, Shelf, Storage, export, segments_of, shelf_of, storage_of
from coterie.pipeline.run import Run
from coterie.pipeline.segment_models import CHOSEN, small_frame
from coterie.schemas import SCHEMA_VERSION

KIND = "gan"
_NAMED = 3  # segments named in a message


def run_content(run: Run) -> None:
    """Writes generated_images, contact_sheets and content_quality as of run.as_of; models where a generator is trained.

    Raises UserError without images of two categories, without segments of the date, without torch; TaskFailedError where training fails.
    """
    settings = run.settings.content
    require("PIL", *(("torch", "safetensors") if settings.where == "driver" else ()))
    shelf = shelf_of(run)
    segments, storage = segments_of(run, shelf), storage_of(run)
    run.step(f"exporting {shelf.count:,} images of {len(shelf.categories)} categories")
    export(run, shelf, storage)
    model = _model(run, shelf, storage)
    wishes = _wishes(segments, shelf, settings.images_per_segment)
    result = _judged(run, storage, model.model_id, wishes)
    _write(run, storage, model.model_id, shelf, segments, result)
    found = {row["measure"]: row for row in result["measures"] if not row["category"]}
    _save(run, storage, model, {name: row["value"] for name, row in found.items()})
    _tell(run, storage, model, shelf, segments, wishes, result, found)


def _recipe(run: Run) -> Recipe:
    return Recipe(size=run.settings.content.size, **run.settings.content.gan.model_dump())


def _threads(run: Run) -> int:
    """Of each process beside the driver: the cores shared out, where no number is set. Workers are Spark's to share out."""
    settings = run.settings.content
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # only Linux knows which cores are this process's own
    return settings.threads or (max(1, cores // settings.processes) if settings.where == "driver" else 0)


@dataclass(frozen=True)
class Model:
    """The generator of these images and settings. `history`: metrics of its epochs; work: its checkpoints, "" where it was trained before."""

    model_id: str
    as_of: datetime.date
    settings: str
    history: list[dict[str, float]]
    work: str


def _model(run: Run, shelf: Shelf, storage: Storage) -> Model:
    """The stored one, or one that is trained: where there is none yet, or where a refit is asked for."""
    settings = run.settings.content
    asked = as_json({"revision": REVISION, "recipe": asdict(_recipe(run)), "categories": shelf.categories, "data": shelf.data})
    known = run.read("models").where((F.col("kind") == KIND) & (F.col("settings") == asked)).orderBy(F.col("as_of").desc(), "model_id").limit(1).collect()
    if known and not run.options.get("refit"):
        run.measure(trained_epochs=0)
        return Model(known[0]["model_id"], known[0]["as_of"], asked, json.loads(known[0]["payload"])["history"], "")
    work = f"{storage.own}/training-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    plan = TrainPlan(f"{storage.own}/images", work, storage.models, shelf.count, shelf.categories, shelf.data, _threads(run), _recipe(run))
    run.step(f"starting {settings.processes} torch process{'es' if settings.processes > 1 else ''} on the {settings.where}")
    result = launched(train_in_task, plan, Place(work), settings.processes, settings.where, settings.gpu, lambda note: run.step(_progress(note, plan)))
    run.measure(trained_epochs=len(result["metrics"]) - result["resumed_after"])
    return Model(result["model_id"], run.day, asked, result["metrics"], work)


def _save(run: Run, storage: Storage, model: Model, measures: Mapping[str, float]) -> None:
    """The model's row, as the current one, with the metrics of its last epoch and what was measured now; its checkpoint is needed no more."""
    numbers = {**{f"epoch_{name}": float(value) for name, value in model.history[-1].items()}, **measures}
    row = {
        "model_id": model.model_id, "kind": KIND, "as_of": model.as_of, "settings": model.settings, "measures": numbers, "schema_version": SCHEMA_VERSION,
        "is_current": True, "payload": json.dumps({"history": model.history}), "location": f"{storage.models}/{model.model_id}.safetensors",
    }  # fmt: skip
    others = run.read("models").where((F.col("kind") == KIND) & F.col("is_current") & (F.col("model_id") != model.model_id))
    run.merge("models", small_frame(run, "models", [row]).unionByName(others.withColumn("is_current", F.lit(False))))
    if model.work:
        Place(model.work).remove(CHECKPOINT)


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


def _judged(run: Run, storage: Storage, model_id: str, wishes: tuple[Wish, ...]) -> dict[str, Any]:
    settings, work = run.settings.content, f"{storage.own}/drawn"
    plan = JudgePlan(
        f"{storage.own}/images", work, storage.models, model_id, work, wishes, settings.draws_per_image, settings.min_probability, settings.copy_distance,
        settings.measure_images, settings.classifier_steps, settings.gan.seed, _threads(run) * (settings.processes if settings.where == "driver" else 1),
    )  # fmt: skip
    run.step("starting the torch process that measures and draws")
    result: dict[str, Any] = launched(judge_in_task, plan, Place(work), 1, settings.where, settings.gpu, lambda note: run.step(note["doing"]))
    return result


def _write(run: Run, storage: Storage, model_id: str, shelf: Shelf, segments: list[Segment], result: dict[str, Any]) -> None:
    from coterie.content.sheet import contact_sheet  # noqa: PLC0415 - Pillow is the extra's

    run.step("writing the images")
    day, names = run.day, {segment.segment_id: segment.name for segment in segments}
    drawn = [row for batch in Place(f"{storage.own}/drawn").batches(0, 1, _DRAWN) for row in batch.to_pylist()]  # a few dozen a segment
    images, sheets = [], []
    for segment in segments:
        own = [row for row in drawn if row["segment_id"] == segment.segment_id]
        by_category: dict[str, list[bytes]] = {}
        for number, row in enumerate(own, 1):
            category = shelf.categories[row.pop("label")]
            by_category.setdefault(category, []).append(row["png"])
            known = {"model_id": model_id, "as_of": day, "segment_name": names[segment.segment_id], "category": category, "number": number}
            images.append({**row, **known})
        told = f"{len(own)} generated images, drawn from what {_SOURCES[segment.mix.source]}"
        png = contact_sheet(segment.name, told, by_category, segment.mix.shares, run.settings.content.size)
        Place(_sheets(run, storage)).write(f"segment-{segment.segment_id}.png", png)
        sheets.append(
            {"model_id": model_id, "as_of": day, "segmentation": CHOSEN, "segment_id": segment.segment_id, "segment_name": segment.name,
             "mix": dict(segment.mix.shares), "mix_source": segment.mix.source, "png": png}
        )  # fmt: skip
    run.replace("generated_images", small_frame(run, "generated_images", images), f"as_of = DATE '{day}'")
    run.replace("contact_sheets", small_frame(run, "contact_sheets", sheets), f"as_of = DATE '{day}'")
    measures = [{"model_id": model_id, **one} for one in result["measures"]]
    run.replace("content_quality", small_frame(run, "content_quality", measures), f"model_id = '{model_id}'")


def _sheets(run: Run, storage: Storage) -> str:
    """Where the contact sheets are as files, for whoever has no reader of tables at hand."""
    return f"{storage.own}/sheets/{run.day}"


_DRAWN = ["image_id", "segmentation", "segment_id", "label", "seed", "discriminator_score", "probability", "nearest_distance", "png"]
_FALLBACKS = {"shop": "buy nothing that has images: drawn from the whole shop's mix", "uniform": "drawn evenly: no category of the shop has images"}
_SOURCES = {"segment": "the segment buys", "shop": "the whole shop buys", "uniform": "there is: the shop's categories have no images"}


def _tell(
    run: Run, storage: Storage, model: Model, shelf: Shelf, segments: list[Segment], wishes: tuple[Wish, ...], result: dict[str, Any], found: dict[str, Any]
) -> None:
    settings, refused, missing = run.settings.content, sum(result["refused"].values()), sum(number for _, number in result["wanting"])
    count = sum(wish.count for wish in wishes) - missing
    run.measure(images=count, refused=refused, **{name: row["value"] for name, row in found.items()})
    run.record(rejected_by_reason=result["refused"] or None)
    accuracy, agreement = found["trained_on_generated"], found["agreement"]
    lines = [
        f"{count:,} images for {len(segments)} segments by model {model.model_id[:8]} ({len(model.history)} epochs); {refused:,} others refused",
        f"a classifier trained on generated images is right on {accuracy['value']:.3f} of real ones (trained on real ones {accuracy['reference']:.3f}); "
        f"it sees the category asked for in {agreement['value']:.3f} (of real ones in {agreement['reference']:.3f})",
    ]
    if missing:
        lines.append(f"{missing} images are missing: none good enough in content.draws_per_image = {settings.draws_per_image} draws of each")
    for source, words in _FALLBACKS.items():
        without = [one.name for one in segments if one.mix.source == source]
        if without:
            lines.append(f"{', '.join(without) if len(without) <= _NAMED else f'{len(without)} segments'}: {words}")
    unused = [name for number, name in enumerate(shelf.categories) if number not in {wish.category for wish in wishes}]
    for names, words in ((unused, "drawn for no segment, since none buys enough of it"), (shelf.left_out, "left out, with too few images")):
        if names:
            lines.append(f"{', '.join(names)}: {words}")
    lines.append(f"contact sheets: {_sheets(run, storage)}")
    run.say("\n".join(lines))
