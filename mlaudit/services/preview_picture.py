"""Pictures made small enough for a terminal, where a cell is two pixels one above the other.

A picture is a stranger's file: only PNG and JPEG are decoded, none with more pixels than :data:`MOST_PIXELS`, whatever
its header promises, and all of it happens in the worker, which is killed when it hangs.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from mlaudit.domain.text import clean

MOST_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's pixels, row by row."""

    width: int
    height: int
    rgb: bytes
    """Three bytes a pixel."""
    original: tuple[int, int]
    """Width and height of the file's own picture."""


def small_picture(data: bytes, width: int, height: int) -> Picture | str:
    """The picture in at most so many pixels, on white where it is transparent; or why it is not shown, in words."""
    try:
        from PIL import Image
    except ImportError:
        return "pictures need the package Pillow: pip install pillow"
    try:
        # Its own limit would not tell how large the picture is; the one below is stricter.
        Image.MAX_IMAGE_PIXELS = None
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        original = image.size
        if original[0] * original[1] > MOST_PIXELS:
            return f"a picture of {original[0]:,}x{original[1]:,} pixels is too large to draw"
        if image.mode.startswith("I"):
            # Of 16 bits a value; Pillow would take all above 255 for white.
            image = image.convert("I").point(lambda value: value / 256).convert("L")
        scale = min(max(width, 1) / original[0], max(height, 1) / original[1])
        size = (max(1, round(original[0] * scale)), max(1, round(original[1] * scale)))
        if scale < 1:
            # A JPEG can be decoded smaller from the start.
            image.draft("RGB", (size[0] * 2, size[1] * 2))
            small = image.convert("RGBA").resize(size, Image.Resampling.BOX, reducing_gap=3.0)
        else:
            times = int(min(scale, 16))
            small = image.convert("RGBA").resize((original[0] * times, original[1] * times), Image.Resampling.NEAREST)
        ground = Image.new("RGBA", small.size, "white")
        pixels = Image.alpha_composite(ground, small).convert("RGB")
        return Picture(*pixels.size, pixels.tobytes(), original)
    except Exception as error:  # noqa: BLE001 - decoders raise whatever a broken file makes them raise
        why = clean(" ".join(str(error).split()), max_length=120)
        return f"this is no readable PNG or JPEG picture ({why or type(error).__name__})"
