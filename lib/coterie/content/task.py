"""What runs in a torch process that Spark has launched: training on this process's shard, and drawing and judging images.

Everything it needs comes by a plan of plain values; everything it makes goes to the storage place.
"""

import contextlib
import datetime
import hashlib
import math
import os
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, distributed

from coterie.content.checkpoint import about, packed, packed_model, unpack
from coterie.content.loop import Alone, Peers, State, fresh, settled, train
from coterie.content.plans import CHECKPOINT, FAILURE, PROGRESS, REVISION, TrainPlan
from coterie.content.storage import Place, read_pixels
from coterie.errors import first_line

_TOLD_EVERY = 5.0  # seconds between two notes of progress
_PATIENCE = datetime.timedelta(minutes=5)  # that processes wait for each other


class TaskError(Exception):
    """A torch task cannot go on, and a person can do something about it: the message says what."""


class Group:
    """The processes of torch's process group."""

    def __init__(self) -> None:
        self.rank, self.count = distributed.get_rank(), distributed.get_world_size()

    def average(self, tensors: Iterable[Tensor]) -> None:
        held = list(tensors)
        flat = torch.cat([tensor.flatten() for tensor in held])
        distributed.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(held, flat.split([tensor.numel() for tensor in held]), strict=True):
            tensor.copy_(part.view_as(tensor))


def run_training(plan: TrainPlan) -> dict[str, Any]:
    """Trains to the last epoch, from the newest checkpoint where there is one; gives model_id, name and metrics of every epoch."""
    work = Place(plan.work)
    with noted(work), _peers() as (peers, device), noted(work):  # the inner note is there before the others lose this process; the outer tells of the launch
        if plan.threads:
            torch.set_num_threads(plan.threads)
        pixels, labels = read_pixels(Place(plan.images), peers.rank, peers.count)
        images, kinds = torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device)
        state, history = fresh(plan.recipe, len(plan.categories), device), []
        content = work.read(CHECKPOINT)
        if content is not None:
            history = _gone_on(plan, content, state)
        begun = len(history)
        steps, notes = max(1, plan.count // plan.recipe.batch), _Notes(work if peers.rank == 0 else None, history)

        def after(done: State, metrics: dict[str, float]) -> None:
            _sound(metrics, done)
            history.append(metrics)
            if peers.rank == 0:
                _kept(work, packed(done, {**_fits(plan), "history": history}), done.epoch)
                notes.tell(done.epoch, 0, steps)

        train(state, plan.recipe, images, kinds, steps, peers, after, lambda step: notes.tell_sometimes(state.epoch, step, steps))
        mix = torch.bincount(kinds, minlength=len(plan.categories)).float()
        peers.average([mix])
        finished = replace(state, smooth=settled(state.smooth, mix, plan.recipe.seed))
        model = packed_model(finished, {"channels": plan.recipe.channels, "size": plan.recipe.size, "categories": list(plan.categories)})
        model_id = hashlib.sha256(model).hexdigest()
        if peers.rank == 0:
            _kept(Place(plan.models), model, None, f"{model_id}.safetensors")
        return {"model_id": model_id, "metrics": history, "resumed_after": begun}


def _sound(metrics: dict[str, float], state: State) -> None:
    """Raises TaskError where the training has diverged: nothing good comes of such weights any more."""
    weights = [value for value in state.generator.state_dict().values() if value.is_floating_point()]
    if not (all(map(math.isfinite, metrics.values())) and all(bool(value.isfinite().all()) for value in weights)):
        losses = f"losses {metrics['discriminator_loss']:.3g} and {metrics['generator_loss']:.3g}"
        raise TaskError(
            f"the training diverged in epoch {state.epoch} ({losses}), and its weights are not kept; set lower rates (content.gan.generator_rate and "
            "content.gan.discriminator_rate) or a larger content.gan.batch"
        )


def _fits(plan: TrainPlan) -> dict[str, Any]:
    """What a checkpoint must have in common with the training that goes on from it."""
    return {"revision": REVISION, "recipe": vars(plan.recipe), "categories": list(plan.categories), "data": plan.data}


def _gone_on(plan: TrainPlan, content: bytes, state: State) -> list[dict[str, float]]:
    """Puts the checkpoint into `state`; gives the metrics up to it. Raises TaskError where it belongs to another training."""
    where = f"the checkpoint {plan.work}/{CHECKPOINT}"
    try:
        there = about(content)
    except (ValueError, KeyError, TypeError):
        raise TaskError(f"{where} is not readable as one; take it away to begin anew") from None
    differing = [name for name, value in _fits(plan).items() if there.get(name) != value]
    if differing:
        raise TaskError(f"{where} is of another training (its {', '.join(differing)} differ); take it away to begin anew")
    try:
        unpack(content, state)
    except (RuntimeError, KeyError, ValueError, SafetensorError) as error:
        raise TaskError(f"{where} does not fit or is damaged: {first_line(error)}; take it away to begin anew") from None
    history: list[dict[str, float]] = there["history"]
    return history


def _kept(place: Place, content: bytes, epoch: int | None, name: str = CHECKPOINT) -> None:
    try:
        place.write(name, content)
    except OSError as error:
        what = f"the checkpoint of epoch {epoch}" if epoch else "the finished weights"
        stands = f"; that of epoch {epoch - 1} stands, and the same command goes on from it" if epoch and epoch > 1 else ""
        raise TaskError(f"{what} ({len(content) / 2**20:.0f} MB) could not be written to {place.address}: {error}{stands}") from None


class _Notes:
    """What the driver is told while the training goes on: a file, since a folder is all that they surely share."""

    def __init__(self, place: Place | None, history: list[dict[str, float]]) -> None:
        self.place, self.history, self.last = place, history, time.monotonic()

    def tell_sometimes(self, epoch: int, step: int, steps: int) -> None:
        if time.monotonic() - self.last > _TOLD_EVERY:
            self.tell(epoch, step, steps)

    def tell(self, epoch: int, step: int, steps: int) -> None:
        if self.place is not None:
            with contextlib.suppress(OSError):  # a note that cannot be written stops no training
                self.place.write_json(PROGRESS, {"epoch": epoch, "step": step, "steps": steps, "history": self.history})
        self.last = time.monotonic()


@contextlib.contextmanager
def _peers() -> Iterator[tuple[Peers, torch.device]]:
    """The processes launched together, by what there is: nccl where each has a GPU, gloo elsewhere."""
    device = own_device()
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Alone(), device
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Group(), device
    finally:
        distributed.destroy_process_group()


def own_device() -> torch.device:
    """A GPU of this process's own, where every process of this machine has one; else the cores."""
    has_own = torch.cuda.is_available() and torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if has_own else torch.device("cpu")


@contextlib.contextmanager
def noted(place: Place) -> Iterator[None]:
    """Leaves the message of what fails where the driver finds it: a launcher would tell of a child's exit code."""
    try:
        yield
    except BaseException as error:
        kind = "" if isinstance(error, TaskError) else f"{type(error).__name__}: "
        with contextlib.suppress(Exception):
            if place.read(FAILURE) is None:  # the first of several processes knows why; the others only lost it
                place.write_json(FAILURE, {"message": f"{kind}{error}", "trace": traceback.format_exc()})
        raise
