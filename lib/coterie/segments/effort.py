"""What fits have in common: how hard to try, and what a try on the driver's sample gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from coterie.segments.centres import Floats, Placement

Parameters = Mapping[str, Any]

COMPARED_ON = 4000  # customers on whom a fit is compared with the trial


class ClusterModel(Protocol):
    """A fitted method. Its clusters are numbered from 0; `place` runs on Spark's workers. `noise`: the cluster of those in none, if there is one.
    `has_middles`: the distance of a placement is that to the middle of the cluster."""

    @property
    def clusters(self) -> int: ...

    @property
    def noise(self) -> int | None: ...

    @property
    def has_middles(self) -> bool: ...

    def place(self, matrix: Floats) -> Placement: ...

    def keeping(self, clusters: list[int]) -> "ClusterModel": ...

    def to_json(self) -> str: ...


@dataclass(frozen=True)
class Effort:
    """`starts`: how often a fit that ends in a poor minimum begins anew, at most."""

    seed: int = 1
    max_iterations: int = 50
    starts: int = 3


@dataclass(frozen=True)
class Trial:
    """A model fitted to the sample, and the parameters that tell it from the method's others, `k` among them where the method is given one."""

    parameters: dict[str, Any]
    model: ClusterModel
