"""Draws an image anew from what a person sent: run as a process of its own, for what it reads may be made to harm.

    python -I bot/escalation/images.py < sent > kept

It imports nothing of the project, is given no secret, and ends by itself past its memory or its time. What it writes was
drawn again from the pixels: no metadata, no second content behind the first. Its answer is a line, « ok » and what the
image is or « no » and a reason, then the bytes of the image and those of its thumbnail.
"""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

UNKNOWN, BROKEN, TOO_MANY_PIXELS = "unknown", "broken", "too_many_pixels"

# Tried in turn on the bytes, whatever the name says. JPEG includes what some telephones make of it, several pictures in one
# file (MPO): the first is the photograph.
FORMATS = ("PNG", "JPEG", "WEBP")
# A telephone's photograph has 12 million, a screen of 4K 8 million; each takes four bytes of memory, more than once.
MAX_PIXELS = 25_000_000
# Small print must stay readable: the longest side is made shorter only until the image weighs no more than what is kept.
SIDES = (2_560, 1_920, 1_280)
MAX_KEPT_BYTES = 1024 * 1024
THUMBNAIL_SIDE = 320
JPEG_QUALITY = 85
# What one image may take of the machine: several times what the largest takes.
MEMORY_BYTES, PROCESSOR_S = 1024**3, 10


class Refused(Exception):
    """What was sent is not made into an image; `reason` is one of those above."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Redrawn:
    """An image drawn anew, and a small one of it (JPEG)."""

    media_type: str
    width: int
    height: int
    content: bytes
    thumbnail: bytes


def redraw(sent: bytes) -> Redrawn:
    """Return the image that `sent` holds, drawn anew; Refused when it is none, is broken or has too many pixels."""
    pixels, is_sharp = _read(sent)
    for side in SIDES:
        # Never made larger.
        pixels.thumbnail((side, side), Image.Resampling.LANCZOS)
        media_type, content = "image/png", _save(pixels, "PNG") if is_sharp else b""
        if not is_sharp or len(content) > MAX_KEPT_BYTES:
            # What is too heavy for PNG has more of a photograph than of text.
            media_type, content = "image/jpeg", _save(pixels, "JPEG", quality=JPEG_QUALITY)
        if len(content) <= MAX_KEPT_BYTES:
            break
    width, height = pixels.size
    pixels.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return Redrawn(media_type, width, height, content, _save(pixels, "JPEG", quality=JPEG_QUALITY))


def _read(sent: bytes) -> tuple[Image.Image, bool]:
    """Return the first picture of `sent`, turned as it was taken, on white, nothing but pixels; and whether it was lossless."""
    try:
        with warnings.catch_warnings():
            # Ours is the lower limit, checked below before a pixel is read.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(sent), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Refused(TOO_MANY_PIXELS)
        image.load()
        turned = ImageOps.exif_transpose(image)
        if turned.mode.startswith("I"):
            # Sixteen bits of grey: a plain conversion would make all of it white.
            turned = turned.convert("I").point(lambda value: value / 256).convert("L")
        drawn = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise Refused(TOO_MANY_PIXELS) from error
    except Image.UnidentifiedImageError as error:
        raise Refused(UNKNOWN) from error
    except Exception as error:
        # Pillow's readers raise whatever the bytes lead them to: OSError, SyntaxError, ValueError, struct.error…
        raise Refused(BROKEN) from error
    pixels = Image.new("RGB", drawn.size, "white")
    pixels.paste(drawn, mask=drawn if drawn.mode == "RGBA" else None)
    return pixels, image.format in ("PNG", "WEBP")


def _save(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def main() -> None:
    """Read what was sent, write what is kept."""
    for limit, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, PROCESSOR_S)):
        # Where the system has no such limit, whoever started this still counts the seconds, and the pixels are counted.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    try:
        image = redraw(sys.stdin.buffer.read())
        head = f"ok {image.media_type} {image.width} {image.height} {len(image.content)}\n".encode()
        answer = head + image.content + image.thumbnail
    except Refused as refused:
        answer = f"no {refused.reason}\n".encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
