"""What a person sends as an image: drawn anew whatever it hides, refused when it is none or may harm."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import zlib
from contextlib import AsyncExitStack, suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo

from bot.errors import ImageRefused, RateLimited
from bot.escalation import images
from bot.escalation.attachments import SENTENCES, Darkroom
from bot.escalation.images import BROKEN, TOO_MANY_PIXELS, UNKNOWN, Redrawn, Refused, redraw
from tests.soak import TIMES

SECRET = b"48.8566 Marie Durand"
RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture(size: tuple[int, int] = (64, 40), mode: str = "RGB") -> Image.Image:
    """Red above, blue below: which way up it is can be seen."""
    image = Image.new("RGB", size, RED)
    ImageDraw.Draw(image).rectangle((0, size[1] // 2, *size), fill=BLUE)
    return image.convert(mode)


def encoded(kind: str, image: Image.Image | None = None, **options) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, kind, **options)
    return out.getvalue()


def opened(redrawn: Redrawn) -> Image.Image:
    image = Image.open(io.BytesIO(redrawn.content))
    image.load()
    assert image.get_format_mimetype() == redrawn.media_type
    assert image.size == (redrawn.width, redrawn.height)
    return image


def near(pixel: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(pixel, colour))


def reason_of(sent: bytes) -> str:
    with pytest.raises(Refused) as refused:
        redraw(sent)
    assert refused.value.reason in SENTENCES
    return refused.value.reason


# --- what is taken ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "kept"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/png"), ("MPO", "image/jpeg")]
)
def test_an_image_is_drawn_anew_with_its_pixels(kind: str, kept: str) -> None:
    redrawn = redraw(encoded(kind))
    assert redrawn.media_type == kept
    image = opened(redrawn)
    assert near(image.getpixel((5, 5)), RED)
    assert near(image.getpixel((5, 35)), BLUE)
    assert Image.open(io.BytesIO(redrawn.thumbnail)).format == "JPEG"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_taken(mode: str) -> None:
    source = Image.new("I;16", (8, 8), 40_000) if mode == "I;16" else picture((8, 8), mode)
    assert opened(redraw(encoded("PNG", source))).mode == "RGB"


def test_grey_in_sixteen_bits_stays_grey() -> None:
    assert opened(redraw(encoded("PNG", Image.new("I;16", (8, 8), 0x8000)))).getpixel((0, 0)) == (128, 128, 128)


def test_inks_are_taken() -> None:
    assert near(opened(redraw(encoded("JPEG", picture(mode="CMYK")))).getpixel((5, 5)), RED)


def test_what_is_transparent_is_on_white() -> None:
    assert opened(redraw(encoded("PNG", Image.new("RGBA", (8, 8), (0, 0, 0, 0))))).getpixel((0, 0)) == (255, 255, 255)


def test_of_an_animation_the_first_picture_is_kept() -> None:
    others = [Image.new("RGB", (64, 40), BLUE)]
    for kind in ("PNG", "WEBP"):
        image = opened(redraw(encoded(kind, save_all=True, append_images=others, duration=100)))
        assert getattr(image, "n_frames", 1) == 1
        assert near(image.getpixel((5, 5)), RED)


def test_a_large_image_is_made_smaller_and_a_small_one_stays_as_it_is() -> None:
    redrawn = redraw(encoded("PNG", picture((4_000, 1_000))))
    assert (redrawn.width, redrawn.height) == (images.SIDES[0], images.SIDES[0] // 4)
    assert max(Image.open(io.BytesIO(redrawn.thumbnail)).size) == images.THUMBNAIL_SIDE
    assert redraw(encoded("PNG", picture((3, 2)))).width == 3


def test_however_full_of_detail_what_is_kept_has_its_limit() -> None:
    noise = Image.frombytes("RGB", (2_000, 1_500), os.urandom(2_000 * 1_500 * 3))
    redrawn = redraw(encoded("PNG", noise))
    assert redrawn.media_type == "image/jpeg"
    assert len(redrawn.content) <= images.MAX_KEPT_BYTES
    opened(redrawn)


# --- what it hides ----------------------------------------------------------------------------


def with_metadata(kind: str) -> bytes:
    """An image that says where it was taken, by whom, with what."""
    exif = Image.Exif()
    exif[Base.Artist] = SECRET.decode()
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (48.0, 51.0, 24.0)
    profile = b"\0" * 128 + SECRET
    options = {"exif": exif, "icc_profile": profile, "xmp": SECRET, "comment": SECRET}
    if kind == "PNG":
        text = PngInfo()
        text.add_text("Author", SECRET.decode(), zip=False)
        options = {"exif": exif, "pnginfo": text}
    return encoded(kind, **options)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_where_and_by_whom_it_was_taken_is_gone(kind: str) -> None:
    sent = with_metadata(kind)
    assert SECRET in sent
    assert Image.open(io.BytesIO(sent)).getexif().get_ifd(IFD.GPSInfo)
    redrawn = redraw(sent)
    for kept in (redrawn.content, redrawn.thumbnail):
        assert SECRET not in kept
        image = Image.open(io.BytesIO(kept))
        image.load()
        assert not image.getexif()
        assert not set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_it_is_turned_the_way_it_was_taken(kind: str) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6  # held upright: turned a quarter to the right when shown
    redrawn = redraw(encoded(kind, exif=exif))
    assert (redrawn.width, redrawn.height) == (40, 64)
    image = opened(redrawn)
    assert near(image.getpixel((35, 30)), RED)
    assert near(image.getpixel((5, 30)), BLUE)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("behind", [b"PK\x03\x04 an archive", b"<script>alert(1)</script>", b"%PDF-1.7", b"MZ" * 999])
def test_what_is_behind_the_image_is_gone(kind: str, behind: bytes) -> None:
    redrawn = redraw(encoded(kind) + behind)
    assert behind not in redrawn.content + redrawn.thumbnail


# --- what is refused --------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A few hundred bytes that unfold into `width` × `height` white pixels."""
    packer = zlib.compressobj(9)
    data = packer.compress(b"\xff" * 4_000_000) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(5_001, 5_000), (20_000, 20_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_dimensions(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("its pixels were read")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", explode)
    sent = bomb(*size)
    assert len(sent) < 10_000
    assert reason_of(sent) == TOO_MANY_PIXELS


def test_a_bomb_in_the_words_beside_the_image_does_not_go_off() -> None:
    text = PngInfo()
    text.add_text("Comment", "x" * 50_000_000, zip=True)
    assert reason_of(encoded("PNG", pnginfo=text)) == BROKEN


NOT_IMAGES = {
    "an SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "a GIF": encoded("GIF"),
    "a GIF that ends as a PNG": encoded("GIF") + encoded("PNG"),
    "a TIFF": encoded("TIFF"),
    "a BMP": encoded("BMP"),
    "an icon": encoded("ICO"),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "a PDF": b"%PDF-1.7\n1 0 obj\n",
    "an archive": b"PK\x03\x04" + bytes(60),
    "a page": b"<!doctype html><title>x</title>",
    "a program": b"\x7fELF" + bytes(60),
    "nothing": b"",
    "a byte": b"\x89",
    "the head of a PNG": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("sent", NOT_IMAGES.values(), ids=NOT_IMAGES)
def test_what_is_no_image_of_the_three_is_refused(sent: bytes) -> None:
    assert reason_of(sent) == UNKNOWN


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_refused(kind: str, part: float) -> None:
    noise = Image.frombytes("RGB", (60, 60), random.Random(1).randbytes(60 * 60 * 3))
    sent = encoded(kind, noise)
    assert reason_of(sent[: int(len(sent) * part)]) in (BROKEN, UNKNOWN)


@given(sent=st.binary(max_size=400))
@example(sent=b"RIFF\x04\x00\x00\x00WEBP")
@settings(max_examples=200 * TIMES)
def test_any_bytes_are_refused(sent: bytes) -> None:
    reason_of(sent)


@given(kind=st.sampled_from(["PNG", "JPEG", "WEBP"]), at=st.floats(0, 1), put=st.binary(min_size=1, max_size=40))
@settings(max_examples=200 * TIMES, deadline=None)
def test_any_damage_gives_an_image_or_a_refusal(kind: str, at: float, put: bytes) -> None:
    sent = bytearray(with_metadata(kind))
    place = int(at * (len(sent) - 1))
    sent[place : place + len(put)] = put
    with suppress(Refused):
        opened(redraw(bytes(sent)))


# --- in a process of its own ------------------------------------------------------------------


async def test_the_process_gives_back_what_was_drawn_or_the_sentence_to_say() -> None:
    darkroom = Darkroom()
    image = await darkroom.redraw(encoded("JPEG"))
    assert Redrawn(image.media_type, image.width, image.height, image.content, image.thumbnail) == redraw(
        encoded("JPEG")
    )
    for sent, sentence in (
        (NOT_IMAGES["a GIF"], "unknown"),
        (encoded("PNG")[:-30], "broken"),
        (bomb(9_000, 9_000), "too_many_pixels"),
    ):
        with pytest.raises(ImageRefused, match=SENTENCES[sentence][:20]):
            await darkroom.redraw(sent)


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.escalation.attachments._DRAWN_WITHIN_S", 0.01)
    with pytest.raises(ImageRefused):
        await Darkroom().redraw(encoded("PNG"))


async def test_no_more_images_are_held_than_there_is_room_for() -> None:
    darkroom = Darkroom()
    async with AsyncExitStack() as stack:
        for _ in range(16):
            await stack.enter_async_context(darkroom)
        with pytest.raises(RateLimited):
            await stack.enter_async_context(darkroom)
    async with darkroom:
        pass


def test_the_process_gives_itself_limits() -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__');"
        "import resource; print(resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU))"
    )
    command = [sys.executable, "-I", "-c", code, images.__file__]
    done = subprocess.run(command, input=b"", capture_output=True, check=True)
    memory, seconds = images.MEMORY_BYTES, images.PROCESSOR_S
    assert done.stdout.decode().splitlines()[1] == f"{(memory, memory)} {(seconds, seconds)}"


def test_the_largest_image_fits_in_the_limits() -> None:
    sent = encoded("PNG", Image.new("RGBA", (5_000, 5_000), (9, 9, 9, 9)))
    command = [sys.executable, "-I", images.__file__]
    done = subprocess.run(command, input=sent, capture_output=True, check=True)
    assert done.stdout.startswith(b"ok image/png 2560 2560 ")


def test_the_web_process_does_not_read_images_itself() -> None:
    code = "import sys, bot.web.app; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
