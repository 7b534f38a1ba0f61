"""What a torch task is asked to do, in plain values: the driver makes it without torch, the task carries it out."""

from dataclasses import dataclass
from typing import Any, Literal

CHECKPOINT = "checkpoint.safetensors"
REVISION = 2  # of the networks and their training: raised with each change that gives other weights from the same recipe and images
PROGRESS, FAILURE = "progress.json", "failure.json"  # notes that a task leaves for the driver


@dataclass(frozen=True)
class Recipe:
    """What the weights depend on beside the images; `conf/base.toml` says what each does."""

    size: int
    channels: int
    batch: int
    epochs: int
    loss: Literal["least_squares", "cross_entropy"]
    generator_rate: float
    discriminator_rate: float
    average: float
    noise: float
    decay_share: float
    seed: int
    precision: Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class TrainPlan:
    """images: address of the training data; work: of checkpoints and notes; models: of finished weights.

    count: images to learn from; data: hash of them; threads: of a process, 0 for torch's own choice.
    """

    images: str
    work: str
    models: str
    count: int
    categories: tuple[str, ...]
    data: str
    threads: int
    recipe: Recipe


@dataclass(frozen=True)
class Wish:
    """So many images of a category (its number) for a segment."""

    segmentation: str
    segment_id: int
    category: int
    count: int


@dataclass(frozen=True)
class JudgePlan:
    """images: address of the training data; work: of notes; models: of the weights; out: of the images drawn, as `drawn.parquet`."""

    images: str
    work: str
    models: str
    model_id: str
    out: str
    wishes: tuple[Wish, ...]
    draws_per_image: int
    min_probability: float
    copy_distance: float
    measure_images: int
    classifier_steps: int
    seed: int
    threads: int


def train_in_task(plan: TrainPlan) -> dict[str, Any]:
    """`task.run_training`, by a name that the driver has without torch."""
    from coterie.content.task import run_training  # noqa: PLC0415 - loads torch, in the task

    return run_training(plan)


def judge_in_task(plan: JudgePlan) -> dict[str, Any]:
    """`judge.run_judging`, by a name that the driver has without torch."""
    from coterie.content.judge import run_judging  # noqa: PLC0415 - loads torch, in the task

    return run_judging(plan)
