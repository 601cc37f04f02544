"""What every page of the console shares: who may call it, who calls, its form, its frame, its errors.

A page is a row of `bot.console.routes.ROUTES`, a handler and a template. The gate around the handler has already checked
the row's `allow`, the session and, for a form, where it came from.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiDictProxy

from bot.chat.views import CLOCK, DATABASE, SETTINGS
from bot.console.payloads import clean_field
from bot.errors import Forbidden, InvalidField, InvalidInput, StorageUnavailable, Unauthenticated
from bot.escalation.rules import french_date
from bot.people.rules import ROLE_NAMES, SCOPE_NAMES, Permission
from bot.people.sign_in import Caller, find_caller
from bot.rollout.rules import say_day
from bot.settings import Settings
from bot.web.operations import Handler
from bot.web.pages import STATIC, TEMPLATES, send_files

PREFIX = "/console"
WORKSHOP = "/workshop"
SIGN_IN = f"{PREFIX}/connexion"
_STATIC = f"{PREFIX}/static/"

# Sentences shown at the top of the page that follows a gesture; `see_other` names one.
NOTICES: Mapping[str, str] = {
    "deconnecte": "Vous êtes déconnecté.",
    "mot-de-passe": "Le mot de passe est changé. Vos autres sessions sont fermées.",
    "mot-de-passe-choisi": "Le mot de passe est enregistré. Connectez-vous.",
    "session-fermee": "La session est fermée.",
    "compte-desactive": "Le compte est désactivé. Ses sessions sont fermées.",
    "compte-reactive": "Le compte est réactivé.",
    "identite-deliee": "L’identité est déliée. Les sessions du compte sont fermées.",
    "role-donne": "Le rôle est donné.",
    "role-retire": "Le rôle est retiré.",
    "groupe-ajoute": "Le groupe est ajouté.",
    "groupe-modifie": "Le groupe est modifié.",
    "groupe-retire": "Le groupe est retiré.",
    "repartition": "La répartition est enregistrée.",
    "ecole-ajoutee": "L’école est ajoutée.",
    "ecole-modifiee": "L’école est modifiée.",
    "import-abandonne": "Le fichier est effacé. Rien n’a été changé.",
    "demande-prendre": "La demande est à vous.",
    "demande-affecter": "La demande est affectée.",
    "demande-groupe": "La demande a changé de groupe.",
    "demande-remettre": "La demande est remise dans la file.",
    "demande-repondre": "La réponse est envoyée dans la conversation.",
    "demande-demander": "La question est posée dans la conversation.",
    "demande-resoudre": "La demande est résolue. La personne est invitée à dire si c’est réglé.",
    "demande-clore": "La demande est close.",
    "demande-rouvrir": "La demande est rouverte.",
    "demande-escalader": "La demande est au niveau 3.",
    "demande-rendre": "La demande est rendue au niveau 2.",
    "demande-note": "La note est gardée.",
    "demande-fusionner": "Les demandes sont fusionnées : ce que vous répondez ici est lu par toutes les personnes.",
    "demande-suite": "La suite est ouverte : la personne connaît les deux numéros.",
    "demande-separer": "La demande est de nouveau traitée à part.",
    "demande-priorite": "La priorité est changée.",
    "demande-incident": "Le rattachement est changé.",
    "vue-enregistree": "La vue est enregistrée.",
    "vue-modifiee": "La vue est modifiée.",
    "vue-remise": "La vue est remise.",
    "vue-accueil": "La console s’ouvre désormais sur cette vue.",
    "vue-sans-accueil": "La console s’ouvre de nouveau sur la file entière.",
    "reponse-ajoutee": "La réponse type est ajoutée.",
    "reponse-modifiee": "La réponse type est modifiée.",
    "reponse-remise": "La réponse type est remise.",
    "envoi-refait": "L’envoi est refait dans un instant.",
    "envois-refaits": "Les envois sont refaits dans un instant, dans l’ordre.",
    "delais-enregistres": "Les délais sont enregistrés.",
    "calendrier-enregistre": "Le calendrier est enregistré.",
    "calendrier-retire": "Le calendrier de toutes les académies compte de nouveau.",
    "incident-ouvert": "L’incident est ouvert : l’assistant le dit à partir de maintenant.",
    "incident-termine": "L’incident est terminé : les personnes rattachées sont prévenues.",
    "demande-renvoyer": "L’envoi à l’outil de l’équipe est refait dans un instant.",
    "modele-demande": "La mise en service est commencée. Le modèle actuel répond jusqu’à ce que l’autre soit prêt.",
    "demande-parler": "L’assistant se tait dans cette conversation : ce que vous écrivez y paraît.",
    "vague-ajoutee": "La vague est ajoutée. Inscrivez-y ses écoles.",
    "vague-modifiee": "La vague est modifiée.",
    "vague-etat": "L’état de la vague est changé : l’assistant le dit à partir de maintenant.",
    "vague-ecole-retiree": "L’école est retirée de la vague.",
    "vague-close": "La vague est close. Son bilan est écrit.",
    "vague-rouverte": "La clôture est annulée : la vague est de nouveau ouverte, et son bilan est effacé.",
    "apprentissage-lance": "L’apprentissage a commencé. Il prend quelques minutes : vous pouvez quitter cette page.",
    "apprentissage-annule": "L’apprentissage s’arrête. Rien ne change en service.",
    "apprentissage-programme": "Le programme est enregistré.",
    "refus-leve": "Le refus est levé : le modèle peut être mis en service. La raison est gardée.",
    "brouillon-enregistre": "Le brouillon est enregistré. Voici comment chacun le lira.",
    "brouillon-propose": "Le brouillon est proposé : une autre personne doit le relire.",
    "brouillon-repris": "Le brouillon est de nouveau à vous.",
    "brouillon-abandonne": "Le brouillon est abandonné. Vous pouvez le reprendre ci-dessous.",
    "brouillon-rendu": "Le brouillon est rendu à son auteur, avec le motif.",
    "brouillon-a-jour": "Le brouillon part maintenant de la version en service.",
    "sujet-commence": "Le sujet est enregistré. Écrivez maintenant son article.",
    "article-publie": "L’article est publié : l’assistant le dit dès maintenant.",
    "article-prevu": "L’article est accepté : il paraîtra à la date prévue.",
    "article-echeance": "Le dernier jour de service est enregistré.",
    "article-retire": "L’article est retiré : l’assistant ne le dit plus.",
    "article-remis": "L’article est de nouveau en service.",
    "article-retabli": "Le texte de cette version est de nouveau en service.",
    "demande-se-taire": "L’assistant répond de nouveau dans cette conversation.",
    "messages-donnes": "Les messages sont donnés au sujet.",
    "messages-ecartes": "Les messages sont écartés.",
    "messages-revenus": "Le geste est annulé : les messages attendent de nouveau, ce qui avait été gardé est retiré.",
    "message-masque": "Les mots sont masqués.",
    "lecon-ecartee": "La demande ne donnera pas d’article.",
    "lecon-revenue": "La demande est de nouveau dans la liste.",
}

# Where the API's sentence, written for the chat, would not make sense in a page.
_SENTENCES: Mapping[str, str] = {
    "non_authentifie": "Votre session a pris fin. Connectez-vous de nouveau.",
    "trop_long": "Ce que vous avez envoyé est trop long. Rien n’a été enregistré : revenez en arrière, raccourcissez-le, puis recommencez.",
    "stockage_indisponible": "La console ne peut ni lire ni enregistrer pour le moment. Réessayez dans un instant.",
}


class Access(Enum):
    """Who may call a route that asks for no permission."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"


@dataclass(frozen=True)
class Route:
    """A route of the console: `allow` says who may call it, `nav` its entry in the navigation if it has one.

    The form of one that `takes_file` may be large: its fields come first, and the file is left to the handler (`file_of`).
    """

    method: str
    path: str
    handler: Handler
    allow: Permission | Access
    nav: str = ""
    takes_file: bool = False

    def admits(self, caller: Caller | None) -> bool:
        """Tell whether `caller` may call it, somewhere at least: on what exactly is the handler's to check."""
        if self.allow is Access.ANYONE:
            return True
        if caller is None:
            return False
        return self.allow is Access.SIGNED_IN or caller.may(self.allow)


ROUTES = web.AppKey("console_routes", tuple[Route, ...])
CALLER = web.RequestKey("caller", Caller)
FORM = web.RequestKey("form", MultiDictProxy[str])
FILE = web.RequestKey("file", tuple[MultipartReader, BodyPartReader])

# What a form with a file has beside it: how many fields, of how many bytes.
_MAX_FIELDS, _MAX_FIELD = 10, 4_096
_PIECE_BYTES = 256 * 1024
# What aiohttp raises at a form that is not as it should be.
_BROKEN = (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError, web.RequestPayloadError)


def add_console(app: web.Application, routes: tuple[Route, ...]) -> None:
    """Route the console's pages and files."""
    app[ROUTES] = routes
    app[TEMPLATES].filters.update(
        moment=french_date, jour=say_day, role=ROLE_NAMES.__getitem__, scope=SCOPE_NAMES.__getitem__
    )
    for route in routes:
        # add_get answers HEAD too.
        add = app.router.add_get if route.method == "GET" else app.router.add_post
        add(route.path, _gate(route))
    app.router.add_get(_STATIC + "{name}", send_files(STATIC / "console"))
    # Without their last slash, as people type them.
    for prefix in (PREFIX, WORKSHOP):
        app.router.add_get(prefix, _go_home)


async def _go_home(request: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther(f"{request.path}/")


# --- for handlers -----------------------------------------------------------------------------


def caller_of(request: web.Request) -> Caller:
    """Return who calls, on a route that does not let everybody in."""
    return request[CALLER]


def form_of(request: web.Request) -> MultiDictProxy[str]:
    """Return the fields of the form that was sent, without control characters."""
    return request[FORM]


async def file_of(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the file that the form holds, in pieces, as it comes: how long it is is for the caller to limit."""
    if FILE not in request:
        raise InvalidField("file", "Choisissez un fichier.")
    parts, part = request[FILE]
    try:
        while piece := await part.read_chunk(_PIECE_BYTES):
            yield piece
        # A file that was cut short is told by the boundary that does not follow it.
        if await parts.next() is not None:
            raise InvalidInput
    except _BROKEN as error:
        raise InvalidInput(
            "Le fichier n’est pas arrivé en entier. Rien n’a été changé : envoyez-le de nouveau."
        ) from error


def query_of(request: web.Request, name: str) -> str:
    """Return a field of the query, cleaned as a form's."""
    return clean_field(request.query.get(name, "")).strip()


def page_of(request: web.Request) -> int:
    """Return which page of a list is asked for; 1 unless it is a sensible number."""
    text = request.query.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10_000 else 1


def number_of(request: web.Request, name: str) -> int:
    """Return a number of the path, 0 (which nothing has) when it is none that a row may have."""
    return as_number(request.match_info[name])


def as_number(text: str) -> int:
    """Return the number that a text is, 0 when it is none that a row may have."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def see_other(path: str, notice: str = "") -> web.Response:
    """Return the answer that leads to another page, where the sentence of `notice` is shown."""
    if notice:
        path += f"{'&' if '?' in path else '?'}fait={notice}"
    return web.Response(status=303, headers={"Location": path})


def render(
    request: web.Request, template: str, *, title: str, status: int = 200, headers: Mapping[str, str] | None = None,
    **context: Any,
) -> web.Response:  # fmt: skip
    """Return a page: `template` (of the console unless it names its folder) in the common frame, under `title`.

    `errors` (field → sentence) in `context` makes the summary at the top and marks the fields.
    """
    caller = request.get(CALLER)
    visit = None if caller else request.cookies.get(visit_cookie(request.app[SETTINGS])) or secrets.token_urlsafe(24)
    context = {
        "title": title,
        "path": request.path,
        "product": "Atelier" if f"{request.path}/".startswith(f"{WORKSHOP}/") else "Console",
        "caller": caller,
        "csrf": caller.csrf if caller else _visit_token(request, visit),
        "navigation": [
            route for route in request.app[ROUTES] if route.nav and caller is not None and route.admits(caller)
        ],
        "notice": NOTICES.get(request.query.get("fait", ""), ""),
        "errors": {},
        "sign_in": SIGN_IN,
        **context,
    }
    page = request.app[TEMPLATES].get_template(template if "/" in template else f"console/{template}").render(context)
    response = web.Response(text=page, content_type="text/html", status=status, headers=headers)
    if visit:
        set_cookie(request, response, visit_cookie(request.app[SETTINGS]), visit)
    return response


# --- cookies ----------------------------------------------------------------------------------


def session_cookie(settings: Settings) -> str:
    """Return the name of the cookie that holds the session's token."""
    return _cookie("assistent_session", settings)


def visit_cookie(settings: Settings) -> str:
    """Return the name of the cookie that ties a form to whoever is not signed in yet."""
    return _cookie("assistent_visit", settings)


def _cookie(name: str, settings: Settings) -> str:
    # The prefix makes the browser refuse it from anywhere but this very host, over https.
    return name if settings.is_demonstration else f"__Host-{name}"


def set_cookie(request: web.Request, response: web.Response, name: str, value: str) -> None:
    """Put a cookie that ends with the browser, that no script reads and no other site sends."""
    secure = not request.app[SETTINGS].is_demonstration
    response.set_cookie(name, value, path="/", httponly=True, samesite="Lax", secure=secure)


# --- the gate ---------------------------------------------------------------------------------


def _gate(route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if any(clean_field(part) != part for part in request.match_info.values()):
            raise web.HTTPNotFound
        if route.method != "GET":
            _check_origin(request)
        caller = await _identify(request)
        if not route.admits(caller):
            if caller is not None:
                raise Forbidden
            if route.method == "GET" and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
                raise web.HTTPSeeOther(f"{SIGN_IN}?suite={quote(request.path_qs, safe='')}")
            raise Unauthenticated
        if route.method != "GET":
            request[FORM] = await (_read_fields(request) if route.takes_file else _read_form(request))
            _check_token(request, caller)
        return await route.handler(request)

    return handle


async def _identify(request: web.Request) -> Caller | None:
    token = request.cookies.get(session_cookie(request.app[SETTINGS]))
    caller = await find_caller(request.app[DATABASE], request.app[CLOCK], token) if token else None
    if caller is not None:
        request[CALLER] = caller
    return caller


def _check_origin(request: web.Request) -> None:
    """Refuse a form that a page of another site sent; browsers say where it comes from by one header or the other."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site != "same-origin":
            raise Forbidden("Ce formulaire vient d’un autre site. Ouvrez la console, puis recommencez.")
        return
    origin = urlsplit(request.headers.get("Origin", ""))
    public = urlsplit(request.app[SETTINGS].public_url).netloc
    if not origin.netloc or origin.netloc not in (request.host, public):
        raise Forbidden("Ce formulaire vient d’un autre site. Ouvrez la console, puis recommencez.")


async def _read_form(request: web.Request) -> MultiDictProxy[str]:
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise InvalidInput
    try:
        sent = await request.post()
    except (ValueError, LookupError) as error:
        # Bytes that are not UTF-8, a charset that does not exist, a part cut short.
        raise InvalidInput from error
    return MultiDictProxy(
        MultiDict((name, clean_field(value)) for name, value in sent.items() if isinstance(value, str))
    )


async def _read_fields(request: web.Request) -> MultiDictProxy[str]:
    """Read the fields that come before the file: nothing of the file is read for a form that is not good."""
    fields: MultiDict[str] = MultiDict()
    try:
        parts = await request.multipart()
        while (part := await parts.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name or len(fields) == _MAX_FIELDS:
                raise InvalidInput
            if part.filename is not None:
                # A browser sends an empty name when no file was chosen.
                if part.filename:
                    request[FILE] = parts, part
                break
            fields.add(part.name, clean_field(await _read_field(part)))
    except _BROKEN as error:
        raise InvalidInput from error
    return MultiDictProxy(fields)


async def _read_field(part: BodyPartReader) -> str:
    value = b""
    while chunk := await part.read_chunk():
        value += chunk
        if len(value) > _MAX_FIELD:
            raise InvalidInput
    return value.decode()


def _check_token(request: web.Request, caller: Caller | None) -> None:
    if caller is not None:
        expected = caller.csrf
    else:
        visit = request.cookies.get(visit_cookie(request.app[SETTINGS]), "")
        expected = _visit_token(request, visit) if visit else ""
    given = request[FORM].get("csrf", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden("Ce formulaire n’est plus valable. Rechargez la page, puis recommencez.")


def _visit_token(request: web.Request, visit: str) -> str:
    key = request.app[SETTINGS].secret_key.encode()
    return hmac.new(key, f"console:{visit}".encode(), hashlib.sha256).hexdigest()


# --- errors -----------------------------------------------------------------------------------


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the problems of the console's addresses into pages; what each error is stays said in one place, web.problems."""
    response = await handler(request)
    if (
        not f"{request.path}/".startswith((f"{PREFIX}/", f"{WORKSHOP}/"))
        or response.content_type != "application/problem+json"
        or "json" in request.headers.get("Accept", "")
    ):
        return response
    problem = json.loads(response.body)
    if CALLER not in request:
        try:
            await _identify(request)
        except StorageUnavailable:
            # The page then has no navigation, and says why.
            pass
    kept = {name: response.headers[name] for name in ("Allow", "Retry-After") if name in response.headers}
    sentence = _SENTENCES.get(problem["code"], problem["detail"])
    return render(
        request, "error.html", title=problem["title"], status=response.status, headers=kept, sentence=sentence,
        code=response.status,
    )  # fmt: skip
