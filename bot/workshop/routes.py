"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import Route
from bot.people.rules import Permission
from bot.workshop.views import training

TRAIN, OVERRULE = Permission.TRAIN_MODELS, Permission.OVERRULE_MODELS
_RUN = f"{training.PATH}/{{run}}"

ROUTES: tuple[Route, ...] = (
    Route("GET", training.PATH, training.show_runs, TRAIN, nav="Apprentissage"),
    Route("POST", training.PATH, training.start, TRAIN),
    Route("POST", f"{training.PATH}/programme", training.save_schedule, TRAIN),
    Route("GET", _RUN, training.show_run, TRAIN),
    Route("POST", f"{_RUN}/annuler", training.cancel, TRAIN),
    Route("POST", f"{_RUN}/lever", training.overrule, OVERRULE),
    Route("GET", f"{_RUN}/essai", training.show_trial, TRAIN),
    Route("POST", f"{_RUN}/essai", training.ask, TRAIN),
)
