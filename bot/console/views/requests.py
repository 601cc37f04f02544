"""The requests, for référents and agents: the queue of their territory, one request, and what is done to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bot.chat.markup import to_html
from bot.chat.views import CLOCK, DATABASE, VAULT
from bot.connectors import outbox
from bot.connectors.rules import STEP_NAMES, TOOL_NAMES
from bot.console.views.shell import PREFIX, caller_of, form_of, page_of, query_of, render, see_other
from bot.errors import Conflict, Forbidden, InvalidInput, NotFound, StorageUnavailable
from bot.escalation import attachments, desk, followups, handling, joins, letters, outages, promises, states, telling
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
PRIORITY_NAMES = {promises.LOW: "Basse", promises.NORMAL: "Normale", promises.HIGH: "Haute"}
SORT_NAMES = {"echeance": "Échéance la plus proche", "recentes": "Les plus récentes", "activite": "Dernière activité"}
# What each event of the history is called.
EVENT_NAMES = {
    "ouvert": "Demande ouverte", Kind.TAKE: "Prise en charge", Kind.ASSIGN: "Affectation", Kind.REPLY: "Réponse à l’usager",
    Kind.ASK: "Question à l’usager", Kind.ANSWER: "Précision de l’usager", Kind.RESOLVE: "Résolue", Kind.CLOSE: "Close",
    Kind.REOPEN: "Rouverte", Kind.ESCALATE: "Escaladée au niveau 3", Kind.GIVE_BACK: "Rendue au niveau 2",
    handling.NOTE: "Note interne", handling.TAKEN_OVER: "Conversation prise en main",
    handling.HANDED_BACK: "Conversation rendue à l’assistant", "avis": "Avis de l’usager",
    handling.WROTE: "Message de l’usager", handling.PRIORITY: "Priorité", promises.ALERT: "Échéance",
    outages.ATTACHED: "Incident", Kind.JOIN: "Ajout de l’usager", Kind.MERGE: "Fusion", Kind.UNMERGE: "Séparation",
    telling.MAIN_ENDED: "Demande principale terminée",
    followups.FOLLOWED_UP: "Suite ouverte", letters.STOPPED: "Plus de courriels",
}  # fmt: skip
# Gestures that a form of the page may ask for, and the sentence shown afterwards.
GESTURES = {
    "prendre": Kind.TAKE, "remettre": Kind.ASSIGN, "repondre": Kind.REPLY, "demander": Kind.ASK,
    "resoudre": Kind.RESOLVE, "clore": Kind.CLOSE, "rouvrir": Kind.REOPEN, "escalader": Kind.ESCALATE,
    "rendre": Kind.GIVE_BACK, "affecter": Kind.ASSIGN, "groupe": Kind.ASSIGN,
    "fusionner": Kind.MERGE, "separer": Kind.UNMERGE,
}  # fmt: skip
# Those that the queue does to several requests at once, with what is said of those that were done.
BULK = {"prendre": "à vous", "affecter": "affectée{s}", "groupe": "dans ce groupe", "clore": "close{s}",
        "fusionner": "fusionnée{s}"}  # fmt: skip


async def show_queue(request: web.Request) -> web.StreamResponse:
    """Show a page of the queue, filtered."""
    return await _queue(request)


async def do_many(request: web.Request) -> web.StreamResponse:
    """Do one gesture to the requests that were ticked; each is done or refused for itself, and the page says which."""
    form = form_of(request)
    name, numbers = form.get("gesture", ""), list(dict.fromkeys(form.getall("number", [])))[: desk.PAGE]
    if name not in BULK:
        raise NotFound
    if not numbers:
        return await _queue(request, status=422, errors={"lot": "Cochez d’abord les demandes."})
    app, caller = request.app, caller_of(request)
    main = ""
    if name == "fusionner":
        # The oldest stands for all, unless another is named: it is the one that has waited longest.
        main = form.get("main", "").strip() or min(numbers, key=lambda number: (len(number), number))
        numbers = [number for number in numbers if number != main]
        if not numbers:
            return await _queue(request, status=422, errors={"lot": "Cochez au moins deux demandes à fusionner."})
    done, refused = 0, []
    for number in numbers:
        try:
            if main:
                await joins.merge(app[DATABASE], app[CLOCK], caller, number, main)
            else:
                await handling.act(app[DATABASE], app[CLOCK], caller, number, _gesture(request, name))
            done += 1
        except (InvalidInput, Conflict, Forbidden, NotFound, StorageUnavailable) as error:
            refused.append((number, error.sentence))
    many = "s" if done > 1 else ""
    told = f"{done} demande{many} {BULK[name].format(s=many)}"
    if main and done:
        told += f" avec la demande {main}"
    if refused:
        told += f", {len(refused)} refusée{'s' if len(refused) > 1 else ''}"
    return await _queue(request, notice=f"{told}.", refused=refused)


def _gesture(request: web.Request, name: str) -> Gesture:
    """Return the gesture that the form asks for; InvalidInput when it does not say to whom."""
    form = form_of(request)
    to = {"affecter": "assignee", "groupe": "group"}.get(name)
    if to and not form.get(to):
        raise InvalidInput("Choisissez la personne." if name == "affecter" else "Choisissez le groupe.")
    given = {f"{to}_id": form[to]} if to else {}
    return Gesture(GESTURES[name], form.get("text", ""), form.get("reason", ""), **given)


async def _queue(request: web.Request, **answer) -> web.Response:
    app, caller = request.app, caller_of(request)
    wanted = _filter(request)
    handles = caller.may(Permission.HANDLE_TICKETS)
    async with app[DATABASE].reading() as session:
        queue = await desk.list_queue(session, caller, wanted, app[CLOCK].now())
        groups = await desk.list_groups(session)
        names = await desk.name_assignees(session, queue.tickets)
        agents = await desk.list_agents(session, queue.tickets) if handles else []
    asked = {name: value for name, value in asdict(wanted).items() if value not in (None, "", False) and name != "page"}
    return render(
        request, "queue.html", title="File des demandes", queue=queue, wanted=wanted, asked=asked, now=app[CLOCK].now(),
        states={OPEN: "Ouvertes", "": "Toutes", **STATE_NAMES}, sorts=SORT_NAMES, profiles=PROFILE_NAMES,
        state_names=STATE_NAMES, me=caller.account.id, topics=topic_names(), groups=_named(groups), names=names,
        agents=_named(agents), handles=handles, **{"refused": [], **answer},
    )  # fmt: skip


def _named(rows: Iterable[Any]) -> dict[str, str]:
    return {row.id: row.name for row in rows}


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


def topic_names() -> dict[str, str]:
    """Return what each topic that a request may be about means, by its id."""
    return {topic.id: topic.meaning for topic in load_topics() if not topic.is_dialogue}


async def show_request(request: web.Request) -> web.StreamResponse:
    """Show a request with its conversation and what may be done to it."""
    return await _page(request)


async def _page(request: web.Request, **answer) -> web.Response:
    app, caller = request.app, caller_of(request)
    number = _number(request)
    async with app[DATABASE].reading() as session:
        dossier = await desk.read_dossier(session, caller, number)
        images = await attachments.list_of(session, dossier.ticket)
        roles = await handling.roles_on(session, caller, dossier.ticket)
        known = {row.id: row.title for row in await outages.list_open(session, caller)}
        posted = await letters.list_of(session, dossier.ticket)
        exchanges = await outbox.read_exchanges(session, dossier.ticket)
        names = await desk.name_assignees(session, [dossier.ticket])
        agents = await desk.list_agents(session, [dossier.ticket])
        likely = await joins.propose(session, caller, dossier.ticket)
        merged = await joins.list_merged(session, caller, dossier.ticket)
        hearing = await joins.count_hearing(session, dossier.ticket)
        main = await joins.find_main(session, caller, dossier.ticket)
        former = await followups.find_former(session, caller, dossier.ticket)
        sequels = await followups.list_follow_ups(session, caller, dossier.ticket)
        groups = [one for one in await desk.list_groups(session) if one.level == dossier.ticket.level]
    state, now = handling.state_of(dossier.ticket), app[CLOCK].now()
    possible = {
        kind for grant in roles for kind in states.possible_commands(state, grant.role, caller.account.id, now)
    }  # fmt: skip
    can = {name for name, kind in GESTURES.items() if kind in possible}
    if roles and state.state in states.OPEN_STATES:
        can.add("priorite")
    if roles and states.is_too_late(state, now):
        can.add("suite")
    return render(
        request, "request.html", title=f"Demande {number}", dossier=dossier, ticket=dossier.ticket, path_of=PATH,
        can=can, may_answer=bool(roles), priorities=PRIORITY_NAMES, incidents=known,
        state_names=STATE_NAMES, events=EVENT_NAMES, profiles=PROFILE_NAMES, topics=topic_names(), now=now,
        to_html=to_html, contacts=_contacts(request, dossier), images=images, me=caller.account.id,
        exchanges=exchanges, tools=TOOL_NAMES, steps=STEP_NAMES, names=names, agents=_named(agents),
        groups=_named(groups), likely=likely, merged=merged, hearing=hearing, main=main,
        former=former, sequels=sequels, posted=posted, letter_names=letters.LETTER_NAMES,
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
        elif name == "renvoyer":
            await handling.send_again(app[DATABASE], app[CLOCK], caller, number)
        elif name == "priorite":
            await handling.set_priority(app[DATABASE], app[CLOCK], caller, number, form.get("priority", ""))
        elif name == "incident":
            await outages.attach_request(app[DATABASE], app[CLOCK], caller, number, form.get("incident", ""))
        elif name == "fusionner":
            given = dict.fromkeys([*form.getall("number", []), form.get("other", "").strip()])
            return await _merge(request, number, [one for one in given if one])
        elif name == "suite":
            number = await followups.follow_up(app[DATABASE], app[CLOCK], caller, number)
        elif name in ("parler", "se-taire"):
            await handling.take_over(app[DATABASE], app[CLOCK], caller, number, back=name == "se-taire")
        elif name in GESTURES:
            await handling.act(app[DATABASE], app[CLOCK], caller, number, _gesture(request, name))
        else:
            raise NotFound
    except (InvalidInput, Conflict) as error:
        # What was written is not lost: it comes back in its field, with the sentence that says why.
        field = {"escalader": "reason", "rendre": "reason", "affecter": "assignee", "groupe": "group",
                 "fusionner": "other"}.get(name, "text")  # fmt: skip
        return await _page(request, status=422, values=form, errors={field: error.sentence})
    return see_other(f"{PATH}/{quote(number)}", f"demande-{name}")


async def _merge(request: web.Request, main: str, numbers: list[str]) -> web.StreamResponse:
    """Merge other requests into this one; what is refused is said, what was done stays done."""
    app, caller, refused = request.app, caller_of(request), []
    if not numbers:
        raise InvalidInput("Cochez une demande, ou écrivez son numéro.")
    for number in numbers[: desk.PAGE]:
        try:
            await joins.merge(app[DATABASE], app[CLOCK], caller, number, main)
        except (InvalidInput, Conflict, Forbidden, NotFound) as error:
            refused.append(f"{number} : {error.sentence}")
    if refused:
        return await _page(request, status=422, values=form_of(request), errors={"other": " ".join(refused)})
    return see_other(f"{PATH}/{quote(main)}", "demande-fusionner")
