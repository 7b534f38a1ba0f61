"""numba's compiler, with what it made kept on disk where there is a place for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(fast: bool = False) -> Callable[[Function], Function]:
    """A decorator: the function as machine code.

    Compiling takes a second or two a function and process. numba keeps the result beside the module, else in the user's cache folder.
    A package that came to a worker as a ZIP, as Spark Connect sends it, lies at another path in every session: nothing kept there would be
    found again, so it is compiled anew. With `fast` floating-point sums may be made in any order, and neither nan nor infinity may occur.
    """

    def decorate(function: Function) -> Function:
        if Path(function.__code__.co_filename).exists():
            try:
                return numba.njit(function, cache=True, nogil=True, fastmath=fast)  # type: ignore[no-any-return]
            except RuntimeError:  # neither the package's folder nor the user's can be written to
                pass
        return numba.njit(function, nogil=True, fastmath=fast)  # type: ignore[no-any-return]

    return decorate
