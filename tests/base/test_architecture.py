"""The rules of the house, held against the code: who may import whom, what Spark Connect refuses, what a lake must not see."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "lib" / "coterie"
MODULES = sorted(PACKAGE.rglob("*.py"))

BASE = {"schemas", "catalogue", "settings", "errors", "package", "places", "rows", "ahead"}
FRAMES = {"pairs", "sources", "synth", "events", "features"}
MODELS = {"segments", "recommend", "content", "report"}
ALLOWED = (
    dict.fromkeys(BASE, BASE)
    | dict.fromkeys(FRAMES, BASE | FRAMES)
    | dict.fromkeys(MODELS, BASE | FRAMES | MODELS)
    | {"java": BASE, "jars": BASE | {"java"}, "clusters": BASE, "session": BASE | {"jars", "java"}, "lake": BASE, "lease": BASE | {"lake"}}
    | {"display": BASE, "listing": BASE | {"display"}}
    | {"pipeline": BASE | FRAMES | MODELS | {"session", "lake", "lease", "pipeline", ""}}
    | {"cli": BASE | {"pipeline", "session", "synth", "display", "clusters", "listing", ""}, "": {"pipeline"}}
)


def room(path: Path) -> str:
    """The room of a module: its folder or name directly under the package; '' for the package itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "coterie":
            names = [node.module] if node.module != "coterie" else [f"coterie.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "coterie"]
        for name in names:
            part = name.split(".")[1] if "." in name else ""
            found.add("" if part.startswith("__") else part)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_rooms_below_its_own(path: Path) -> None:
    own = room(path)
    assert own in ALLOWED, f"{own} is not a room of the design"
    assert imported_rooms(path) - {own} <= ALLOWED[own]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_uses_nothing_that_spark_connect_refuses(path: Path) -> None:
    refused = re.findall(r"\.rdd\b|sparkContext|\b_jvm\b|\b_jdf\b|\b_jsc\b|\.persist\(|\.cache\(|DeltaTable\b", path.read_text())
    assert refused == []


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p) not in {"cli", "display", "clusters", "listing"}], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_the_library_never_prints(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"]
    assert calls == []


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) in FRAMES | MODELS], ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_transformation_asks_no_clock_and_no_chance(path: Path) -> None:
    asked = re.findall(r"current_date\(|current_timestamp\(|\.now\(|\.today\(|F\.rand\(|F\.randn\(|F\.uuid\(", path.read_text())
    assert asked == []


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) != "content"], ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_outside_content_loads_torch(path: Path) -> None:
    assert re.findall(r"\b(?:import|from) (?:torch|safetensors|PIL)\b", path.read_text()) == []


def test_the_jobs_load_no_torch_and_no_pillow() -> None:
    """In a process of its own, where nothing has loaded them before."""
    call = "import sys, coterie.pipeline.jobs; sys.exit(', '.join({'torch', 'PIL', 'safetensors'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False).stderr.strip() == ""


def test_the_package_itself_loads_neither_spark_nor_settings() -> None:
    assert imported_rooms(PACKAGE / "__init__.py") == {"pipeline"}
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    at_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [getattr(node, "module", None) for node in at_top] == ["__future__", "typing"]


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "jobs").glob("*.py")), ids=lambda path: path.name)
def test_a_job_file_only_calls_the_command(path: Path) -> None:
    assert imported_rooms(path) == {"cli"}
    assert len(path.read_text().splitlines()) < 12
