"""The one place that makes a SparkSession. An active one is used as it is; only its time zone and ANSI mode are set."""

import atexit
import contextlib
import importlib.util
import os
import socket
import sys
import tempfile
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from coterie.ahead import load_ahead
from coterie.errors import SessionError, first_line
from coterie.jars import known_jars, remember_jars
from coterie.java import java_options, require_java
from coterie.package import zipped
from coterie.settings import Spark

_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

# A lake on a laptop is many small tables: few partitions and no user interface save more than they cost.
LOCAL = {
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.python.sql.dataFrameDebugging.enabled": "false",  # every column made would ask Spark five times where in Python it was made, for errors we reword
    "spark.sql.codegen.cache.maxEntries": "2000",  # a job makes hundreds of queries, many alike: with the 100 that Spark keeps each would be compiled again
    "spark.sql.ui.explainMode": "simple",  # the plan of every query is put in words, for an interface that is off
    "spark.sql.ui.retainedExecutions": "10",  # plans of queries long done, kept for an interface that is off, would fill a small heap
    "spark.ui.retainedStages": "100",
    "spark.ui.retainedJobs": "100",
    "spark.ui.showConsoleProgress": "false",  # Spark's bar garbles ours
    "spark.driver.host": "localhost",  # a laptop without a network has no other name
    "spark.log.level": "ERROR",
}

FEW_ROWS = 50_000
# What a plan costs that is not its rows: compiling it, planning it again after each shuffle, a second task, choosing among files by what is in them.
_PLAIN = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.adaptive.enabled": "false",
          "spark.sql.shuffle.partitions": "1", "spark.sql.files.minPartitionNum": "1", "spark.databricks.delta.stats.skipping": "false"}  # fmt: skip


def get_session(settings: Spark, given: SparkSession | None = None) -> SparkSession:
    """The given or active session, else a new one: Connect where `remote` is set, spark-submit's where that started us, else a local one.

    Raises SessionError, saying what to do, where there is no Java, no Delta, or no way to either.
    """
    active = given or SparkSession.getActiveSession()
    if active is not None:
        _require_delta(active)
        return _prepared(active)
    remote = settings.remote or os.environ.get("SPARK_REMOTE", "")
    if remote:
        return _prepared(_connected(remote, settings))
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # set by spark-submit, which has decided master, memory and JARs
        session = _configured(SparkSession.builder, _DELTA | settings.conf).getOrCreate()
        _require_delta(session)
        return _prepared(session)
    return _prepared(_started(SparkSession.builder.master(settings.master), settings))


@contextlib.contextmanager
def with_options(session: SparkSession, options: Mapping[str, str]) -> Iterator[None]:
    """Spark's options for what is made and run within; after it they are as they were."""
    before = {name: session.conf.get(name, None) for name in options}
    try:
        for name, value in options.items():
            session.conf.set(name, value)
        yield
    finally:
        for name, kept in before.items():
            if kept is None:
                session.conf.unset(name)
            else:
                session.conf.set(name, kept)


def plain_plans(session: SparkSession, rows: int) -> contextlib.AbstractContextManager[None]:
    """For queries over so many rows: where they are few, the plans of the frames that are made and run within are run as they are.

    Making them fast takes longer than the rows do then. The results are the same. A session that keeps its options to itself does without.
    """
    few = rows <= FEW_ROWS and all(map(session.conf.isModifiable, _PLAIN))
    return with_options(session, _PLAIN if few else {})


def _configured(builder: SparkSession.Builder, options: dict[str, str]) -> SparkSession.Builder:
    for key, value in options.items():
        builder = builder.config(key, value)
    return builder


def _prepared(session: SparkSession) -> SparkSession:
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.ansi.enabled", "true")
    return session


def _local_options(settings: Spark) -> dict[str, str]:
    """Options of a session that this process starts itself, Delta's JAR by the package resolver among them."""
    java = require_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers are this machine's: give them the same packages
    if importlib.util.find_spec("delta") is None:
        raise SessionError("no active Spark session, and delta-spark is not installed; install coterie with its extra 'local'")
    from delta.pip_utils import configure_spark_with_delta_pip  # noqa: PLC0415 - the extra 'local' brings it

    options = LOCAL | {
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": java_options(java, settings.class_archive, settings.brief),
    }
    if "spark.jars" not in settings.conf:  # with a JAR of one's own nothing need be downloaded
        options["spark.jars.packages"] = configure_spark_with_delta_pip(SparkSession.Builder())._options["spark.jars.packages"]
    return options | _DELTA | settings.conf


def _keeps_jars(settings: Spark) -> bool:
    """A resolver that was told where to look is asked every time."""
    return settings.class_archive and not any(key.startswith("spark.jars") for key in settings.conf)


def _connected(remote: str, settings: Spark) -> SparkSession:
    """A Connect session; `local[N]` starts a server in this process. The package travels to the workers."""
    if importlib.util.find_spec("grpc") is None:
        raise SessionError(f"Spark Connect ({remote}) needs pyspark's extra 'connect'; install it with: pip install 'pyspark[connect]'")
    builder = SparkSession.builder.remote(remote)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client complains that it cannot set what the server was started with
        is_local = remote.startswith("local")
        session = _started(builder, settings) if is_local else _answering(_configured(builder, settings.conf), remote)
    _require_delta(session)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "coterie.zip"
        archive.write_bytes(zipped())
        session.addArtifacts(str(archive), pyfile=True)
    return session


def _answering(builder: SparkSession.Builder, remote: str) -> SparkSession:
    """The client tries for ten minutes to reach a server that is not there: knock at its door first."""
    address = urllib.parse.urlparse(remote)
    try:
        socket.create_connection((address.hostname or "", address.port or 15002), timeout=10).close()
        session = builder.getOrCreate()
        session.version  # noqa: B018 - asks the server
    except (OSError, ValueError, PySparkException) as error:
        raise SessionError(f"no Spark Connect server answers at {remote}; start one, or set spark.remote: {first_line(error)}") from None
    return session


def _started(builder: SparkSession.Builder, settings: Spark) -> SparkSession:
    """A local session. What the JVM says goes to a log, which stays where the start fails and goes with this process where it does not."""
    folder = Path(tempfile.mkdtemp(prefix="coterie-spark-"))
    log, warehouse = folder / "log", folder / "warehouse"  # Spark makes an empty warehouse wherever one stands
    options = {"spark.sql.warehouse.dir": str(warehouse)} | _local_options(settings)
    load_ahead("pandas", "pyarrow")  # pyspark loads them once Java is there
    if not _keeps_jars(settings):
        session = _logged(builder, options, log)
    else:
        packages = options.pop("spark.jars.packages")
        with known_jars(packages) as jars:
            session = _logged(builder, options | ({"spark.jars": jars} if jars else {"spark.jars.packages": packages}), log)
            if not jars:
                remember_jars(packages, session.conf.get("spark.jars", "") or "")
    atexit.register(_tidy, folder)
    return session


def _logged(builder: SparkSession.Builder, options: dict[str, str], log: Path) -> SparkSession:
    """A new session. Raises SessionError with what is to be done about what the JVM said."""
    try:
        with _output_into(log):
            return _configured(builder, options).getOrCreate()
    except Exception as error:
        said = log.read_text(errors="replace")
        if "unresolved dependenc" in said.lower() or "Server access error" in said:
            raise SessionError(
                "Spark's package resolver could not fetch Delta's JAR from Maven Central; check the network or proxy, "
                "or name a JAR you have: --set spark.conf='{\"spark.jars\" = \"/path/delta-spark.jar,/path/delta-storage.jar\"}'"
            ) from None
        raise SessionError(f"Spark did not start: {first_line(error)}; its own words are in {log}") from None


def _tidy(folder: Path) -> None:
    """Takes the log and the empty warehouse away; one that somebody put a table into stays."""
    (folder / "log").unlink(missing_ok=True)
    for left in (folder / "warehouse", folder):
        with contextlib.suppress(OSError):
            left.rmdir()


@contextlib.contextmanager
def _output_into(log: Path) -> Iterator[None]:
    """What processes started within say goes to `log`, or Delta's words would stand among a command's own; this process's goes where it went."""
    kept = {stream: os.dup(stream) for stream in (1, 2)}
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        with log.open("ab") as target:
            for stream in kept:
                os.dup2(target.fileno(), stream)
        yield
    finally:
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)


def _require_delta(session: SparkSession) -> None:
    """A look at a table that is not there: without Delta the answer is another."""
    try:
        session.read.format("delta").load("/coterie/no/such/table").schema  # noqa: B018 - the look itself asks
    except PySparkException as error:
        if "DATA_SOURCE_NOT_FOUND" in str(error) or "delta.DefaultSource" in str(error):
            raise SessionError(
                "the Spark session has no Delta Lake; start it with: --packages io.delta:delta-spark_4.2_2.13:4.4.0 "
                + " ".join(f"--conf {key}={value}" for key, value in _DELTA.items())
            ) from None
