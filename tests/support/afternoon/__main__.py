"""Write the recording and its page."""

import tempfile
from pathlib import Path

from tests.support.afternoon.pictures import cast, page
from tests.support.afternoon.playing import ROOT, play

with tempfile.TemporaryDirectory(prefix="squad-") as folder:
    afternoon = play(Path(folder))
    place = ROOT / "docs" / "recordings"
    place.mkdir(parents=True, exist_ok=True)
    place.joinpath("afternoon.cast").write_text(cast(afternoon), encoding="utf-8")
    place.joinpath("afternoon.md").write_text(page(afternoon), encoding="utf-8")
