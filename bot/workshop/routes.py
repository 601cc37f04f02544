"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import Route
from bot.people.rules import Permission
from bot.workshop.views import inbox

WRITE = Permission.WRITE_KNOWLEDGE
_GROUP = f"{inbox.PATH}/groupes/{{group}}"
_LINE = f"{inbox.PATH}/lignes/{{line}}"
_LESSON = f"{inbox.LESSONS}/{{number}}"

ROUTES: tuple[Route, ...] = (
    Route("GET", inbox.PATH, inbox.show_inbox, WRITE, nav="Non compris"),
    Route("GET", _GROUP, inbox.show_group, WRITE),
    Route("POST", _GROUP, inbox.settle, WRITE),
    Route("GET", _LINE, inbox.show_line, WRITE),
    Route("POST", _LINE, inbox.strike, WRITE),
    Route("GET", inbox.GESTURES, inbox.show_gestures, WRITE),
    Route("POST", f"{inbox.GESTURES}/{{gesture}}/annuler", inbox.undo, WRITE),
    Route("GET", inbox.LESSONS, inbox.show_lessons, WRITE, nav="Demandes résolues"),
    Route("GET", _LESSON, inbox.show_lesson, WRITE),
    Route("POST", f"{_LESSON}/ecarter", inbox.set_lesson_aside, WRITE),
    Route("POST", f"{_LESSON}/remettre", inbox.put_lesson_back, WRITE),
)
