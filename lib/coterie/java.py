"""The Java that a local session runs on: which one, whether it will do, and the options that make minutes-long jobs quick."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
from pathlib import Path

from coterie.errors import SessionError

# Two cores are shared with the compiler: in the minutes that a job takes, what it does to code that is merely warm is not repaid.
_COMPILE_LESS = "-XX:Tier4InvocationThreshold=30000 -XX:Tier4MinInvocationThreshold=6000 -XX:Tier4CompileThreshold=60000 -XX:Tier4BackEdgeThreshold=200000"

_COMPILE_ONCE = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=96m"  # the quick compiler alone; Java would give it 48m, which a report fills


def require_java() -> str:
    """What the Java of JAVA_HOME, else of the PATH, says of its version. Raises SessionError where Spark cannot run on it."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        raise SessionError(f"found no Java ({java or 'no java on the PATH'}); Spark needs a JDK 17 or 21: install one, or set JAVA_HOME")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        raise SessionError(f"found {said.splitlines()[0] if said else java}; Spark 4 needs a JDK 17 or 21: install one, or set JAVA_HOME")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout
    if "jdk.incubator.vector" not in modules:
        raise SessionError(f"the Java at {java} is a trimmed one, without jdk.incubator.vector; Spark needs a full JDK 17 or 21")
    return f"{java} {said}"


def java_options(java: str, class_archive: bool, brief: bool) -> str:
    """Options of a local driver's JVM. `java` is what `require_java` gave; `brief`: for a session of seconds.

    With `class_archive` the classes that Spark loads are kept, parsed and checked, in a file of the user's cache folder: the first session
    writes it when it ends, later ones start from it (application class-data sharing, JEP 350).
    """
    options = ["-XX:+UseParallelGC", _COMPILE_ONCE if brief else _COMPILE_LESS]
    cache = cache_folder() if class_archive else None
    if cache is not None:
        # Java itself refuses an archive of other JARs or of another Java: the name makes room for each.
        spark = importlib.metadata.distribution("pyspark")
        of = f"{java} {spark.version} {spark.locate_file('')}"
        archive = cache / f"classes-{hashlib.sha256(of.encode()).hexdigest()[:12]}.jsa"
        kept = f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={archive}"
        options += ["-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr", kept]
    return " ".join(options)


def cache_folder() -> Path | None:
    """The folder for what later sessions start sooner from; None where the user has no place of their own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coterie"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return cache
