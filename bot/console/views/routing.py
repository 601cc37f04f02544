"""The groups and which of them each request goes to, for the administrator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE
from bot.connectors import undelivered
from bot.console.views.shell import PREFIX, caller_of, form_of, query_of, render, see_other
from bot.errors import Conflict, InvalidField, InvalidInput
from bot.escalation import groups
from bot.escalation.groups import MAX_ROWS, mark_of
from bot.escalation.routing import RoutingRow
from bot.people import schools
from bot.people.models import School
from bot.people.rules import SCOPE_NAMES, Scope
from bot.people.service import list_territories
from bot.topics import PROFILE_NAMES

GROUPS = f"{PREFIX}/groupes"
PATH = f"{PREFIX}/repartition"

LEVEL_NAMES = {"2": "Niveau 2 : académie", "3": "Niveau 3 : éditeur"}
THEME_NAMES = {
    "connexion": "Connexion", "compte": "Compte", "cahier_de_textes": "Cahier de textes", "messagerie": "Messagerie",
    "vie_de_classe": "Vie de classe", "administration": "Administration",
    "formation_projet_droit": "Formation, projet, droit", "technique": "Technique", "protection": "Protection",
}  # fmt: skip
_PLACES = {scope.value: name for scope, name in SCOPE_NAMES.items() if scope != Scope.TOUT}
# Empty rows that the page has to be filled, and how many more are given at a time.
_BLANK = 3


# --- groups -----------------------------------------------------------------------------------


async def list_groups(request: web.Request) -> web.StreamResponse:
    """Show the groups, and the form of a new one."""
    return await _groups(request)


async def add_group(request: web.Request) -> web.StreamResponse:
    """Add a group."""
    app, form = request.app, form_of(request)
    try:
        await groups.add_group(
            app[DATABASE], app[CLOCK], caller_of(request).account.id, form.get("name", ""), form.get("level", "")
        )
    except InvalidField as error:
        return await _groups(request, status=422, values=form, errors={error.field: error.sentence})
    return see_other(GROUPS, "groupe-ajoute")


async def _groups(request: web.Request, **answer) -> web.Response:
    found = await groups.list_groups(request.app[DATABASE])
    async with request.app[DATABASE].reading() as session:
        given_up = await undelivered.count_steps(session, caller_of(request))
    return render(
        request, "groups.html", title="Groupes", groups=found, levels=LEVEL_NAMES, given_up=given_up,
        **{"values": {}, **answer},
    )  # fmt: skip


async def show_group(request: web.Request) -> web.StreamResponse:
    """Show a group and what can be done with it."""
    return await _group(request)


async def change_group(request: web.Request) -> web.StreamResponse:
    """Rename a group or change its level."""
    app, form, actor = request.app, form_of(request), caller_of(request).account.id
    name, level = form.get("name", ""), form.get("level", "")
    try:
        await groups.change_group(app[DATABASE], app[CLOCK], actor, request.match_info["group"], name, level)
    except InvalidField as error:
        return await _group(request, status=422, values=form, errors={error.field: error.sentence})
    except Conflict as error:
        return await _group(request, status=409, values=form, errors={"level": error.sentence})
    return see_other(GROUPS, "groupe-modifie")


async def remove_group(request: web.Request) -> web.StreamResponse:
    """Remove a group that nothing holds."""
    app, actor = request.app, caller_of(request).account.id
    try:
        await groups.remove_group(app[DATABASE], app[CLOCK], actor, request.match_info["group"])
    except Conflict as error:
        return await _group(request, status=409, errors={"retirer": error.sentence})
    return see_other(GROUPS, "groupe-retire")


async def _group(request: web.Request, **answer) -> web.Response:
    use = await groups.get_group(request.app[DATABASE], request.match_info["group"])
    values = {"name": use.group.name, "level": str(use.group.level)}
    return render(
        request, "group.html", title=use.group.name, use=use, levels=LEVEL_NAMES, **{"values": values, **answer}
    )


# --- routing table ----------------------------------------------------------------------------


async def show_table(request: web.Request) -> web.StreamResponse:
    """Show the table as a form, and, when one is asked for, where a request would go."""
    rows = await groups.read_routing(request.app[DATABASE])
    asked = {name: query_of(request, name)[:200] for name in ("topic", "profile", "school")}
    tried, errors, status = None, {}, 200
    if "topic" in request.query:
        try:
            school = await _find_school(request, asked["school"])
            tried = (*await groups.try_routing(request.app[DATABASE], asked["topic"], asked["profile"], school), school)
        except InvalidField as error:
            errors, status = {error.field: error.sentence}, 422
        except InvalidInput as error:
            errors, status = {"table": error.sentence}, 422
    return await _table(
        request, [asdict(row) for row in rows], mark_of(rows), asked=asked, tried=tried, errors=errors, status=status
    )


async def _find_school(request: web.Request, text: str) -> School | None:
    """Return the school that the text names; InvalidField when it names none, or several."""
    if not text:
        return None
    found, _ = await schools.list_schools(request.app[DATABASE], text)
    exact = [one for one in found if one.uai == text.upper()]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise InvalidField("school", "Aucune école n’a ce nom ni ce code.")
    named = ", ".join(f"{one.name} à {one.commune} ({one.uai})" for one in found[:5])
    raise InvalidField("school", f"Plusieurs écoles répondent à ce nom : donnez l’UAI. Par exemple {named}.")


async def save_table(request: web.Request) -> web.StreamResponse:
    """Save the table, or give the form back: with more empty rows if they were asked for, else with what is wrong."""
    app, form, actor = request.app, form_of(request), caller_of(request).account.id
    entries, seen = _entries(request), form.get("seen", "")
    if "more" in form:
        return await _table(request, entries, seen, blank=2 * _BLANK)
    errors, status = {}, 422
    try:
        await groups.save_table(app[DATABASE], app[CLOCK], actor, _rows(entries), seen)
    except InvalidField as error:
        place = int(error.field.removeprefix("row-"))
        errors = {f"group-{place}": f"Ligne {place + 1} : {error.sentence}"}
    except InvalidInput as error:
        errors = {"table": error.sentence}
    except Conflict as error:
        errors, status = {"table": error.sentence}, 409
    if errors:
        return await _table(request, entries, seen, errors=errors, status=status)
    return see_other(PATH, "repartition")


def _entries(request: web.Request) -> list[dict[str, str | None]]:
    """Return the rows of the form that hold something and were not marked to be taken out."""
    form, found = form_of(request), []
    for place in range(MAX_ROWS + 2 * _BLANK):
        if f"group-{place}" not in form:
            break
        subject = form.get(f"subject-{place}", "")
        entry = {
            name: form.get(f"{name}-{place}", "").strip() or None for name in ("profile", "scope", "territory", "group")
        }
        entry |= {
            kind: subject.removeprefix(f"{kind}:") if subject.startswith(f"{kind}:") else None
            for kind in ("topic", "theme")
        }
        if f"drop-{place}" not in form and any(entry.values()):
            found.append(entry)
    return found


def _rows(entries: Sequence[dict[str, str | None]]) -> list[RoutingRow]:
    return [RoutingRow(**{**entry, "group": entry["group"] or ""}) for entry in entries]


async def _table(
    request: web.Request, rows: Sequence[dict], seen: str, *, blank: int = _BLANK, **answer
) -> web.Response:
    database = request.app[DATABASE]
    topics = request.app[KNOWLEDGE].topics.answerable
    themes = {topic.theme: THEME_NAMES[topic.theme] for topic in topics}
    subjects = {
        name: {topic.id: topic.meaning for topic in topics if topic.theme == theme} for theme, name in themes.items()
    }
    known = await groups.list_groups(database)
    return render(
        request, "routing.html", title="Répartition des demandes", rows=[*rows, *[{}] * blank], filled=len(rows),
        seen=seen, subjects=subjects, themes=themes, profiles=PROFILE_NAMES, scopes=_PLACES,
        groups={use.group.id: use.group.name for use in known}, territories=await list_territories(database),
        topics={topic.id: topic.meaning for topic in topics},
        **{"asked": {}, "tried": None, **answer},
    )  # fmt: skip
