"""Every route of the console and who may call it, in the order of the navigation: nothing else opens one.

A page is a row here, a handler (a parsing, one call, `render`) and a template that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views import account, accounts, audit, requests, sign_in
from bot.console.views.shell import PREFIX, SIGN_IN, Access, Route
from bot.people.rules import Permission

ANYONE, SIGNED_IN = Access.ANYONE, Access.SIGNED_IN
READ, ANSWER = Permission.READ_TICKETS, Permission.ANSWER_TICKETS
ACCOUNTS, AUDIT = Permission.MANAGE_ACCOUNTS, Permission.READ_AUDIT
_ONE = f"{accounts.PATH}/{{account}}"

ROUTES = (
    Route("GET", f"{PREFIX}/", sign_in.go_home, SIGNED_IN),
    Route("GET", SIGN_IN, sign_in.show_sign_in, ANYONE),
    Route("POST", SIGN_IN, sign_in.sign_in_by_password, ANYONE),
    Route("POST", f"{PREFIX}/deconnexion", sign_in.sign_out, SIGNED_IN),
    Route("GET", f"{PREFIX}/mot-de-passe", sign_in.show_password_link, ANYONE),
    Route("POST", f"{PREFIX}/mot-de-passe", sign_in.choose_password, ANYONE),
    Route("GET", account.PATH, account.show_account, SIGNED_IN),
    Route("POST", f"{account.PATH}/mot-de-passe", account.change_password, SIGNED_IN),
    Route("POST", f"{account.PATH}/sessions/{{session}}/fermer", account.revoke_session, SIGNED_IN),
    Route("GET", requests.PATH, requests.show_queue, READ, nav="File des demandes"),
    Route("GET", f"{requests.PATH}/{{number}}", requests.show_request, READ),
    Route("POST", f"{requests.PATH}/{{number}}/{{gesture}}", requests.do_gesture, ANSWER),
    Route("GET", accounts.PATH, accounts.list_accounts, ACCOUNTS, nav="Comptes"),
    Route("GET", f"{accounts.PATH}/nouveau", accounts.show_creation, ACCOUNTS),
    Route("POST", f"{accounts.PATH}/nouveau", accounts.create_account, ACCOUNTS),
    Route("GET", _ONE, accounts.show_account, ACCOUNTS),
    Route("POST", f"{_ONE}/roles", accounts.give_role, ACCOUNTS),
    Route("POST", f"{_ONE}/roles/{{grant}}/retirer", accounts.withdraw_role, ACCOUNTS),
    Route("POST", f"{_ONE}/desactiver", accounts.disable_account, ACCOUNTS),
    Route("POST", f"{_ONE}/reactiver", accounts.enable_account, ACCOUNTS),
    Route("POST", f"{_ONE}/lien", accounts.make_link, ACCOUNTS),
    Route("GET", f"{PREFIX}/journal", audit.show_audit, AUDIT, nav="Journal"),
)
