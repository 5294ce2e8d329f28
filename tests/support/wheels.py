"""squad as people get it: a wheel, installed where nothing of this checkout can be seen."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def installed(place: Path) -> Path:
    """Build the wheel from a copy of the sources, and put it into a fresh environment; gives its Python.

    What squad needs besides is taken from the environment of the tests, so that nothing is downloaded.
    """
    sources = place / "sources"
    sources.mkdir(parents=True)
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    wanted = [
        name
        for name in names.stdout.split(b"\0")
        if name.startswith((b"orchestrator/", b"configs", b"pyproject", b"README", b"LICENSE"))
    ]
    subprocess.run(
        ["tar", "-C", str(ROOT), "--null", "-T", "-", "-cf", str(place / "sources.tar")], input=b"\0".join(wanted), check=True
    )
    subprocess.run(["tar", "-C", str(sources), "-xf", str(place / "sources.tar")], check=True)
    build = "from setuptools import build_meta; print(build_meta.build_wheel('..'))"
    subprocess.run([sys.executable, "-c", build], cwd=sources, capture_output=True, check=True)
    [wheel] = place.glob("*.whl")
    venv.create(place / "venv", symlinks=True, with_pip=False)
    [site] = (place / "venv").glob("lib/python*/site-packages")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(site)], check=True)
    _borrow(site)
    return place / "venv" / "bin" / "python"


def _borrow(site: Path) -> None:
    """Link everything that is installed beside squad, but not squad itself."""
    import yaml  # noqa: PLC0415 - only to know where packages lie

    for found in Path(yaml.__file__).parents[1].iterdir():
        is_squad = found.name.startswith(("squad_orchestrator", "__editable__")) or found.suffix == ".pth"
        if not is_squad and not (site / found.name).exists():
            (site / found.name).symlink_to(found)
