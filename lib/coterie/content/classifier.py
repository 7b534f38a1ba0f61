"""The small classifier that generated images are measured with: trained on them and tested on real ones, and the other way round."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from coterie.content.loop import is_mixed
from coterie.content.network import Classifier

_BATCH, _RATE = 128, 1e-3
_HELD = 1000  # images looked at together


def trained(images: Tensor, labels: Tensor, categories: int, steps: int, seed: int) -> Classifier:
    """A classifier of uint8 images (n x 3 x size x size), by so many steps of Adam on 128 images each; the same for the same seed."""
    device = images.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Classifier(categories, images.shape[-1])
    model = model.to(device, memory_format=torch.channels_last)
    chance = torch.Generator(device).manual_seed(seed)
    adam, epochs = torch.optim.Adam(model.parameters(), _RATE), math.ceil(steps * _BATCH / len(images))
    order = torch.cat([torch.randperm(len(images), generator=chance, device=device) for _ in range(epochs)])
    for rows in order.split(_BATCH)[:steps]:
        with torch.autocast(device.type, torch.bfloat16, enabled=is_mixed("auto", device)):
            logits = model(as_input(images[rows]))
        adam.zero_grad()
        functional.cross_entropy(logits.float(), labels[rows]).backward()
        adam.step()
    return model.eval().requires_grad_(False)


@torch.no_grad()
def looked_at(model: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 128) features and (n, k) probabilities of uint8 images."""
    features, chances = [], []
    for part in images.split(_HELD):
        seen = model.features(as_input(part))
        features.append(seen)
        chances.append(functional.softmax(model.head(seen), dim=1))
    return torch.cat(features), torch.cat(chances)


def as_input(images: Tensor) -> Tensor:
    """uint8 in [-1, 1]."""
    return images.to(memory_format=torch.channels_last).float().div_(127.5).sub_(1)
