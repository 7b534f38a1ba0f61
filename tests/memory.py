"""Memory of a process and those below it, the driver's apart from the executors'."""

import contextlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType


def held(root: int) -> tuple[int, int]:
    """Bytes of the tree under the process `root`: of what is no executor, and of executors with their Python workers. Shared pages count once."""
    parents, executors = {}, set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            process = int(path.name)
            parents[process] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if b"ExecutorBackend" in (path / "cmdline").read_bytes():
                executors.add(process)
    driver = workers = 0
    for process in parents:
        line = [process]
        while line[-1] != root and line[-1] in parents:
            line.append(parents[line[-1]])
        if line[-1] != root:
            continue
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            size = next(int(text.split()[1]) * 1024 for text in rollup.splitlines() if text.startswith("Pss:"))
            if executors & set(line):
                workers += size
            else:
                driver += size
    return driver, workers


class Watch:
    """While it is entered, looks at the tree of a process once a second. `driver`, `total`: the most bytes at any look; `seconds`."""

    def __init__(self, root: int | None = None) -> None:
        self.root = root or os.getpid()
        self.driver = self.total = 0
        self.seconds = 0.0

    def __enter__(self) -> "Watch":
        self._began, self._done = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._done.wait(1):
            driver, workers = held(self.root)
            self.driver, self.total = max(self.driver, driver), max(self.total, driver + workers)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.seconds = time.monotonic() - self._began
        self._done.set()
        self._thread.join()
