"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import WORKSHOP, Access, Route
from bot.people.rules import Permission
from bot.workshop.views import articles, drafts, inbox, publication, serving, tending, topics, training, waves

WRITE, WAVES = Permission.WRITE_KNOWLEDGE, Permission.MANAGE_WAVES
TRAIN, OVERRULE = Permission.TRAIN_MODELS, Permission.OVERRULE_MODELS
_ARTICLE = f"{articles.PATH}/{{topic}}"
_VERSION = f"{_ARTICLE}/versions/{{number}}"
_DRAFT = f"{drafts.PATH}/{{draft}}"
_GROUP = f"{inbox.PATH}/groupes/{{group}}"
_LINE = f"{inbox.PATH}/lignes/{{line}}"
_LESSON = f"{inbox.LESSONS}/{{number}}"
_RUN = f"{training.PATH}/{{run}}"
_WAVE = f"{waves.PATH}/{{wave}}"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{WORKSHOP}/", articles.go_home, Access.SIGNED_IN),
    Route("GET", articles.PATH, articles.list_articles, WRITE, nav="Articles"),
    Route("GET", _ARTICLE, articles.show_article, WRITE),
    Route("GET", f"{_ARTICLE}/modifier", drafts.show_editor, WRITE),
    Route("POST", f"{_ARTICLE}/modifier", drafts.begin, WRITE),
    Route("POST", f"{_ARTICLE}/echeance", publication.set_expiry, WRITE),
    Route("POST", f"{_ARTICLE}/retirer", publication.withdraw, WRITE),
    Route("POST", f"{_ARTICLE}/remettre", publication.put_back, WRITE),
    Route("GET", _VERSION, articles.show_version, WRITE),
    Route("POST", f"{_VERSION}/restaurer", publication.restore, WRITE),
    Route("GET", drafts.PATH, drafts.list_drafts, WRITE, nav="Brouillons"),
    Route("GET", _DRAFT, drafts.show_draft, WRITE),
    Route("POST", _DRAFT, drafts.save, WRITE),
    Route("POST", f"{_DRAFT}/accepter", drafts.accept, WRITE),
    Route("POST", f"{_DRAFT}/rendre", drafts.return_draft, WRITE),
    Route("POST", f"{_DRAFT}/reprendre", drafts.take_back, WRITE),
    Route("POST", f"{_DRAFT}/a-jour", drafts.catch_up, WRITE),
    Route("POST", f"{_DRAFT}/abandonner", drafts.drop, WRITE),
    Route("POST", f"{_DRAFT}/ressortir", drafts.take_up, WRITE),
    Route("GET", f"{_DRAFT}/sujet", topics.show_topic, WRITE),
    Route("POST", f"{_DRAFT}/sujet", topics.change_topic, WRITE),
    Route("GET", tending.PATH, tending.show_cares, WRITE, nav="Entretien"),
    Route("GET", topics.PATH, topics.show_addition, WRITE),
    Route("POST", topics.PATH, topics.add_topic, WRITE),
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
