"""Spark Connect servers as processes of their own, each at a port that is free."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyspark

SPARK_HOME = Path(pyspark.__file__).parent
CHECKOUT = Path(__file__).parents[1]
PATIENCE = 180  # seconds that a process may take to answer
_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def submitting(master: str, conf: Mapping[str, str]) -> list[str]:
    """spark-submit with the cluster's settings, and `conf` over them."""
    options = [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    return [str(SPARK_HOME / "bin" / "spark-submit"), "--master", master, "--properties-file", str(CHECKOUT / "conf" / "spark-cluster.conf"), *options]


def started(command: Sequence[str], env: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """A process in a group of its own, whose words are in `folder`/log."""
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder, start_new_session=True)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Signal 9 to a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


@contextlib.contextmanager
def connect_server(master: str, conf: Mapping[str, str], env: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The address of a server, from when it answers until the end of the context."""
    port = free_port()
    command = [*submitting(master, {**conf, "spark.connect.grpc.binding.port": str(port)}), "--class", _SERVER, "spark-internal"]
    process = started(command, {"SPARK_LOCAL_IP": "127.0.0.1", **env, "SPARK_HOME": str(SPARK_HOME)}, folder)
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            time.sleep(0.3)
        else:
            raise TimeoutError(f"no Spark Connect server; see {folder / 'log'}")
        yield f"sc://127.0.0.1:{port}"
    finally:
        stop(process)
