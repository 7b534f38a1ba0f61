"""The training of the GAN, in one process or in several that average their gradients. It knows torch, and nothing of Spark.

All chance of an epoch comes from (seed, epoch, rank), so that a checkpoint needs no state of a random generator: going on from it gives
the weights that an undisturbed run gives.
"""

import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from coterie.content.network import LATENT, Discriminator, Generator
from coterie.content.plans import Recipe

_DRAWN = 500  # images drawn at a time
_SETTLED = 10_000  # images that the statistics of a finished generator are of


class Peers(Protocol):
    """The processes that train together."""

    @property
    def rank(self) -> int: ...

    @property
    def count(self) -> int: ...

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Puts the mean over all processes in place of each tensor."""
        ...


class Alone:
    """One process and no other."""

    rank, count = 0, 1

    def average(self, tensors: Iterable[Tensor]) -> None:
        pass


@dataclass
class State:
    """All that training goes on from. `smooth`: the moving average of the generator, which is what draws images."""

    generator: Generator
    smooth: Generator
    discriminator: Discriminator
    generator_steps: torch.optim.Adam
    discriminator_steps: torch.optim.Adam
    epoch: int = 0


def fresh(recipe: Recipe, categories: int, device: torch.device) -> State:
    """Untrained networks, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        generator = Generator(recipe.channels, categories, recipe.size)
        discriminator = Discriminator(recipe.channels, categories)
    layout: Any = {"device": device, "memory_format": torch.channels_last}
    generator, discriminator = generator.to(**layout), discriminator.to(**layout)
    smooth = copy.deepcopy(generator).eval().requires_grad_(False)
    adam = [torch.optim.Adam(net.parameters(), rate, betas=(0.5, 0.999)) for net, rate in
            ((generator, recipe.generator_rate), (discriminator, recipe.discriminator_rate))]  # fmt: skip
    return State(generator, smooth, discriminator, adam[0], adam[1])


def discriminator_loss(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """Least squares: Mao et al. 2017, eq. 2 with a = 0 and b = 1; else binary cross-entropy, Goodfellow et al. 2014, eq. 1."""
    if kind == "least_squares":
        return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def generator_loss(kind: str, fake: Tensor) -> Tensor:
    """Least squares: Mao et al. 2017, eq. 2 with c = 1; else the non-saturating form of Goodfellow et al. 2014, section 3."""
    return 0.5 * ((fake - 1) ** 2).mean() if kind == "least_squares" else functional.softplus(-fake).mean()


def train_epoch(
    state: State, recipe: Recipe, images: Tensor, labels: Tensor, steps: int, peers: Peers, told: Callable[[int], None] = lambda step: None
) -> dict[str, float]:
    """One epoch of `steps` steps on this process's images (uint8, n x 3 x size x size) and labels; gives the epoch's metrics.

    A step takes `recipe.batch` images, each process its share. `told` is called with the number of steps done.
    """
    device, share = images.device, recipe.batch // peers.count
    chance = torch.Generator(device).manual_seed(derived_seed(recipe.seed, state.epoch, peers.rank))
    order = torch.cat([torch.randperm(len(images), generator=chance, device=device) for _ in range(math.ceil(steps * share / len(images)))])
    sums = torch.zeros(4, device=device)
    started = time.perf_counter()
    for step in range(steps):
        rows = order[step * share : (step + 1) * share]
        real = images[rows].to(memory_format=torch.channels_last).float().div_(127.5).sub_(1)
        done = state.epoch * steps + step
        sums += train_step(state, recipe, real, labels[rows], chance, peers, undecayed(recipe, done, steps))
        _smooth(state.smooth, state.generator, min(recipe.average, (1 + done) / (10 + done)))  # shorter at first: it must forget how it began
        told(step + 1)
    peers.average(value for net in (state.generator, state.smooth) for value in net.buffers() if value.is_floating_point())
    seconds = time.perf_counter() - started
    state.epoch += 1
    named = dict(zip(("discriminator_loss", "generator_loss", "real_score", "fake_score"), (sums / steps).tolist(), strict=True))
    return {"epoch": state.epoch, **named, "seconds": seconds, "images_per_second": steps * recipe.batch / seconds}


def undecayed(recipe: Recipe, done: int, steps: int) -> float:
    """The part of both rates and of the noise that stands after `done` steps, `steps` an epoch: 1, then linearly to 0 at the last epoch's end.

    It knows the steps done and no more, so that it is the same in every process and after a resume.
    """
    left = 1 - done / (recipe.epochs * steps)
    return left / recipe.decay_share if left < recipe.decay_share else 1.0


def train_step(state: State, recipe: Recipe, real: Tensor, labels: Tensor, chance: torch.Generator, peers: Peers, part: float = 1.0) -> Tensor:
    """One step of each network; the generator learns from the images that the discriminator has just seen. part: as `undecayed` gives it."""
    count, device = len(real), real.device
    for adam, rate in ((state.generator_steps, recipe.generator_rate), (state.discriminator_steps, recipe.discriminator_rate)):
        adam.param_groups[0]["lr"] = part * rate

    def blurred(images: Tensor) -> Tensor:
        return images + part * recipe.noise * torch.randn(images.shape, generator=chance, device=device)

    mixed = torch.autocast(device.type, torch.bfloat16, enabled=is_mixed(recipe.precision, device))
    z = torch.randn(count, LATENT, generator=chance, device=device)
    with mixed:
        fake = state.generator(z, labels)
        seen = torch.cat([blurred(real), blurred(fake.detach())])
        scores = state.discriminator(seen, torch.cat([labels, labels])).float()
    loss = discriminator_loss(recipe.loss, scores[:count], scores[count:])
    _descend(state.discriminator_steps, state.discriminator, loss, peers)
    state.discriminator.requires_grad_(False)
    with mixed:
        again = state.discriminator(blurred(fake), labels).float()
    aim = generator_loss(recipe.loss, again)
    _descend(state.generator_steps, state.generator, aim, peers)
    state.discriminator.requires_grad_(True)
    return torch.stack([loss.detach(), aim.detach(), scores[:count].detach().mean(), scores[count:].detach().mean()])


def _descend(steps: torch.optim.Optimizer, network: nn.Module, loss: Tensor, peers: Peers) -> None:
    steps.zero_grad()
    loss.backward()
    peers.average(parameter.grad for parameter in network.parameters() if parameter.grad is not None)
    steps.step()


@torch.no_grad()
def _smooth(smooth: nn.Module, network: nn.Module, keep: float) -> None:
    """The moving average of weights and of batch norm's statistics alike."""
    there, here = smooth.state_dict(), network.state_dict()
    floats = [name for name, value in here.items() if value.is_floating_point()]
    torch._foreach_lerp_([there[name] for name in floats], [here[name] for name in floats], 1 - keep)


@torch.no_grad()
def settled(generator: Generator, mix: Tensor, seed: int) -> Generator:
    """A copy whose batch norm has the statistics of its own weights: those kept in training are of many weights before.

    mix: weights of the categories, as the training images have them. The same seed gives the same statistics.
    """
    known, chance = copy.deepcopy(generator), torch.Generator().manual_seed(derived_seed(seed, "settled"))
    for norm in known.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
    known.train()
    categories = torch.multinomial(mix.cpu(), _SETTLED, replacement=True, generator=chance)
    for part in categories.split(_DRAWN):
        known(torch.randn(len(part), LATENT, generator=chance).to(mix.device), part.to(mix.device))
    return known.eval()


@torch.no_grad()
def draw(generator: Generator, categories: Tensor, seeds: Iterable[int]) -> Tensor:
    """(n, 3, size, size) uint8 images of the categories; each is made from its own seed, whatever it is drawn together with."""
    z = torch.stack([torch.randn(LATENT, generator=torch.Generator().manual_seed(seed)) for seed in seeds]).to(categories.device)
    parts = [generator(part, of) for part, of in zip(z.split(_DRAWN), categories.split(_DRAWN), strict=True)]
    return torch.cat([(part.float() + 1).mul(127.5).round().clamp(0, 255).to(torch.uint8) for part in parts])


def derived_seed(*parts: object) -> int:
    """A seed of 63 bits from anything that has a text."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def is_mixed(precision: str, device: torch.device) -> bool:
    """Whether products are made in bfloat16: "auto" does where the processor has units for it, since elsewhere it is slower."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(found.get("amx_bf16"))


def train(
    state: State,
    recipe: Recipe,
    images: Tensor,
    labels: Tensor,
    steps: int,
    peers: Peers,
    after: Callable[[State, dict[str, float]], None] = lambda state, metrics: None,
    told: Callable[[int], None] = lambda step: None,
) -> None:
    """Trains until `recipe.epochs` are done. `after` is called with the state and the metrics of each epoch, `told` as in `train_epoch`."""
    while state.epoch < recipe.epochs:
        after(state, train_epoch(state, recipe, images, labels, steps, peers, told))
