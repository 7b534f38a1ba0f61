"""What runs in the second torch task: measuring a finished generator, and drawing the images of each segment until they are good enough."""

from collections import Counter
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from safetensors import SafetensorError
from torch import Tensor

from coterie.content.checkpoint import about, unpacked_model
from coterie.content.classifier import as_input, looked_at, trained
from coterie.content.loop import derived_seed, draw, is_mixed
from coterie.content.network import Classifier, Discriminator, Generator
from coterie.content.pictures import as_png
from coterie.content.plans import PROGRESS, JudgePlan, Wish
from coterie.content.quality import Measure, Sample, copy_threshold, measures, nearest
from coterie.content.storage import Place, read_pixels
from coterie.content.task import TaskError, noted, own_device
from coterie.errors import first_line

Labelled = tuple[Tensor, Tensor]  # images and their labels
UNLIKE, COPY = "unlike_category", "near_copy"


def run_judging(plan: JudgePlan) -> dict[str, Any]:
    """Gives measures (rows of `content_quality` without the model), refused (by reason) and wanting (wishes not met, with what is missing)."""
    notes = Place(plan.work)
    with noted(notes):
        if plan.threads:
            torch.set_num_threads(plan.threads)
        device = own_device()
        name = f"{plan.model_id}.safetensors"
        content, where = Place(plan.models).read(name), f"the weights {plan.models}/{name}"
        if content is None:
            raise TaskError(f"{where} are not there; train anew with --refit")
        try:
            (generator, discriminator), names = unpacked_model(content, device), tuple(about(content)["categories"])
        except (RuntimeError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise TaskError(f"{where} are damaged ({first_line(error)}); train anew with --refit") from None
        training, real = (labelled(plan.images, is_test, device) for is_test in (False, True))
        notes.write_json(PROGRESS, {"doing": "measuring with a classifier"})
        judge = trained(*training, len(names), plan.classifier_steps, plan.seed)
        threshold = copy_threshold(real[0], training[0], plan.copy_distance)
        found = measured(generator, judge, training, real, names, threshold, plan.measure_images, plan.classifier_steps, plan.seed)
        notes.write_json(PROGRESS, {"doing": "drawing the images of the segments"})
        rows, refused, wanting = _drawn(plan, generator, discriminator, judge, training[0], threshold)
        Place(plan.out).write_table("drawn.parquet", pa.Table.from_pylist(rows, _DRAWN))
        return {"measures": [asdict(one) for one in found], "refused": dict(refused), "wanting": wanting}


def labelled(address: str, is_test: bool, device: torch.device) -> Labelled:
    """All images to learn from, or to test on, with their labels."""
    pixels, labels = read_pixels(Place(address), 0, 1, is_test)
    return torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device)


def measured(
    generator: Generator, judge: Classifier, training: Labelled, real: Labelled, names: tuple[str, ...], threshold: float, count: int, steps: int, seed: int
) -> list[Measure]:
    """The measures on `count` images, of each category about as many as real ones have. judge: the classifier trained on real images."""
    chance = torch.Generator().manual_seed(derived_seed(seed, "measured"))
    rows = torch.randint(len(training[1]), (count,), generator=chance).to(training[1].device)
    labels = training[1][rows]
    with torch.autocast(labels.device.type, torch.bfloat16, enabled=is_mixed("auto", labels.device)):
        images = draw(generator, labels, (derived_seed(seed, "measured", number) for number in range(count)))
    taught = trained(images, labels, len(names), steps, seed)
    sample, test, learned = (_sample(judge, *of) for of in ((images, labels), real, (training[0][rows], labels)))
    accuracies = ((looked_at(taught, real[0])[1].argmax(1) == real[1]).float().mean().item(), (test.seen == real[1]).float().mean().item())
    return measures(sample, test, learned, training[0], names, accuracies, threshold)


def _sample(judge: Classifier, images: Tensor, labels: Tensor) -> Sample:
    return Sample(images, labels, *looked_at(judge, images))


def _drawn(
    plan: JudgePlan, generator: Generator, discriminator: Discriminator, judge: Classifier, training: Tensor, threshold: float
) -> tuple[list[dict[str, Any]], Counter[str], list[tuple[Wish, int]]]:
    """Rounds of drawing: in each as many as are still missing, at most `draws_per_image` rounds."""
    kept: dict[Wish, list[dict[str, Any]]] = {wish: [] for wish in plan.wishes}
    refused: Counter[str] = Counter()
    for attempt in range(plan.draws_per_image):
        asked = [(wish, number) for wish in plan.wishes for number in range(wish.count - len(kept[wish]))]
        if not asked:
            break
        seeds = [derived_seed(plan.model_id, wish.segmentation, wish.segment_id, wish.category, attempt, number) for wish, number in asked]
        labels = torch.tensor([wish.category for wish, _ in asked], device=training.device)
        images = draw(generator, labels, seeds)
        likely = looked_at(judge, images)[1].gather(1, labels[:, None])[:, 0].tolist()
        distances = nearest(images, training).tolist()
        with torch.no_grad():
            scores = torch.cat([discriminator(as_input(part), of) for part, of in zip(images.split(500), labels.split(500), strict=True)]).tolist()
        pixels = images.permute(0, 2, 3, 1).cpu().numpy()
        for index, (wish, _) in enumerate(asked):
            reason = UNLIKE if likely[index] < plan.min_probability else COPY if distances[index] < threshold else ""
            if reason:
                refused[reason] += 1
                continue
            kept[wish].append(_row(plan, wish, seeds[index], pixels[index], scores[index], likely[index], distances[index]))
    wanting = [(wish, wish.count - len(rows)) for wish, rows in kept.items() if len(rows) < wish.count]
    return [row for rows in kept.values() for row in rows], refused, wanting


_DRAWN = pa.schema(
    [
        ("image_id", pa.string()), ("segmentation", pa.string()), ("segment_id", pa.int32()), ("label", pa.int64()), ("seed", pa.int64()),
        ("discriminator_score", pa.float64()), ("probability", pa.float64()), ("nearest_distance", pa.float64()), ("png", pa.binary()),
    ]
)  # fmt: skip


def _row(plan: JudgePlan, wish: Wish, seed: int, pixels: np.ndarray[Any, Any], score: float, likely: float, distance: float) -> dict[str, Any]:
    return {
        "image_id": sha256(f"{plan.model_id} {wish.category} {seed}".encode()).hexdigest(),
        "segmentation": wish.segmentation,
        "segment_id": wish.segment_id,
        "label": wish.category,
        "seed": seed,
        "discriminator_score": score,
        "probability": likely,
        "nearest_distance": distance,
        "png": as_png(pixels),
    }
