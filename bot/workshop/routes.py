"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import Route
from bot.people.rules import Permission
from bot.workshop.views import serving, training, waves

TRAIN, OVERRULE, WAVES = Permission.TRAIN_MODELS, Permission.OVERRULE_MODELS, Permission.MANAGE_WAVES
_RUN = f"{training.PATH}/{{run}}"
_WAVE = f"{waves.PATH}/{{wave}}"

ROUTES: tuple[Route, ...] = (
    Route("GET", training.PATH, training.show_runs, TRAIN, nav="Apprentissage"),
    Route("POST", training.PATH, training.start, TRAIN),
    Route("POST", f"{training.PATH}/programme", training.save_schedule, TRAIN),
    Route("GET", _RUN, training.show_run, TRAIN),
    Route("POST", f"{_RUN}/annuler", training.cancel, TRAIN),
    Route("POST", f"{_RUN}/lever", training.overrule, OVERRULE),
    Route("GET", f"{_RUN}/essai", training.show_trial, TRAIN),
    Route("POST", f"{_RUN}/essai", training.ask, TRAIN),
    Route("GET", serving.PATH, serving.show_service, TRAIN, nav="Modèle en service"),
    Route("POST", serving.PATH, serving.put_in_service, TRAIN),
    Route("POST", f"{serving.PATH}/retour", serving.go_back, TRAIN),
    Route("GET", f"{serving.PATH}/flux", serving.stream, TRAIN),
    Route("GET", waves.PATH, waves.show_waves, WAVES, nav="Vagues"),
    Route("GET", f"{waves.PATH}/nouvelle", waves.show_addition, WAVES),
    Route("POST", f"{waves.PATH}/nouvelle", waves.add_wave, WAVES),
    Route("POST", waves.UPLOAD, waves.send_list, WAVES, takes_file=True),
    Route("GET", _WAVE, waves.show_wave, WAVES),
    Route("POST", _WAVE, waves.change_wave, WAVES),
    Route("POST", f"{_WAVE}/etat", waves.move_wave, WAVES),
    Route("POST", f"{_WAVE}/ecoles", waves.place_schools, WAVES),
    Route("POST", f"{_WAVE}/ecoles/{{uai}}/retirer", waves.remove_school, WAVES),
    Route("GET", f"{_WAVE}/cloture", waves.show_closing, WAVES),
    Route("POST", f"{_WAVE}/cloture", waves.close_wave, WAVES),
    Route("POST", f"{_WAVE}/rouvrir", waves.undo_closing, WAVES),
    Route("GET", f"{_WAVE}/bilan", waves.show_balance, WAVES),
    Route("GET", f"{_WAVE}/bilan/{{sheet}}.csv", waves.send_balance, WAVES),
)
