"""The command that takes the pictures of the documents takes all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import screenshots
from PIL import Image

pytestmark = [pytest.mark.real, pytest.mark.browser]


def test_every_picture_of_the_pages_is_taken_anew_in_the_size_that_the_documents_show(tmp_path: Path) -> None:
    screenshots.main(tmp_path)
    taken, shown = (
        {path.name: Image.open(path).size for path in folder.glob("*.png")}
        for folder in (tmp_path, screenshots.DOCS)
    )
    assert taken == shown
