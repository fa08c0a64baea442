"""Real pictures, pages and clips, which others made and which may not be shipped."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

needs_real_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="real files are not shipped; those in ../shared/data, beside the clone, are read"
)
