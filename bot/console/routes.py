"""Every route of the console and who may call it, in the order of the navigation: nothing else opens one.

A page is a row here, a handler (a parsing, one call, `render`) and a template that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views import (
    account,
    accounts,
    audit,
    canned,
    delays,
    images,
    incidents,
    indicators,
    live,
    requests,
    routing,
    saved,
    schools,
    sign_in,
    undelivered,
)
from bot.console.views.shell import PREFIX, SIGN_IN, Access, Route
from bot.people.rules import Permission

ANYONE, SIGNED_IN = Access.ANYONE, Access.SIGNED_IN
READ, ANSWER = Permission.READ_TICKETS, Permission.ANSWER_TICKETS
CONFIGURE, ACCOUNTS, AUDIT = Permission.CONFIGURE, Permission.MANAGE_ACCOUNTS, Permission.READ_AUDIT
INCIDENTS, VIEWS, CANNED = Permission.MANAGE_INCIDENTS, Permission.KEEP_VIEWS, Permission.WRITE_CANNED
EXCHANGES, INDICATORS = Permission.FOLLOW_EXCHANGES, Permission.READ_INDICATORS
_ONE = f"{accounts.PATH}/{{account}}"
_IMAGE = f"{requests.PATH}/{{number}}/captures/{{image}}"
_GROUP = f"{routing.GROUPS}/{{group}}"
_VIEW = f"{saved.PATH}/{{view}}"
_ANSWER = f"{canned.PATH}/{{answer}}"
_SCHOOL = f"{schools.PATH}/{{uai}}"

ROUTES = (
    Route("GET", f"{PREFIX}/", sign_in.go_home, SIGNED_IN),
    Route("GET", SIGN_IN, sign_in.show_sign_in, ANYONE),
    Route("POST", SIGN_IN, sign_in.sign_in_by_password, ANYONE),
    Route("GET", f"{SIGN_IN}/{{provider}}", sign_in.go_to_provider, ANYONE),
    Route("GET", f"{SIGN_IN}/{{provider}}/retour", sign_in.come_back, ANYONE),
    Route("POST", f"{PREFIX}/deconnexion", sign_in.sign_out, SIGNED_IN),
    Route("GET", f"{PREFIX}/mot-de-passe", sign_in.show_password_link, ANYONE),
    Route("POST", f"{PREFIX}/mot-de-passe", sign_in.choose_password, ANYONE),
    Route("GET", account.PATH, account.show_account, SIGNED_IN),
    Route("POST", f"{account.PATH}/mot-de-passe", account.change_password, SIGNED_IN),
    Route("POST", f"{account.PATH}/sessions/{{session}}/fermer", account.revoke_session, SIGNED_IN),
    Route("GET", f"{PREFIX}/raccourcis", account.show_shortcuts, SIGNED_IN),
    Route("GET", live.PATH, live.stream, READ),
    Route("GET", requests.PATH, requests.show_queue, READ, nav="File des demandes"),
    Route("POST", requests.PATH, requests.do_many, ANSWER),
    Route("GET", f"{requests.PATH}/{{number}}", requests.show_request, READ),
    Route("GET", _IMAGE, images.send_image, READ),
    Route("GET", f"{_IMAGE}/miniature", images.send_thumbnail, READ),
    Route("POST", f"{requests.PATH}/{{number}}/{{gesture}}", requests.do_gesture, ANSWER),
    Route("GET", saved.PATH, saved.show_views, VIEWS),
    Route("POST", saved.PATH, saved.save_view, READ),
    Route("POST", _VIEW, saved.change_view, READ),
    Route("POST", f"{_VIEW}/criteres", saved.replace_filters, READ),
    Route("POST", f"{_VIEW}/accueil", saved.choose_start, READ),
    Route("POST", f"{_VIEW}/retirer", saved.remove_view, VIEWS),
    Route("POST", f"{_VIEW}/remettre", saved.restore_view, VIEWS),
    Route("GET", incidents.PATH, incidents.show_incidents, INCIDENTS, nav="Incidents"),
    Route("GET", f"{incidents.PATH}/nouveau", incidents.show_opening, INCIDENTS),
    Route("POST", f"{incidents.PATH}/nouveau", incidents.open_incident, INCIDENTS),
    Route("GET", f"{incidents.PATH}/{{incident}}", incidents.show_incident, INCIDENTS),
    Route("POST", f"{incidents.PATH}/{{incident}}/terminer", incidents.close_incident, INCIDENTS),
    Route("GET", indicators.PATH, indicators.show_indicators, INDICATORS, nav="Indicateurs"),
    Route("GET", f"{indicators.PATH}/{{sheet}}.csv", indicators.send_sheet, INDICATORS),
    Route("GET", routing.GROUPS, routing.list_groups, CONFIGURE, nav="Groupes"),
    Route("POST", routing.GROUPS, routing.add_group, CONFIGURE),
    Route("GET", _GROUP, routing.show_group, CONFIGURE),
    Route("POST", _GROUP, routing.change_group, CONFIGURE),
    Route("POST", f"{_GROUP}/retirer", routing.remove_group, CONFIGURE),
    Route("GET", routing.PATH, routing.show_table, CONFIGURE, nav="Répartition"),
    Route("POST", routing.PATH, routing.save_table, CONFIGURE),
    Route("GET", delays.PATH, delays.show_delays, CONFIGURE, nav="Délais"),
    Route("POST", delays.PATH, delays.save_delays, CONFIGURE),
    Route("GET", f"{delays.CALENDARS}/{{academie}}", delays.show_calendar, CONFIGURE),
    Route("POST", f"{delays.CALENDARS}/{{academie}}", delays.save_calendar, CONFIGURE),
    Route("POST", f"{delays.CALENDARS}/{{academie}}/retirer", delays.remove_calendar, CONFIGURE),
    Route("GET", canned.PATH, canned.list_answers, CANNED, nav="Réponses types"),
    Route("GET", f"{canned.PATH}/nouvelle", canned.show_addition, CANNED),
    Route("POST", f"{canned.PATH}/nouvelle", canned.add_answer, CANNED),
    Route("GET", _ANSWER, canned.show_answer, CANNED),
    Route("POST", _ANSWER, canned.change_answer, CANNED),
    Route("POST", f"{_ANSWER}/retirer", canned.remove_answer, CANNED),
    Route("POST", f"{_ANSWER}/remettre", canned.restore_answer, CANNED),
    Route("GET", undelivered.PATH, undelivered.list_undelivered, EXCHANGES, nav="Échanges"),
    Route("GET", f"{undelivered.PATH}/renvoyer", undelivered.confirm_lot, EXCHANGES),
    Route("POST", f"{undelivered.PATH}/renvoyer", undelivered.replay_lot, EXCHANGES),
    Route("POST", f"{undelivered.PATH}/{{step}}/renvoyer", undelivered.replay_one, EXCHANGES),
    Route("GET", schools.PATH, schools.list_schools, CONFIGURE, nav="Écoles"),
    Route("GET", f"{schools.PATH}/nouvelle", schools.show_addition, CONFIGURE),
    Route("POST", f"{schools.PATH}/nouvelle", schools.add_school, CONFIGURE),
    Route("GET", schools.IMPORT, schools.show_import, CONFIGURE),
    Route("POST", schools.IMPORT, schools.send_file, CONFIGURE, takes_file=True),
    Route("GET", f"{schools.IMPORT}/apercu", schools.preview_import, CONFIGURE),
    Route("POST", f"{schools.IMPORT}/confirmer", schools.confirm_import, CONFIGURE),
    Route("POST", f"{schools.IMPORT}/abandonner", schools.abandon_import, CONFIGURE),
    Route("GET", f"{schools.IMPORT}/refus", schools.send_refused, CONFIGURE),
    Route("GET", _SCHOOL, schools.show_school, CONFIGURE),
    Route("POST", _SCHOOL, schools.correct_school, CONFIGURE),
    Route("GET", accounts.PATH, accounts.list_accounts, ACCOUNTS, nav="Comptes"),
    Route("GET", f"{accounts.PATH}/nouveau", accounts.show_creation, ACCOUNTS),
    Route("POST", f"{accounts.PATH}/nouveau", accounts.create_account, ACCOUNTS),
    Route("GET", _ONE, accounts.show_account, ACCOUNTS),
    Route("POST", f"{_ONE}/roles", accounts.give_role, ACCOUNTS),
    Route("POST", f"{_ONE}/roles/{{grant}}/retirer", accounts.withdraw_role, ACCOUNTS),
    Route("POST", f"{_ONE}/desactiver", accounts.disable_account, ACCOUNTS),
    Route("POST", f"{_ONE}/reactiver", accounts.enable_account, ACCOUNTS),
    Route("POST", f"{_ONE}/lien", accounts.make_link, ACCOUNTS),
    Route("POST", f"{_ONE}/identites/{{identity}}/delier", accounts.unbind_identity, ACCOUNTS),
    Route("GET", f"{PREFIX}/journal", audit.show_audit, AUDIT, nav="Journal"),
)
