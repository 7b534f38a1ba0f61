"""This package as a zip, which travels to processes that may not have it."""

import io
import zipfile
from pathlib import Path


def zipped() -> bytes:
    root = Path(__file__).parent
    if not root.is_dir():  # it was itself loaded from a zip
        return root.parent.read_bytes()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*.py")):
            archive.write(path, Path("coterie") / path.relative_to(root))
    return target.getvalue()
