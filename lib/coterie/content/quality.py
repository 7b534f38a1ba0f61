"""How good generated images are, measured on real ones that the generator has not seen.

Measures of `content_quality`, each with the same of real images as its reference where that has a meaning:

trained_on_generated   accuracy on real test images of a classifier trained on generated ones; reference: trained on real ones (the ceiling)
agreement              share of generated images in which a classifier trained on real ones sees the category asked for; reference: test images
class_share            share of generated images that it puts in a category, where as many of each are asked for as real ones have; reference: real
frechet_distance       of its features, generated to real test images (Heusel et al. 2017, eq. 6); reference: real training to real test images
diversity              mean distance between two images of a category; reference: of real ones
near_copies            share nearer to a training image than `content.copy_distance` medians of real test images' distances; reference: test images
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_PAIRED = 500  # images of a category between which distances are measured
_NEAREST = 2000  # images whose nearest training image is looked for
_CHUNK = 4096


@dataclass(frozen=True)
class Measure:
    """A row of `content_quality` without its model. category "": of all together."""

    measure: str
    category: str
    value: float
    reference: float | None
    images: int


@dataclass(frozen=True)
class Sample:
    """Images with what the classifier trained on real ones sees in them."""

    images: Tensor  # (n, 3, size, size) uint8
    labels: Tensor  # (n,)
    features: Tensor  # (n, 128)
    chances: Tensor  # (n, k)

    @property
    def seen(self) -> Tensor:
        return self.chances.argmax(1)


def measures(
    generated: Sample, real: Sample, learned: Sample, training: Tensor, names: tuple[str, ...], accuracies: tuple[float, float], threshold: float
) -> list[Measure]:
    """All of them. real: test images; learned: as many of the training images as were generated; training: all of them.

    accuracies: on real test images, trained on generated and on real; threshold: below this distance an image is a copy.
    """
    count = len(generated.labels)
    found = [Measure("trained_on_generated", "", *accuracies, count), Measure("agreement", "", agreement(generated), agreement(real), count)]
    made, there = class_shares(generated, len(names)), class_shares(real, len(names))
    own, theirs = diversity(generated, len(names)), diversity(real, len(names))
    for index, name in enumerate(names):
        of_class = int((generated.labels == index).sum())
        found.append(Measure("class_share", name, made[index], there[index], of_class))
        if own[index] is not None and theirs[index] is not None:
            found.append(Measure("diversity", name, float(own[index] or 0), theirs[index], of_class))
    both = [(a, b) for a, b in zip(own, theirs, strict=True) if a is not None and b is not None]
    if both:
        found.append(Measure("diversity", "", float(np.mean([a for a, _ in both])), float(np.mean([b for _, b in both])), count))
    distances = [frechet_distance(_numbers(sample), _numbers(real)) for sample in (generated, learned)]
    found.append(Measure("frechet_distance", "", distances[0], distances[1], count))
    copies = [(nearest(sample.images[:_NEAREST], training) < threshold).float().mean().item() for sample in (generated, real)]
    found.append(Measure("near_copies", "", copies[0], copies[1], min(count, _NEAREST)))
    return found


def agreement(sample: Sample) -> float:
    return (sample.seen == sample.labels).float().mean().item()


def class_shares(sample: Sample, count: int) -> list[float]:
    shares: list[float] = (torch.bincount(sample.seen, minlength=count) / len(sample.seen)).tolist()
    return shares


def diversity(sample: Sample, count: int) -> list[float | None]:
    """Of each category the mean distance between two of its images; None where it has fewer than two."""
    found: list[float | None] = []
    for label in range(count):
        flat = _flat(sample.images[sample.labels == label][:_PAIRED])
        found.append(torch.pdist(flat).mean().item() / flat.shape[1] ** 0.5 if len(flat) > 1 else None)
    return found


def nearest(images: Tensor, training: Tensor) -> Tensor:
    """(n,) distances to the nearest of `training`: root mean square over pixels, in [0, 1]."""
    flat = _flat(images)
    best = torch.full((len(flat),), torch.inf, device=flat.device)
    for part in training.split(_CHUNK):
        best = torch.minimum(best, torch.cdist(flat, _flat(part)).min(1).values)
    return best / flat.shape[1] ** 0.5


def copy_threshold(real: Tensor, training: Tensor, medians: float) -> float:
    """`medians` times the median distance of real test images to their nearest training image."""
    return medians * nearest(real[:_NEAREST], training).median().item()


def frechet_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of the normal distributions with the features' means and covariances: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))."""
    means, spreads = [rows.mean(0) for rows in (one, other)], [np.cov(rows, rowvar=False) for rows in (one, other)]
    values, vectors = np.linalg.eigh(spreads[0])
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # C1^(1/2): the trace of (C1^(1/2) C2 C1^(1/2))^(1/2) is that of (C1 C2)^(1/2)
    mixed = np.sqrt(np.linalg.eigvalsh(root @ spreads[1] @ root).clip(0)).sum()
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * mixed)


def _flat(images: Tensor) -> Tensor:
    return images.flatten(1).float() / 255


def _numbers(sample: Sample) -> NDArray[np.float64]:
    return sample.features.cpu().numpy().astype(np.float64)
