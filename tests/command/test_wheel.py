"""The wheel: what an installed package has with it, away from the checkout."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_an_installed_wheel_brings_its_settings_and_mappings_and_leaves_spark_to_the_cluster(tmp_path: Path) -> None:
    quiet = ["--no-deps", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *quiet, "--no-build-isolation", "-w", str(tmp_path), str(CHECKOUT)], check=True)
    wheel = next(tmp_path.glob("coterie-*.whl"))
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "--target", str(tmp_path / "site"), str(wheel)], check=True)
    script = (
        "import coterie, importlib.metadata as m; from coterie.settings import load_settings, conf_folder, read_toml; "
        "print(coterie.__file__); print(conf_folder()); print(load_settings().segments.k); print(read_toml('cluster')['lake']); "
        "print(sorted(p.name for p in (conf_folder() / 'sources').iterdir())); "
        "print([r for r in m.requires('coterie') if 'spark' in r.lower() and 'extra' not in r])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHONPATH": str(tmp_path / "site")}
    said = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0].startswith(str(tmp_path / "site"))
    assert said[1] == str(tmp_path / "site" / "coterie" / "conf")
    assert said[2] == "(4, 10)"
    assert "lease_seconds" in said[3]
    assert "online_retail.toml" in said[4]
    assert said[5] == "[]"
