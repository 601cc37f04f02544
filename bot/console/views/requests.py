"""The requests, for référents and agents: the queue of their territory, one request, and what is done to it."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import quote

from aiohttp import web

from bot.chat.markup import to_html
from bot.chat.views import CLOCK, DATABASE, VAULT
from bot.console.views.shell import PREFIX, caller_of, form_of, page_of, query_of, render, see_other
from bot.errors import Conflict, InvalidInput, NotFound
from bot.escalation import desk, handling, states
from bot.escalation.desk import OPEN, SORTS, Dossier, QueueFilter
from bot.escalation.handling import Gesture
from bot.escalation.rules import is_ticket_number
from bot.escalation.states import Kind
from bot.people.rules import Permission
from bot.topics import PROFILE_NAMES, load_topics

PATH = f"{PREFIX}/demandes"

STATE_NAMES = {
    states.NEW: "Nouvelle", states.IN_PROGRESS: "En cours", states.WAITING: "En attente de l’usager",
    states.RESOLVED: "Résolue", states.CLOSED: "Close",
}  # fmt: skip
SORT_NAMES = {"echeance": "Échéance la plus proche", "recentes": "Les plus récentes", "activite": "Dernière activité"}
# What each event of the history is called.
EVENT_NAMES = {
    "ouvert": "Demande ouverte", Kind.TAKE: "Prise en charge", Kind.ASSIGN: "Affectation", Kind.REPLY: "Réponse à l’usager",
    Kind.ASK: "Question à l’usager", Kind.ANSWER: "Précision de l’usager", Kind.RESOLVE: "Résolue", Kind.CLOSE: "Close",
    Kind.REOPEN: "Rouverte", Kind.ESCALATE: "Escaladée au niveau 3", Kind.GIVE_BACK: "Rendue au niveau 2",
    handling.NOTE: "Note interne", handling.TAKEN_OVER: "Conversation prise en main",
    handling.HANDED_BACK: "Conversation rendue à l’assistant", "avis": "Avis de l’usager",
}  # fmt: skip
# Gestures that a form of the page may ask for, and the sentence shown afterwards.
GESTURES = {
    "prendre": Kind.TAKE, "remettre": Kind.ASSIGN, "repondre": Kind.REPLY, "demander": Kind.ASK,
    "resoudre": Kind.RESOLVE, "clore": Kind.CLOSE, "rouvrir": Kind.REOPEN, "escalader": Kind.ESCALATE,
    "rendre": Kind.GIVE_BACK,
}  # fmt: skip


async def show_queue(request: web.Request) -> web.StreamResponse:
    """Show a page of the queue, filtered."""
    app, caller = request.app, caller_of(request)
    wanted = _filter(request)
    async with app[DATABASE].reading() as session:
        queue = await desk.list_queue(session, caller, wanted, app[CLOCK].now())
    asked = {name: value for name, value in asdict(wanted).items() if value not in (None, "", False) and name != "page"}
    return render(
        request, "queue.html", title="File des demandes", queue=queue, wanted=wanted, asked=asked, now=app[CLOCK].now(),
        states={OPEN: "Ouvertes", "": "Toutes", **STATE_NAMES}, sorts=SORT_NAMES, profiles=PROFILE_NAMES,
        state_names=STATE_NAMES, me=caller.account.id,
    )  # fmt: skip


def _filter(request: web.Request) -> QueueFilter:
    state, sort, level = query_of(request, "state"), query_of(request, "sort"), query_of(request, "level")
    return QueueFilter(
        state=state if state in STATE_NAMES or (state == "" and "state" in request.query) else OPEN,
        level=int(level) if level in ("2", "3") else None,
        group=query_of(request, "group")[:40], topic=query_of(request, "topic")[:80],
        profile=query_of(request, "profile")[:20], mine=query_of(request, "mine") == "True",
        unassigned=query_of(request, "unassigned") == "True", late=query_of(request, "late") == "True",
        text=query_of(request, "text")[:200], sort=sort if sort in SORTS else "echeance", page=page_of(request),
    )  # fmt: skip


def _topic_names() -> dict[str, str]:
    return {topic.id: topic.meaning for topic in load_topics() if not topic.is_dialogue}


async def show_request(request: web.Request) -> web.StreamResponse:
    """Show a request with its conversation and what may be done to it."""
    return await _page(request)


async def _page(request: web.Request, **answer) -> web.Response:
    app, caller = request.app, caller_of(request)
    number = _number(request)
    async with app[DATABASE].reading() as session:
        dossier = await desk.read_dossier(session, caller, number)
        roles = await handling.roles_on(session, caller, dossier.ticket)
    state, now = handling.state_of(dossier.ticket), app[CLOCK].now()
    possible = {
        kind for grant in roles for kind in states.possible_commands(state, grant.role, caller.account.id, now)
    }  # fmt: skip
    return render(
        request, "request.html", title=f"Demande {number}", dossier=dossier, ticket=dossier.ticket, path_of=PATH,
        can={name for name, kind in GESTURES.items() if kind in possible}, may_answer=bool(roles),
        state_names=STATE_NAMES, events=EVENT_NAMES, profiles=PROFILE_NAMES, topics=_topic_names(), now=now,
        to_html=to_html, contacts=_contacts(request, dossier), me=caller.account.id,
        **{"values": {}, **answer},
    )  # fmt: skip


def _number(request: web.Request) -> str:
    number = request.match_info["number"]
    if not is_ticket_number(number):
        raise NotFound("Ce numéro de demande n’existe pas.")
    return number


def _contacts(request: web.Request, dossier: Dossier) -> list[tuple[str, str]]:
    """Return what was given for the answer, in clear, to whoever may read it."""
    if not caller_of(request).may(Permission.READ_CONTACTS):
        return []
    vault = request.app[VAULT]
    return [(contact.kind, vault.open(contact.secret)) for contact in dossier.contacts]


async def do_gesture(request: web.Request) -> web.StreamResponse:
    """Do what a form of the page asks for."""
    app, caller, form, number = request.app, caller_of(request), form_of(request), _number(request)
    name = request.match_info["gesture"]
    try:
        if name == "note":
            await handling.write_note(app[DATABASE], app[CLOCK], caller, number, form.get("text", ""))
        elif name in ("parler", "se-taire"):
            await handling.take_over(app[DATABASE], app[CLOCK], caller, number, back=name == "se-taire")
        elif name in GESTURES:
            gesture = Gesture(GESTURES[name], form.get("text", ""), form.get("reason", ""))
            await handling.act(app[DATABASE], app[CLOCK], caller, number, gesture)
        else:
            raise NotFound
    except (InvalidInput, Conflict) as error:
        # What was written is not lost: it comes back in its field, with the sentence that says why.
        field = "reason" if name in ("escalader", "rendre") else "text"
        return await _page(request, status=422, values=form, errors={field: error.sentence})
    return see_other(f"{PATH}/{quote(number)}", f"demande-{name}")
