"""Signing in at real identity providers, by OpenID Connect and by CAS, and every way in which it is refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import sqlalchemy as sa
from yarl import URL

from bot.db import Database
from bot.people import accounts
from bot.people.models import Account, AccountIdentity, AuditEntry, SignInAttempt
from bot.providers import ALWAYS, NEVER
from tests.integration.console import PASSWORD, Browser, Page, add_account, open_browser, signed_in
from tests.integration.gateway import ONE_KIND
from tests.integration.identity import (
    ADA,
    PUBLIC,
    SECRET,
    SIGN_IN,
    CasSite,
    OpenIdServer,
    ShiftedClock,
    go_through,
)

OVER = "a expiré, a déjà servi ou a commencé dans un autre navigateur"
BOTH = pytest.mark.parametrize("way", ["academie", "cas"])
LOGINS = {"academie": ADA, "cas": "ada"}


@pytest.fixture
def clock() -> ShiftedClock:
    """The providers' hour, until a test moves ours."""
    return ShiftedClock()


@pytest.fixture(scope="module")
def openid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdServer]:
    """An OpenID Connect provider."""
    server = OpenIdServer(tmp_path_factory.mktemp("oidc"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def cas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CasSite]:
    """A CAS server."""
    server = CasSite(tmp_path_factory.mktemp("cas"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def site(start, openid: OpenIdServer, cas: CasSite):
    """A gateway that has both, and clients that differ in how far they are believed."""
    providers = (
        openid.provider("academie"),
        openid.provider("public", secret="", trust_email=ALWAYS),
        openid.provider("mefiant", trust_email=NEVER),
        openid.provider("faible", secret=SECRET * 2),
        cas.provider(),
    )
    return await start(identity_providers=providers, public_url=PUBLIC)


@pytest.fixture
async def browser(site) -> AsyncIterator[Browser]:
    """A browser that nobody has signed in with."""
    async with open_browser(site.base) as browser:
        yield browser


@pytest.fixture
async def ada(own_database: Database, clock: ShiftedClock) -> Account:
    """Somebody who has an account."""
    return await add_account(own_database, clock, "referent", login=ADA)


async def leave(browser: Browser, way: str, after: str = "/console/mon-compte") -> str:
    """Choose a provider on the page; return the address that the console leads to."""
    page = await browser.get(f"{SIGN_IN}/{way}?suite={quote(after, safe='')}")
    assert page.status == 303, page.words
    return page.location


async def come_back(browser: Browser, path: str) -> Page:
    return await browser.call("GET", URL(path, encoded=True))


async def sign_in(browser: Browser, way: str = "academie", login: str = "") -> Page:
    """Go there and back."""
    return await come_back(browser, await go_through(await leave(browser, way), login or LOGINS.get(way, ADA)))


async def entries(database: Database, *actions: str) -> list[AuditEntry]:
    async with database.reading() as session:
        query = sa.select(AuditEntry).where(AuditEntry.action.in_(actions)).order_by(AuditEntry.id)
        return list((await session.scalars(query)).all())


async def reasons(database: Database) -> list[str]:
    return [entry.details["reason"] for entry in await entries(database, "sign_in_refused")]


async def check_refused(browser: Browser, page: Page, database: Database, reason: str, words: str) -> None:
    """Hold a refusal to its sentence, its line in the log, and to having opened nothing."""
    assert page.status == (503 if reason == "unavailable" else 422)
    assert words in page.words
    assert page.title == "Erreur : Connexion – Console AssistENT"
    assert 'href="#fournisseurs"' in page.text
    assert (await reasons(database))[-1:] == [reason]
    assert await entries(database, "sign_in", "identity_bound") == []
    assert (await browser.get("/console/mon-compte")).status == 303


# --- the good way through ---------------------------------------------------------------------


@BOTH
async def test_a_person_signs_in_and_the_identity_is_bound_once(
    browser: Browser, own_database: Database, ada: Account, way: str
) -> None:
    form = await browser.get(f"{SIGN_IN}?suite=/console/demandes%3Fpage%3D2")
    assert "Se connecter avec l’annuaire academie" in form.words
    assert "Se connecter avec le guichet" in form.words
    link = re.search(f'href="({SIGN_IN}/{way}\\?[^"]+)"', form.text)[1]
    gone = await browser.get(link.replace("&amp;", "&"))
    back = await come_back(browser, await go_through(gone.location, LOGINS[way]))
    assert (back.status, back.location) == (303, "/console/demandes?page=2")
    mine = await browser.get("/console/mon-compte")
    assert "Référent, école ou établissement 0750002V" in mine.words
    await browser.post("/console/deconnexion")
    assert (await sign_in(browser, way)).location == "/console/mon-compte"
    bound, *signed = await entries(own_database, "identity_bound", "sign_in")
    assert (bound.action, bound.object_id) == ("identity_bound", ada.id)
    assert [entry.action for entry in signed] == ["sign_in", "sign_in"]
    assert all(entry.details["provider"] == bound.details["provider"] for entry in signed)
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(AccountIdentity)) == 1
        assert await session.scalar(sa.select(sa.func.count()).select_from(SignInAttempt)) == 0


@ONE_KIND
async def test_what_is_asked_of_an_openid_provider(browser: Browser, openid: OpenIdServer) -> None:
    first, second = [urlsplit(await leave(browser, "academie")) for _ in range(2)]
    assert f"{first.scheme}://{first.netloc}" == openid.base
    asked, again = parse_qs(first.query), parse_qs(second.query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{PUBLIC}{SIGN_IN}/academie/retour"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) >= 43
        assert asked[name] != again[name]


@ONE_KIND
async def test_a_public_client_signs_in_without_a_secret(browser: Browser, ada: Account) -> None:
    assert (await sign_in(browser, "public")).status == 303


@ONE_KIND
async def test_signing_in_gives_no_role_and_ends_the_browser_s_session(
    site, browser: Browser, own_database: Database, clock: ShiftedClock
) -> None:
    await add_account(own_database, clock, login=ADA)
    other = await add_account(own_database, clock, "administrateur", password=PASSWORD)
    back = await go_through(await leave(browser, "academie"), ADA)
    await browser.sign_in(other.login)
    before = browser.http.cookie_jar.filter_cookies(site.base)["assistent_session"].value
    assert (await come_back(browser, back)).status == 303
    mine = await browser.get("/console/mon-compte")
    assert "Sans rôle" in mine.words
    assert mine.navigation == []
    async with open_browser(site.base) as stale:
        stale.http.cookie_jar.update_cookies({"assistent_session": before}, site.base)
        assert (await stale.get("/console/mon-compte")).status == 303


@BOTH
@pytest.mark.parametrize("after", ["https://ailleurs.example/", "//ailleurs.example/console/", "/demo/"])
@ONE_KIND
async def test_signing_in_leads_to_no_other_place(browser: Browser, ada: Account, way: str, after: str) -> None:
    back = await go_through(await leave(browser, way, after), LOGINS[way])
    assert (await come_back(browser, back)).location == "/console/"


@ONE_KIND
async def test_a_provider_that_is_not_declared_is_not_there(browser: Browser) -> None:
    for path in (f"{SIGN_IN}/autre", f"{SIGN_IN}/autre/retour?state=a&code=b"):
        assert (await browser.get(path)).status == 404


# --- what comes back is not what was asked for ------------------------------------------------


@BOTH
async def test_the_same_answer_is_not_taken_twice(
    site, browser: Browser, own_database: Database, ada: Account, way: str
) -> None:
    back = await go_through(await leave(browser, way), LOGINS[way])
    assert (await come_back(browser, back)).status == 303
    page = await come_back(browser, back)
    assert page.status == 422
    assert OVER in page.words
    assert await reasons(own_database) == ["over"]
    # The same code or ticket, on an attempt of its own: the provider refuses it.
    async with open_browser(site.base) as thief:
        state = re.search(r"state(?:=|%3D)([\w-]+)", await leave(thief, way))[1]
        page = await come_back(thief, re.sub(r"state=[\w-]+", f"state={state}", back))
        assert page.status == 422
        assert "n’a pas confirmé qui vous êtes" in page.words
    assert await reasons(own_database) == ["over", "abandoned"]


@BOTH
@ONE_KIND
async def test_a_sign_in_begun_in_another_browser_is_refused(
    site, browser: Browser, own_database: Database, ada: Account, way: str
) -> None:
    back = await go_through(await leave(browser, way), LOGINS[way])
    async with open_browser(site.base) as other:
        await check_refused(other, await come_back(other, back), own_database, "over", OVER)
        await other.get(SIGN_IN)
        await check_refused(other, await come_back(other, back), own_database, "over", OVER)
    # Nor has it been used up for whom it is.
    assert (await come_back(browser, back)).status == 303


@BOTH
@ONE_KIND
async def test_an_answer_under_another_state_or_at_another_provider_s_address_is_refused(
    browser: Browser, own_database: Database, ada: Account, way: str
) -> None:
    back = await go_through(await leave(browser, way), LOGINS[way])
    for wrong in (re.sub("state=[^&]+", "state=x", back), back.replace(f"/{way}/", "/public/")):
        await check_refused(browser, await come_back(browser, wrong), own_database, "over", OVER)


@BOTH
@ONE_KIND
async def test_an_attempt_lasts_ten_minutes(
    browser: Browser, own_database: Database, ada: Account, clock: ShiftedClock, way: str
) -> None:
    back = await go_through(await leave(browser, way), LOGINS[way])
    clock.advance(timedelta(minutes=10))
    await check_refused(browser, await come_back(browser, back), own_database, "over", OVER)


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [("nonce", "invalid", "n’est pas valable"), ("code_challenge", "abandoned", "n’a pas confirmé")],
)
@ONE_KIND
async def test_a_code_that_was_asked_for_by_somebody_else_is_refused(
    browser: Browser, own_database: Database, ada: Account, asked: str, reason: str, words: str
) -> None:
    address = re.sub(rf"\b{asked}=[\w-]+", f"{asked}={'a' * 43}", await leave(browser, "academie"))
    page = await come_back(browser, await go_through(address, ADA))
    await check_refused(browser, page, own_database, reason, words)


@pytest.mark.parametrize("named", ["&iss=https%3A%2F%2Failleurs.example", ""])
@ONE_KIND
async def test_an_answer_in_the_name_of_another_issuer_is_refused(
    browser: Browser, own_database: Database, ada: Account, named: str
) -> None:
    back = await go_through(await leave(browser, "academie"), ADA)
    page = await come_back(browser, re.sub(r"&iss=[^&]+", "", back) + named)
    await check_refused(browser, page, own_database, "invalid", "n’est pas valable")


@ONE_KIND
async def test_an_expired_id_token_is_refused(
    browser: Browser, own_database: Database, ada: Account, clock: ShiftedClock
) -> None:
    back = await go_through(await leave(browser, "academie"), ADA)
    clock.advance(timedelta(minutes=5))
    await check_refused(browser, await come_back(browser, back), own_database, "invalid", "n’est pas valable")


@ONE_KIND
async def test_an_id_token_signed_with_the_shared_secret_is_refused(
    browser: Browser, own_database: Database, ada: Account
) -> None:
    await check_refused(browser, await sign_in(browser, "faible"), own_database, "invalid", "n’est pas valable")


@ONE_KIND
async def test_giving_up_at_the_provider_leads_back_to_the_form(
    browser: Browser, own_database: Database, ada: Account
) -> None:
    back = await go_through(await leave(browser, "academie"), ADA, give_up=True)
    assert "error=access_denied" in back
    await check_refused(browser, await come_back(browser, back), own_database, "abandoned", "n’a pas confirmé")


@ONE_KIND
async def test_a_ticket_for_another_service_is_refused(browser: Browser, own_database: Database, ada: Account) -> None:
    address = await leave(browser, "cas")
    state = re.search(r"state%3D([\w-]+)", address)[1]
    elsewhere = await go_through(address.replace("%2Fcas%2Fretour", "%2Fautre%2Fretour"), "ada")
    ticket = re.search("ticket=([^&]+)", elsewhere)[1]
    page = await come_back(browser, f"{SIGN_IN}/cas/retour?state={state}&ticket={ticket}")
    await check_refused(browser, page, own_database, "abandoned", "n’a pas confirmé")


@pytest.mark.parametrize(
    ("ticket", "reason"), [("ST-inventé", "invalid"), ("PT-1", "invalid"), ("ST-" + "a" * 300, "invalid"),
                           ("ST-1", "abandoned"), ("", "abandoned")],
)  # fmt: skip
@ONE_KIND
async def test_a_ticket_that_the_server_did_not_give_is_refused(
    browser: Browser, own_database: Database, ticket: str, reason: str
) -> None:
    state = re.search(r"state%3D([\w-]+)", await leave(browser, "cas"))[1]
    page = await come_back(browser, f"{SIGN_IN}/cas/retour?state={state}&ticket={quote(ticket)}")
    await check_refused(browser, page, own_database, reason, "le guichet")


@ONE_KIND
async def test_an_address_that_sends_many_made_up_answers_is_slowed_down(browser: Browser) -> None:
    for _ in range(100):
        assert (await browser.get(f"{SIGN_IN}/academie/retour?state=x&code=y")).status == 422
    page = await browser.get(f"{SIGN_IN}/academie/retour?state=x&code=y")
    assert page.status == 429
    assert "Trop d’essais" in page.words


# --- who may enter ----------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "login"), [("academie", "inconnu@academie.example"), ("cas", "inconnu")])
@ONE_KIND
async def test_a_person_without_an_account_is_told_what_to_ask_for(
    browser: Browser, own_database: Database, ada: Account, way: str, login: str
) -> None:
    page = await sign_in(browser, way, login)
    words = "Aucun compte n’a l’adresse inconnu@academie.example"
    await check_refused(browser, page, own_database, "unknown", words)
    [entry] = await entries(own_database, "sign_in_refused")
    assert (entry.kind, entry.details["login"]) == ("provider", "inconnu@academie.example")


@pytest.mark.parametrize(
    ("way", "login"), [("mefiant", ADA), ("academie", "douteux/ada@academie.example"), ("cas", "sans")]
)
@ONE_KIND
async def test_an_address_that_is_not_vouched_for_designates_no_account(
    browser: Browser, own_database: Database, ada: Account, way: str, login: str
) -> None:
    page = await sign_in(browser, way, login)
    await check_refused(browser, page, own_database, "unverified", "n’a pas vérifié votre adresse e-mail")


@BOTH
async def test_a_disabled_account_stays_out_bound_or_not(
    site, browser: Browser, own_database: Database, clock: ShiftedClock, ada: Account, way: str
) -> None:
    chief = await add_account(own_database, clock, "administrateur")
    await accounts.disable_account(own_database, clock, chief.id, ada.id)
    disabled = "Votre compte est désactivé"
    await check_refused(browser, await sign_in(browser, way), own_database, "disabled", disabled)
    await accounts.enable_account(own_database, clock, chief.id, ada.id)
    assert (await sign_in(browser, way)).status == 303
    await accounts.disable_account(own_database, clock, chief.id, ada.id)
    assert (await browser.get("/console/mon-compte")).status == 303
    page = await sign_in(browser, way)
    assert page.status == 422
    assert disabled in page.words
    assert (await entries(own_database, "sign_in_refused"))[-1].object_id == ada.id


async def test_another_identity_with_the_address_enters_once_the_first_is_unbound(
    site, browser: Browser, own_database: Database, clock: ShiftedClock, ada: Account
) -> None:
    assert (await sign_in(browser)).status == 303
    async with open_browser(site.base) as other:
        page = await sign_in(other, login=f"autre/{ADA}")
        assert page.status == 422
        assert "déjà lié à une autre identité" in page.words
    chief = await add_account(own_database, clock, "administrateur")
    async with signed_in(site.base, own_database, clock, chief) as office:
        page = await office.get(f"/console/comptes/{ada.id}")
        assert f"l’annuaire academie : {ADA}" in page.words
        gesture = re.search(r'action="([^"]+/delier)"', page.text)[1]
        done = await office.post(gesture)
        assert "L’identité est déliée." in (await office.get(done.location)).words
        assert (await office.post(gesture)).status == 404
        journal = (await office.get("/console/journal")).words
        assert "Identité déliée d’un compte" in journal
        assert "motif : compte déjà lié à une autre identité" in journal
    assert (await browser.get("/console/mon-compte")).status == 303
    async with open_browser(site.base) as other:
        assert (await sign_in(other, login=f"autre/{ADA}")).status == 303


# --- providers that are out or change their keys ----------------------------------------------


@ONE_KIND
async def test_a_provider_that_is_out_is_told_in_a_sentence(
    browser: Browser, own_database: Database, ada: Account, openid: OpenIdServer, cas: CasSite
) -> None:
    openid.stop()
    try:
        page = await browser.get(f"{SIGN_IN}/academie")
        assert page.status == 503
        assert "l’annuaire academie ne répond pas pour le moment" in page.words
    finally:
        openid.start()
    for server, way, login in ((openid, "academie", ADA), (cas, "cas", "ada")):
        back = await go_through(await leave(browser, way), login)
        server.stop()
        try:
            page = await come_back(browser, back)
            await check_refused(browser, page, own_database, "unavailable", "ne répond pas pour le moment")
        finally:
            server.start()
        assert (await sign_in(browser, way)).status == 303
        await browser.get("/console/mon-compte")
        await browser.post("/console/deconnexion")
        async with own_database.transaction() as session:
            # For the second round to begin with nothing opened.
            await session.execute(sa.delete(AuditEntry))


@ONE_KIND
async def test_keys_that_rotate_are_read_again_and_a_wrong_one_is_refused(
    site, browser: Browser, own_database: Database, ada: Account, openid: OpenIdServer, clock: ShiftedClock
) -> None:
    async def enter() -> Page:
        async with open_browser(site.base) as another:
            return await sign_in(another)

    openid.stop()
    openid.start("second")
    assert (await enter()).status == 303
    openid.stop()
    openid.start("third")
    clock.advance(timedelta(seconds=30))
    assert (await enter()).status == 303
    # Another key under a name that is known is not the provider's, as far as we can tell.
    openid.stop()
    openid.start("third")
    assert (await enter()).status == 422
    assert await reasons(own_database) == ["invalid"]
