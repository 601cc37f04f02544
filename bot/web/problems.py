"""One place turns our exceptions into HTTP, in one shape: application/problem+json (RFC 9457)."""

from __future__ import annotations

import uuid

import msgspec
import structlog
from aiohttp import web

from bot import errors
from bot.chat.payloads import Problem

# The first class that fits wins: the nearest in the tree comes first.
STATUSES: tuple[tuple[type[errors.AssistentError], int], ...] = (
    (errors.TooLarge, 413),
    (errors.UnsupportedType, 415),
    (errors.ImageRefused, 422),
    (errors.UnknownChoice, 422),
    (errors.UnknownProfile, 422),
    (errors.InvalidInput, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.RateLimited, 429),
    (errors.StorageUnavailable, 503),
)

# What aiohttp raises by itself, in our words.
_HTTP = {
    403: ("interdit", errors.Forbidden.sentence),
    404: ("introuvable", "Cette adresse n’existe pas."),
    405: ("methode_refusee", "Cette adresse ne prend pas cette méthode."),
    413: ("trop_long", errors.TooLarge.sentence),
}

log = structlog.get_logger()


def problem_response(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return a problem+json answer."""
    title = {400: "Requête invalide", 401: "Non authentifié", 403: "Interdit", 404: "Introuvable",
             405: "Méthode refusée", 409: "Conflit", 413: "Trop long", 415: "Type refusé", 422: "Valeur refusée",
             429: "Trop de demandes", 503: "Indisponible"}.get(status, "Erreur")  # fmt: skip
    problem = Problem(type=f"urn:assistent:{code}", title=title, status=status, code=code, detail=detail)
    return web.Response(
        body=msgspec.json.encode(problem), status=status, content_type="application/problem+json", headers=headers
    )


def problem_of(error: errors.AssistentError) -> web.Response:
    """Return the answer for one of our exceptions."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
    retry_after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem_response(status, error.code, error.sentence, headers)


@web.middleware
async def problem_middleware(request: web.Request, handler) -> web.StreamResponse:
    """Answer every error in one shape; what was not foreseen is logged under a number that the person can quote."""
    try:
        return await handler(request)
    except errors.AssistentError as error:
        return problem_of(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code, detail = _HTTP.get(error.status, ("erreur", "La demande n’a pas pu être traitée."))
        # What a 405 allows, what range a 416 has: the answer must still say it.
        headers = {name: error.headers[name] for name in ("Allow", "Content-Range") if name in error.headers}
        return problem_response(error.status, code, detail, headers)
    except (ConnectionResetError, ConnectionError):
        raise
    except Exception:
        number = uuid.uuid4().hex[:8]
        log.exception("unforeseen", number=number, route=str(request.rel_url.path))
        return problem_response(
            500, "erreur_interne", f"Une erreur est survenue (n° {number}). Réessayez dans un instant."
        )
