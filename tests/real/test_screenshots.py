"""The command that takes the pictures of the documents takes all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import screenshots
from PIL import Image

pytestmark = [pytest.mark.real, pytest.mark.browser]


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            found[path.name] = image.size
    return found


def test_every_picture_of_the_pages_is_taken_anew_in_the_size_that_the_documents_show(tmp_path: Path) -> None:
    screenshots.main(tmp_path)
    taken, shown = sizes(tmp_path), sizes(screenshots.DOCS)
    assert taken == shown
