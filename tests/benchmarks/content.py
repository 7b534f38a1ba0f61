"""The figures of the content job on Fashion-MNIST: each is kept as soon as it is there, so that a run cut short goes on.

usage: python tests/benchmarks/content.py DATA WORK [--parts quality losses launch processes resume] [--epochs N] [--seeds N] [--threads N]

DATA: the folder of the IDX files; WORK: what is kept between runs. Parts:
  quality    the recipe of conf/base.toml for each seed: all measures after epochs 2, 5, 10, ...
  losses     least squares and cross-entropy, 5 epochs each, for each seed
  launch     an epoch of 12,000 images in this process, and in a torch task that Spark launches: seconds of the loops alone
  processes  the same in one process and in two, of one thread each: images a second, and the losses
  resume     5 epochs of 6,000 images in a process that is killed in epoch 3 and started again, and in one that is not: are the weights the same
"""

import argparse
import base64
import hashlib
import pickle
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.results import Kept

from coterie.content.checkpoint import packed, unpack
from coterie.content.classifier import trained
from coterie.content.judge import labelled, measured
from coterie.content.launch import launched
from coterie.content.loop import Alone, State, fresh, settled, train
from coterie.content.pictures import as_png, idx_images, idx_labels
from coterie.content.plans import PROGRESS, REVISION, Recipe, TrainPlan, train_in_task
from coterie.content.quality import copy_threshold
from coterie.content.storage import Place
from coterie.lake import as_json
from coterie.session import get_session
from coterie.settings import load_settings

SETTINGS = load_settings([]).content
RECIPE = Recipe(size=SETTINGS.size, **SETTINGS.gan.model_dump())
SHOWN = (2, 5, 10, 15, 20, 30, 40, 50)
CPU = torch.device("cpu")


def named(name: str, recipe: Recipe) -> str:
    """The name with what the figures depend on beside the images, so that those of different recipes never mix."""
    measuring = SETTINGS.model_dump(include={"labels", "copy_distance", "measure_images", "classifier_steps"})
    return f"{name} {hashlib.sha256(as_json([REVISION, asdict(recipe), measuring]).encode()).hexdigest()[:8]}"


def export(data: Path, work: Path, count: int | None = None) -> str:
    """The training data as the job exports it, 16 files with the test images among them; of the first `count` images."""
    folder = work / f"images{count or ''}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        for part, is_test in (("train", False), ("t10k", True)):
            images = idx_images((data / f"{part}-images-idx3-ubyte.gz").read_bytes())[: None if is_test else count]
            labels = idx_labels((data / f"{part}-labels-idx1-ubyte.gz").read_bytes())[: len(images)]
            pairs = zip(images, labels, strict=True)
            rows += [{"label": int(label), "is_test": is_test, "png": as_png(image[:, :, None].repeat(3, 2))} for image, label in pairs]
        for number in range(16):
            pq.write_table(pa.Table.from_pylist(rows[number::16]), folder / f"{number:02d}.parquet")
        (folder / "done").touch()
    return str(folder)


class Trial:
    """A training of a recipe in this process, measured after the epochs of SHOWN and the last."""

    def __init__(self, data: Path, work: Path, kept: Kept) -> None:
        self.work, self.kept, address = work, kept, export(data, work)
        self.training, self.real = (labelled(address, is_test, CPU) for is_test in (False, True))
        self.judge = trained(*self.training, 10, SETTINGS.classifier_steps, 1)
        self.threshold = copy_threshold(self.real[0], self.training[0], SETTINGS.copy_distance)

    def run(self, part: str, recipe: Recipe) -> None:
        name = named(part, recipe)
        if f"{name} epoch {recipe.epochs}" in self.kept.values:
            return
        state, place, last = fresh(recipe, 10, CPU), Place(str(self.work)), f"{name}.safetensors"
        content = place.read(last)
        if content is not None:
            unpack(content, state)

        def after(done: State, metrics: dict[str, float]) -> None:
            if done.epoch in SHOWN or done.epoch == recipe.epochs:
                self.kept.once(f"{name} epoch {done.epoch}", lambda: self.measured(done, metrics))
            place.write(last, packed(done, {}))

        train(state, recipe, *self.training, len(self.training[1]) // recipe.batch, Alone(), after)

    def measured(self, state: State, metrics: dict[str, float]) -> dict[str, Any]:
        names, generator = tuple(SETTINGS.labels), settled(state.smooth, torch.bincount(self.training[1]).float(), 1)
        found = measured(
            generator, self.judge, self.training, self.real, names, self.threshold, SETTINGS.measure_images, SETTINGS.classifier_steps, 1
        )  # fmt: skip
        whole = {one.measure: [round(one.value, 4), None if one.reference is None else round(one.reference, 4)] for one in found if not one.category}
        shares = [one.value for one in found if one.measure == "class_share"]
        return {**whole, "class_shares": [min(shares), max(shares)], "seconds": metrics["seconds"], "images_per_second": metrics["images_per_second"]}


def plan(data: Path, work: Path, name: str, count: int, recipe: Recipe, threads: int) -> TrainPlan:
    return TrainPlan(export(data, work, count), str(work / name), str(work / "models"), count, tuple(SETTINGS.labels), "fashion", threads, recipe)


def launched_epoch(data: Path, work: Path, processes: int, threads: int) -> dict[str, float]:
    """The metrics of one epoch of 12,000 images, in torch processes that Spark launches."""
    asked = plan(data, work, f"launched-{processes}-{time.time_ns()}", 12_000, replace(RECIPE, epochs=1), threads)
    return launched(train_in_task, asked, Place(asked.work), processes, "driver", False, lambda note: None)["metrics"][-1]


def plain_epoch(data: Path, work: Path) -> dict[str, float]:
    """The same in this process."""
    images, labels = labelled(export(data, work, 12_000), False, CPU)
    metrics: list[dict[str, float]] = []
    train(fresh(RECIPE, 10, CPU), replace(RECIPE, epochs=1), images, labels, 12_000 // RECIPE.batch, Alone(), lambda state, one: metrics.append(one))
    return metrics[0]


def killed(data: Path, work: Path, threads: int) -> dict[str, Any]:
    """A process that trains is killed in epoch 3 and started again; another is left alone."""
    five, folder = replace(RECIPE, epochs=5), f"killed-{time.time_ns()}"
    call = "import base64, pickle, sys; from coterie.content.plans import *; print(train_in_task(pickle.loads(base64.b64decode(sys.argv[1])))['model_id'])"

    def start(asked: TrainPlan) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", call, base64.b64encode(pickle.dumps(asked)).decode()], stdout=subprocess.PIPE)

    asked = plan(data, work, folder, 6_000, five, threads)
    first, note = start(asked), None
    while not (note and note["epoch"] == 2 and note["step"]):
        time.sleep(0.2)
        note = Place(asked.work).read_json(PROGRESS)
    first.kill()
    again, alone = (start(one).communicate()[0].decode().strip() for one in (asked, replace(asked, work=f"{asked.work}-alone")))
    return {"killed_in_epoch": 3, "killed_at_step": note["step"], "resumed": again, "undisturbed": alone, "same_weights": again == alone}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--parts", nargs="+", default=["quality", "losses", "launch", "processes", "resume"])
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    kept, single = Kept(given.work / "results.json"), replace(RECIPE, epochs=1)
    if {"launch", "processes"} & set(given.parts):
        get_session(load_settings([]).spark)
    if "resume" in given.parts:
        kept.once(named("resume", replace(RECIPE, epochs=5)), lambda: killed(given.data, given.work, 1))
    if "launch" in given.parts:
        kept.once(named("launch plain", single), lambda: plain_epoch(given.data, given.work))
        kept.once(named("launch by Spark", single), lambda: launched_epoch(given.data, given.work, 1, given.threads))
    if "processes" in given.parts:
        for count in (1, 2):
            kept.once(named(f"processes {count}", single), lambda count=count: launched_epoch(given.data, given.work, count, 1))
    if {"quality", "losses"} & set(given.parts):
        trial = Trial(given.data, given.work, kept)
        for seed in range(1, given.seeds + 1):
            if "quality" in given.parts:
                trial.run(f"quality seed {seed}", replace(RECIPE, seed=seed, epochs=given.epochs))
            for loss in ("least_squares", "cross_entropy") if "losses" in given.parts else ():
                trial.run(f"losses {loss} seed {seed}", replace(RECIPE, loss=loss, seed=seed, epochs=5))


if __name__ == "__main__":
    main()
