"""Reads the file of a form, in pieces, no further than its limit."""

from __future__ import annotations

import asyncio

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.errors import InvalidInput, TooLarge, UnsupportedType

# A file is waited for this long: eight megabytes from a telephone in a village.
_READ_WITHIN_S = 120
_PIECE_BYTES = 64 * 1024
# What a form adds to the file that it brings: boundaries and headers.
FORM_BYTES = 16 * 1024


async def read_file(request: web.Request, name: str, limit: int) -> bytes:
    """Return the file that a form brings as its one part, `name`.

    TooLarge past `limit` bytes, UnsupportedType when it is no form, InvalidInput when it is broken or has another part.
    """
    # A compressed body would be unpacked before its size is known; no browser sends any.
    if request.content_type != "multipart/form-data" or "Content-Encoding" in request.headers:
        raise UnsupportedType("Le fichier doit être envoyé dans un formulaire (Content-Type: multipart/form-data).")
    try:
        async with asyncio.timeout(_READ_WITHIN_S):
            form = await request.multipart()
            part = await form.next()
            if not isinstance(part, BodyPartReader) or part.name != name:
                raise InvalidInput(f"Le formulaire doit porter un seul fichier, nommé « {name} ».")
            content = await _read(part, limit)
            if await form.next() is not None:
                raise InvalidInput("Envoyez un seul fichier à la fois.")
    except TimeoutError as error:
        raise InvalidInput("Le fichier a mis trop de temps à arriver. Envoyez-le de nouveau.") from error
    except (
        ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError, web.RequestPayloadError,
    ) as error:  # fmt: skip
        raise InvalidInput("Le fichier est arrivé abîmé. Envoyez-le de nouveau.") from error
    if not content:
        raise InvalidInput("Ce fichier est vide.")
    return content


async def _read(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while piece := await part.read_chunk(_PIECE_BYTES):
        content += piece
        if len(content) > limit:
            raise TooLarge(
                f"Cette image est trop lourde : au plus {limit // 1024**2} Mo. Recadrez-la, puis joignez-la."
            )
    return bytes(content)
