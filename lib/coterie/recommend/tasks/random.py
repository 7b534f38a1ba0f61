"""Random numbers that follow from what they are for: the same in every run, on every layout."""

import zlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def hashed(names: pa.Array) -> NDArray[np.uint64]:
    """(n,) CRC-32 of each name: whole numbers below 2^32."""
    return np.array([zlib.crc32(name.encode()) for name in names.to_pylist()], np.uint64)


def splitmix(state: NDArray[np.uint64]) -> NDArray[np.floating[Any]]:
    """Uniform numbers in [0, 1) from whole ones, by splitmix64 (Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators)."""
    with np.errstate(over="ignore"):
        mixed = state + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
