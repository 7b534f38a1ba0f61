"""Torch tasks by Spark: TorchDistributor beside the driver or in a barrier on the workers, with progress and the failure's own words."""

import contextlib
import io
import logging
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pyspark.ml.torch.distributor import TorchDistributor

from coterie.content.plans import FAILURE, PROGRESS
from coterie.content.storage import Place
from coterie.errors import CoterieError, UserError
from coterie.package import zipped

_LOOK_EVERY = 2.0  # seconds
_KILLED = re.compile(r"exitcode\s*:\s*-9\b|Signal 9 \(SIGKILL\) received")  # of torchrun, which names SIGKILL too where it ends the others itself
_ERROR = re.compile(r"(?:\[rank\d+\]:\s*)?((?:\w+\.)*\w*(?:Error|Exception): .*)")


class TaskFailedError(CoterieError):
    """A torch task failed: the message is its own."""


def require(*packages: str) -> None:
    """Raises UserError naming the extra where a package of it is missing on this side."""
    import importlib.util  # noqa: PLC0415 - a look at what is installed, nothing else needs it

    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join({"PIL": "pillow"}.get(name, name) for name in missing)
        raise UserError(f"{names} is not installed; install Coterie with its extra: pip install 'coterie[content]'")


def launched(work: Callable[..., Any], plan: Any, place: Place, processes: int, where: str, gpu: bool, told: Callable[[dict[str, Any]], None]) -> Any:
    """What `work(plan)` gives in the first of so many torch processes. `place` is where it leaves notes: `told` gets each new one.

    where: "driver" (processes on this machine) or "workers" (a barrier task each). Raises TaskFailedError with the message of the task.
    """
    place.remove(FAILURE)
    place.remove(PROGRESS)
    try:
        distributor = TorchDistributor(num_processes=processes, local_mode=where == "driver", use_gpu=gpu)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"Spark cannot launch {processes} torch processes {'with' if gpu else 'without'} GPUs on the {where}: {error}") from None
    logging.getLogger(TorchDistributor.__name__).setLevel(logging.WARNING)  # says that it starts and ends
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), _watched(place, told):  # the launcher prints what its processes print
            return distributor.run(carried(zipped()), pickle.dumps((work, plan)))
    except Exception as error:
        words = f"{said.getvalue()}\n{error}"
        raise TaskFailedError(f"the torch task failed: {reason(place.read_json(FAILURE), words)}") from error


def carried(zipped: bytes) -> Callable[[bytes], Any]:
    """A function of a pickled (function, argument): it travels by value, and lays the zip on the path where the package is not there.

    A worker may have it only on the path of Spark's own Python processes, which their children do not inherit.
    """

    def run(work: bytes) -> Any:
        import importlib  # noqa: PLC0415 - whatever it needs it must import where it runs
        import pickle  # noqa: PLC0415 - as above
        import sys  # noqa: PLC0415 - as above
        import tempfile  # noqa: PLC0415 - as above

        try:
            importlib.import_module("coterie.content.plans")
        except ModuleNotFoundError:
            with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
                file.write(zipped)
            sys.path.insert(0, file.name)
            sys.modules.pop("coterie", None)
        function, argument = pickle.loads(work)
        return function(argument)

    return run


@contextlib.contextmanager
def _watched(place: Place, told: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Looks for notes while the block runs, and a last time after it."""
    over, last = threading.Event(), [b""]

    def look() -> None:
        with contextlib.suppress(OSError, ValueError):  # the note is being written anew at this moment
            note = place.read(PROGRESS)
            if note and note != last[0]:
                last[0] = note
                told(place.read_json(PROGRESS))

    def watch() -> None:
        while not over.wait(_LOOK_EVERY):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look()


def reason(note: dict[str, Any] | None, said: str) -> str:
    """Why a task failed, by the note that it left and what its processes and launcher said.

    A process that is killed leaves no note, and the one of another tells only that it lost a peer.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip(" =-")]  # the launcher rules its lines off
    if any(_KILLED.search(line) for line in lines):
        return "a process was killed (signal 9), which mostly means that memory ran out"
    if note:
        return str(note["message"])
    missing = next((line for line in lines if "No module named" in line), None)
    if missing is not None:
        return f"{missing[missing.index('No module named') :]} where the task ran; the extra is coterie[content]"
    errors = [found[1] for found in map(_ERROR.match, lines) if found and "ChildFailedError" not in found[1]]
    return (errors or lines or ["it said nothing"])[-1]
