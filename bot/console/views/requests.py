"""The requests, for référents and agents: the queue of their territory, one request, and what is done to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.markup import to_html
from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE, VAULT
from bot.connectors import outbox, undelivered
from bot.connectors.rules import STEP_NAMES, TOOL_NAMES
from bot.console.views.shell import PREFIX, as_number, caller_of, form_of, page_of, query_of, render, see_other
from bot.errors import Conflict, Forbidden, InvalidField, InvalidInput, NotFound, StorageUnavailable
from bot.escalation import (
    attachments,
    canned,
    desk,
    followups,
    handling,
    joins,
    letters,
    outages,
    promises,
    saved_views,
    states,
    telling,
)
from bot.escalation.desk import OPEN, SORTS, Dossier, QueueFilter
from bot.escalation.handling import Gesture
from bot.escalation.models import CannedAnswer, Group
from bot.escalation.rules import is_ticket_number
from bot.escalation.states import Kind
from bot.people.models import Grant
from bot.people.rules import ROLE_NAMES, Permission
from bot.topics import PROFILE_NAMES

PATH = f"{PREFIX}/demandes"

STATE_NAMES = {
    states.NEW: "Nouvelle", states.IN_PROGRESS: "En cours", states.WAITING: "En attente de l’usager",
    states.RESOLVED: "Résolue", states.CLOSED: "Close",
}  # fmt: skip
PRIORITY_NAMES = {promises.LOW: "Basse", promises.NORMAL: "Normale", promises.HIGH: "Haute"}
# The columns whose headings sort the queue, and every order that it may have.
COLUMN_NAMES = {
    "numero": "Numéro", "ecole": "École", "profil": "Profil", "etat": "État", "niveau": "Niveau", "ouverture": "Ouverte",
}  # fmt: skip
SORT_NAMES = {
    "echeance": "Échéance la plus proche",
    "recentes": "Les plus récentes",
    "activite": "Dernière activité",
    **{name: f"{told}, ordre croissant" for name, told in COLUMN_NAMES.items()},
    **{f"-{name}": f"{told}, ordre décroissant" for name, told in COLUMN_NAMES.items()},
}
# What a view of the queue may be without, when what it names no longer exists.
_LOST = {
    "state": "l’état", "level": "le niveau", "group": "le groupe", "topic": "le sujet", "profile": "le profil",
    "sort": "l’ordre",
}  # fmt: skip
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
    return await queue_page(request)


async def do_many(request: web.Request) -> web.StreamResponse:
    """Do one gesture to the requests that were ticked; each is done or refused for itself, and the page says which."""
    form = form_of(request)
    name, numbers = form.get("gesture", ""), list(dict.fromkeys(form.getall("number", [])))[: desk.PAGE]
    if name not in BULK:
        raise NotFound
    if not numbers:
        return await queue_page(request, status=422, errors={"lot": "Cochez d’abord les demandes."})
    app, caller = request.app, caller_of(request)
    main = ""
    if name == "fusionner":
        # The oldest stands for all, unless another is named: it is the one that has waited longest.
        main = form.get("main", "").strip() or min(numbers, key=lambda number: (len(number), number))
        numbers = [number for number in numbers if number != main]
        if not numbers:
            return await queue_page(request, status=422, errors={"lot": "Cochez au moins deux demandes à fusionner."})
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
    return await queue_page(request, notice=f"{told}.", refused=refused)


def _gesture(request: web.Request, name: str) -> Gesture:
    """Return the gesture that the form asks for; InvalidInput when it does not say to whom."""
    form = form_of(request)
    to = {"affecter": "assignee", "groupe": "group"}.get(name)
    if to and not form.get(to):
        raise InvalidInput("Choisissez la personne." if name == "affecter" else "Choisissez le groupe.")
    given = {f"{to}_id": form[to]} if to else {}
    return Gesture(GESTURES[name], form.get("text", ""), form.get("reason", ""), **given)


def view_path(view_id: int) -> str:
    """Return the address of a saved view: it says the same whatever the view is changed to."""
    return f"{PATH}?vue={view_id}"


async def queue_page(request: web.Request, **answer) -> web.Response:
    """Return the page of the queue, with what a form of it is answered."""
    app, caller, now = request.app, caller_of(request), request.app[CLOCK].now()
    wanted, handles = filter_of(request), caller.may(Permission.HANDLE_TICKETS)
    async with app[DATABASE].reading() as session:
        view = await _view(session, request)
        # Until a filter is chosen, the view's own; then the view is only what they came from.
        if view and "state" not in request.query:
            wanted = replace(view.wanted, page=wanted.page)
        given_up = await undelivered.count_steps(session, caller) if handles else 0
        shown = await saved_views.list_shown(session, caller)
        counts = await saved_views.count_all(session, caller, shown, now)
        queue = await desk.list_queue(session, caller, wanted, now)
        groups = await desk.list_groups(session)
        names = await desk.name_assignees(session, queue.tickets)
        agents = await desk.list_agents(session, queue.tickets) if handles else []
    asked = {name: value for name, value in asdict(wanted).items() if value not in (None, "", False) and name != "page"}
    asked |= {"state": wanted.state, **({"vue": view.view.id} if view else {})}
    title = f"File des demandes : {view.view.name}" if view else "File des demandes"
    return render(
        request, "queue.html", title=title, queue=queue, wanted=wanted, asked=asked, now=now, path_of=PATH, most=desk.MANY,
        given_up=given_up, plain=saved_views.fields_of(replace(wanted, sort=QueueFilter.sort)) == {}, view=view, shown=shown, counts=counts,
        many=saved_views.MANY, lost=_lost(view) if view else [], teams=saved_views.teams_of(caller.grants),
        changed=bool(view) and saved_views.fields_of(wanted) != saved_views.fields_of(view.wanted),
        states={OPEN: "Ouvertes", "": "Toutes", **STATE_NAMES}, sorts=SORT_NAMES, columns=COLUMN_NAMES, profiles=PROFILE_NAMES,
        state_names=STATE_NAMES, me=caller.account.id, topics=topic_names(request), groups=_named(groups), names=names,
        agents=_named(agents), handles=handles, **{"refused": [], "values": {}, **answer},
    )  # fmt: skip


async def _view(session: AsyncSession, request: web.Request) -> saved_views.Shown | None:
    """Return the view that the address names, None when it names none; NotFound when it is not the caller's to open."""
    if "vue" not in request.query:
        return None
    return await saved_views.read_view(session, caller_of(request), as_number(request.query["vue"]))


def _lost(view: saved_views.Shown) -> list[str]:
    """Return what of a view names something that no longer exists, as a person reads it."""
    return [_LOST[name] for name in view.lost]


def _named(rows: Iterable[Any]) -> dict[str, str]:
    return {row.id: row.name for row in rows}


def filter_of(request: web.Request) -> QueueFilter:
    """Return the filters of the address; what is none is left out."""
    state, sort, level = query_of(request, "state"), query_of(request, "sort"), query_of(request, "level")
    return QueueFilter(
        state=state if state in STATE_NAMES or (state == "" and "state" in request.query) else OPEN,
        level=int(level) if level in ("2", "3") else None,
        group=query_of(request, "group")[:40], topic=query_of(request, "topic")[:80],
        profile=query_of(request, "profile")[:20], mine=query_of(request, "mine") == "True",
        unassigned=query_of(request, "unassigned") == "True", late=query_of(request, "late") == "True",
        text=query_of(request, "text")[:200], sort=sort if sort in SORTS else "echeance", page=page_of(request),
    )  # fmt: skip


def topic_names(request: web.Request) -> dict[str, str]:
    """Return what each topic that a request may be about means, by its id."""
    return {topic.id: topic.meaning for topic in request.app[KNOWLEDGE].topics.answerable}


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
        answers = await canned.list_for(session, dossier.ticket) if roles else []
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
        state_names=STATE_NAMES, events=EVENT_NAMES, profiles=PROFILE_NAMES, topics=topic_names(request), now=now,
        to_html=to_html, contacts=_contacts(request, dossier), images=images, me=caller.account.id,
        exchanges=exchanges, tools=TOOL_NAMES, steps=STEP_NAMES, names=names, agents=_named(agents),
        groups=_named(groups), canned=_by_topic(answers, dossier.ticket.topic), likely=likely, merged=merged,
        hearing=hearing, main=main, former=former, sequels=sequels, posted=posted, letter_names=letters.LETTER_NAMES,
        **{"values": {}, "preview": "", "gaps": (), **answer},
    )  # fmt: skip


def _by_topic(answers: Iterable[CannedAnswer], topic: str | None) -> dict[str, list[CannedAnswer]]:
    """Return the canned answers under the names of their parts of the list, in order."""
    parts: dict[str, list[CannedAnswer]] = {}
    for one in answers:
        other = "Sur d’autres sujets" if one.topic else "Sur tout sujet"
        name = "Sur ce sujet" if one.topic and one.topic == topic else other
        parts.setdefault(name, []).append(one)
    return parts


async def _write_reply(request: web.Request, number: str, *, insert: bool) -> web.Response:
    """Show the reply as the person will read it, having put a canned answer at its end if asked; nothing is sent."""
    app, caller, form = request.app, caller_of(request), form_of(request)
    text, gaps = form.get("text", ""), ()
    if insert:
        async with app[DATABASE].reading() as session:
            ticket = await desk.find_ticket(session, caller, number)
            roles = await handling.roles_on(session, caller, ticket)
            if not roles:
                raise Forbidden
            answer = await canned.pick(session, ticket, as_number(form.get("canned", "")))
            group = await session.get(Group, ticket.group_id) if ticket.group_id else None
        knowledge = app[KNOWLEDGE]
        filled = canned.fill(
            answer.text,
            canned.values_of(
                ticket, local=knowledge.values(ticket.uai), title=knowledge.title(ticket.topic or ""),
                signature=f"{caller.account.name}, {_stands_for(roles, group)}",
            ),
        )  # fmt: skip
        text, gaps = "\n\n".join(filter(None, (text.strip(), filled.text))), filled.gaps
        if len(text) > handling.MAX_TEXT:
            raise InvalidField("canned", f"Avec cette réponse type, le texte dépasse {handling.MAX_TEXT} caractères.")
    return await _page(request, values={**form, "text": text}, preview=text.strip(), gaps=gaps)


def _stands_for(roles: Iterable[Grant], group: Group | None) -> str:
    """Return in whose name somebody answers: an agent in his group's."""
    agent = any(grant.role in desk.AGENT_OF.values() for grant in roles)
    return group.name if agent and group else ROLE_NAMES[next(iter(roles)).role].lower()


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
        if name in ("modele", "apercu"):
            return await _write_reply(request, number, insert=name == "modele")
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
        field = {
            "escalader": "reason", "rendre": "reason", "affecter": "assignee", "groupe": "group", "modele": "canned",
            "fusionner": "other",
        }.get(name, "text")  # fmt: skip
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
