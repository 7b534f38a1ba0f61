"""A standalone cluster on this machine: a master, workers that find the package's dependencies and not the package, and spark-submit."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers import CHECKOUT, PATIENCE, SPARK_HOME, connect_server, free_port, started, stop, submitting

# Two workers of one core and little memory fit it to a test.
_SMALL = {"spark.sql.shuffle.partitions": "4", "spark.executor.memoryOverhead": "512m", "spark.executor.memory": "1g", "spark.driver.memory": "1g"}


class Standalone:
    """A master and so many workers, each with a working folder of its own. A context manager: nothing of it is left behind."""

    def __init__(self, folder: Path, workers: int = 2, cores: int = 1, memory: str = "3g") -> None:
        self.folder, self.count, self.cores, self.memory = folder, workers, cores, memory
        self.python = bare_python(folder / "python")
        # Whoever starts this may be on Spark Connect, and have Spark's variables set; what is submitted here is Classic.
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "COTERIE_", "PYSPARK_", "PYTHON"))} | {
            "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(self.python), "PYSPARK_DRIVER_PYTHON": str(self.python),
            "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self.port, self.page = free_port(), free_port()
        self.address = f"spark://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Standalone":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.master = self._start("Master", "--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(self.page))
        self._wait(0)
        for _ in range(self.count):
            self.add_worker()
        self._wait(self.count)
        return self

    def __exit__(self, *error: object) -> None:
        for process in (*self.workers, self.master):
            stop(process)

    def add_worker(self) -> None:
        work = self.folder / f"worker-{time.monotonic_ns()}"
        self.workers.append(
            self._start("Worker", "--cores", str(self.cores), "--memory", self.memory, "--webui-port", "0", "--work-dir", str(work), self.address)
        )

    def lose_worker(self) -> None:
        """Kills the first worker (signal 9) and its executors with it, and puts another in its place."""
        stop(self.workers.pop(0))
        self.add_worker()

    def submit(self, package: Path, job: str, arguments: Sequence[str], conf: Mapping[str, str] | None = None) -> list[str]:
        """The command line of spark-submit for `jobs/<job>.py`, as the README has it."""
        command = submitting(self.address, {**_SMALL, **(conf or {})})
        return [*command, "--py-files", str(package), str(CHECKOUT / "jobs" / f"{job}.py"), *arguments]

    def connect_server(self) -> contextlib.AbstractContextManager[str]:
        """The address of a Spark Connect server whose executors are the workers."""
        return connect_server(self.address, _SMALL, self.env, self.folder)

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        return started([str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind.lower()}.{kind}", *arguments], self.env, self.folder)

    def _wait(self, workers: int) -> None:
        """Until the master's page names so many workers alive."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.page}/json/", timeout=5) as answer:
                if sum(worker["state"] == "ALIVE" for worker in json.load(answer)["workers"]) >= workers:
                    return
            time.sleep(0.5)
        raise TimeoutError(f"no master with {workers} workers; see {self.folder / 'log'}")


def bare_python(folder: Path) -> Path:
    """A Python that imports what is installed beside the running one, but not the checkout: the .pth file that leads there is not read."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=False, symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (folder / "lib" / version / "site-packages" / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def package(folder: Path) -> Path:
    """The wheel under the name of a zip, as it travels with a job."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "coterie.zip").exists():
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--no-build-isolation", "-w", str(folder), str(CHECKOUT)]
        subprocess.run(command, check=True)
        shutil.copy(next(folder.glob("coterie-*.whl")), folder / "coterie.zip")
    return folder / "coterie.zip"
