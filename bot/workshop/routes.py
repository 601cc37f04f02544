"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import Route
from bot.people.rules import Permission
from bot.workshop.views import serving

TRAIN = Permission.TRAIN_MODELS

ROUTES: tuple[Route, ...] = (
    Route("GET", serving.PATH, serving.show_service, TRAIN, nav="Modèle en service"),
    Route("POST", serving.PATH, serving.put_in_service, TRAIN),
    Route("POST", f"{serving.PATH}/retour", serving.go_back, TRAIN),
    Route("GET", f"{serving.PATH}/flux", serving.stream, TRAIN),
)
