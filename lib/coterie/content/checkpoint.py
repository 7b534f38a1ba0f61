"""Training states and generators as safetensors: tensors, and beside them what they belong to as JSON."""

import json
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from coterie.content.loop import State
from coterie.content.network import Discriminator, Generator

_NETWORKS = ("generator", "smooth", "discriminator")
_STEPS = ("generator_steps", "discriminator_steps")


def packed(state: State, about: dict[str, Any]) -> bytes:
    """The state as bytes; `about` is anything that JSON holds."""
    tensors: dict[str, Tensor] = {}
    for name in _NETWORKS:
        tensors |= {f"{name}.{key}": value for key, value in getattr(state, name).state_dict().items()}
    for name in _STEPS:
        for index, values in getattr(state, name).state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in values.items()}
    return _saved(tensors, {**about, "epoch": state.epoch})


def unpack(content: bytes, state: State) -> None:
    """Puts what `packed` gave into `state`, which must have the same architecture."""
    tensors = load(content)
    for name in _NETWORKS:
        getattr(state, name).load_state_dict(_below(tensors, name))
    for name in _STEPS:
        steps, values = getattr(state, name), _below(tensors, name)
        kept: dict[int, dict[str, Tensor]] = {}
        for key, value in values.items():
            index, _, part = key.partition(".")
            kept.setdefault(int(index), {})[part] = value
        steps.load_state_dict({"state": kept, "param_groups": steps.state_dict()["param_groups"]})
    state.epoch = about(content)["epoch"]


def about(content: bytes) -> dict[str, Any]:
    """What the bytes belong to. Raises ValueError where they are no safetensors."""
    length = int.from_bytes(content[:8], "little")
    found = json.loads(content[8 : 8 + length])["__metadata__"]["about"]
    values: dict[str, Any] = json.loads(found)
    return values


def packed_model(state: State, about: dict[str, Any]) -> bytes:
    """What draws and judges images: the averaged generator and the discriminator. `about` has what `unpacked_model` builds them from."""
    tensors = {f"generator.{key}": value for key, value in state.smooth.state_dict().items()}
    return _saved(tensors | {f"discriminator.{key}": value for key, value in state.discriminator.state_dict().items()}, about)


def unpacked_model(content: bytes, device: torch.device) -> tuple[Generator, Discriminator]:
    """The networks of `packed_model`, to be used and not trained."""
    values, tensors = about(content), load(content)
    generator = Generator(values["channels"], len(values["categories"]), values["size"])
    discriminator = Discriminator(values["channels"], len(values["categories"]))
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        network.load_state_dict(_below(tensors, name))
        network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    return generator, discriminator


def _saved(tensors: dict[str, Tensor], about: dict[str, Any]) -> bytes:
    held = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    return save(held, {"about": json.dumps(about, sort_keys=True, ensure_ascii=False)})


def _below(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
