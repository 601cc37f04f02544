"""Screenshots joined to a request: from the chat to the console, whatever is sent in their place."""

from __future__ import annotations

import asyncio
import io
import struct
import time
import zlib

import aiohttp
import pytest
import requests
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import GPS, IFD

from bot.db import Database
from bot.escalation.attachments import MAX_PER_CONVERSATION, MAX_PER_REQUEST, MAX_SENT_BYTES
from bot.escalation.models import Attachment
from bot.settings import RateLimits
from tests.integration.console import Browser, Open
from tests.integration.gateway import ONE_KIND, PREFIX, Answer, Api, Chat, GatewayThread, check_answer
from tests.soak import TIMES

PATH = f"{PREFIX}/attachments"
COLLEGE, ECOLE = "0750002V", "0750001U"


# What aiohttp says of the head of a part that is not well formed; the form is then refused.
pytestmark = [
    pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionHeader"),
    pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionParam"),
]


def encoded(kind: str = "PNG", size: tuple[int, int] = (60, 40), **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, kind, **options)
    return out.getvalue()


async def tell(api: Api, uai: str = COLLEGE) -> Chat:
    """Open a conversation and begin a request in it."""
    chat = await api.open("parent", uai)
    await chat.say("je veux parler à quelqu'un")
    return chat


async def finish(chat: Chat) -> dict:
    """Tell the rest of it and send it; return the ticket."""
    await chat.say("Le blog de la classe est vide")
    return (await chat.say("oui"))["messages"][0]["ticket"]


async def joined(chat: Chat) -> list[str]:
    return [one["id"] for one in (await chat.api.get(PATH, token=chat.token)).json["attachments"]]


async def kept(database: Database) -> list[Attachment]:
    async with database.reading() as session:
        options = [sa.orm.undefer(Attachment.content), sa.orm.undefer(Attachment.thumbnail)]
        return list((await session.scalars(sa.select(Attachment).options(*options).order_by(Attachment.at))).all())


# --- from the chat ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "type_"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/png")])
async def test_an_image_is_joined_and_what_is_kept_of_it_is_told(api: Api, kind: str, type_: str) -> None:
    chat = await tell(api)
    answer = await chat.attach(encoded(kind), filename="n'importe.exe", kind="application/x-msdownload")
    assert answer.status == 201, answer
    assert (answer.json["type"], answer.json["width"], answer.json["height"]) == (type_, 60, 40)
    listed = (await api.get(PATH, token=chat.token)).json["attachments"]
    assert listed == [answer.json]


async def test_it_goes_with_the_request_and_no_further(start, own_database: Database) -> None:
    api = await start()
    chat = await tell(api)
    for _ in range(2):
        await chat.attach(encoded())
    summary = await chat.say("Le blog de la classe est vide")
    assert "- Captures d’écran jointes : 2" in summary["messages"][0]["text"]
    assert (await chat.say("oui"))["result"]["outcome"] == "ticket"
    assert await joined(chat) == []
    rows = await kept(own_database)
    assert len({row.ticket_id for row in rows}) == 1
    assert {row.conversation_id for row in rows} == {chat.conversation}
    await chat.say("je veux parler à quelqu'un")
    summary = await chat.say("Les notes ont disparu")
    assert "Captures" not in summary["messages"][0]["text"]


async def test_what_is_kept_says_neither_where_nor_when_it_was_taken(start, own_database: Database) -> None:
    api = await start()
    chat = await tell(api)
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (48.0, 51.0, 24.0)
    secret = b"Marie Durand, 48.8566"
    sent = encoded("JPEG", exif=exif, comment=secret) + secret + b"PK\x03\x04"
    assert (await chat.attach(sent)).status == 201
    [row] = await kept(own_database)
    for content in (row.content, row.thumbnail):
        assert secret not in content
        assert b"PK\x03\x04" not in content
        assert not Image.open(io.BytesIO(content)).getexif()
    assert row.size == len(row.content)


async def test_it_is_removed_before_the_request_is_sent_and_not_after(api: Api) -> None:
    chat = await tell(api)
    first, second = [(await chat.attach(encoded())).json["id"] for _ in range(2)]
    assert (await api.call("DELETE", f"{PATH}/{first}", token=chat.token)).status == 204
    assert await joined(chat) == [second]
    assert (await api.call("DELETE", f"{PATH}/{first}", token=chat.token)).status == 404
    await finish(chat)
    assert (await api.call("DELETE", f"{PATH}/{second}", token=chat.token)).status == 404


async def test_another_s_image_is_neither_seen_nor_removed(api: Api) -> None:
    mine, other = await tell(api), await tell(api)
    identifier = (await mine.attach(encoded())).json["id"]
    assert await joined(other) == []
    assert (await api.call("DELETE", f"{PATH}/{identifier}", token=other.token)).status == 404
    assert await joined(mine) == [identifier]


@pytest.mark.parametrize("identifier", ["inconnu", "%00", "%ff", "x" * 3_000, "🙂"])
async def test_removing_what_is_not_there_is_not_found(api: Api, identifier: str) -> None:
    chat = await tell(api)
    assert (await api.call("DELETE", f"{PATH}/{identifier}", token=chat.token)).status == 404


async def test_given_up_the_request_leaves_no_image(start, own_database: Database) -> None:
    api = await start()
    chat = await tell(api)
    await chat.attach(encoded())
    await chat.say("annuler")
    assert await kept(own_database) == []


async def test_without_a_request_being_told_nothing_is_joined(api: Api) -> None:
    chat = await api.open()
    answer = await chat.attach(encoded())
    assert (answer.status, answer.code) == (409, "conflit")
    assert "Aucune demande n’est en cours" in answer.json["detail"]


async def test_a_request_and_a_conversation_carry_so_many_and_no_more(api: Api) -> None:
    chat = await tell(api)
    for _ in range(MAX_PER_REQUEST):
        assert (await chat.attach(encoded())).status == 201
    answer = await chat.attach(encoded())
    assert (answer.status, answer.code) == (409, "conflit")
    assert f"au plus {MAX_PER_REQUEST} captures" in answer.json["detail"]
    for left in range(MAX_PER_CONVERSATION - MAX_PER_REQUEST, 0, -MAX_PER_REQUEST):
        await finish(chat)
        await chat.say("je veux parler à quelqu'un")
        for _ in range(min(left, MAX_PER_REQUEST)):
            assert (await chat.attach(encoded())).status == 201
    answer = await chat.attach(encoded())
    assert (answer.status, answer.code) == (409, "conflit")
    assert f"au plus {MAX_PER_CONVERSATION} captures" in answer.json["detail"]


async def test_joined_at_once_there_are_never_more_than_that(api: Api) -> None:
    chat = await tell(api)
    answers = await asyncio.gather(*(chat.attach(encoded()) for _ in range(MAX_PER_REQUEST + 3)))
    assert sorted(answer.status for answer in answers) == [201] * MAX_PER_REQUEST + [409] * 3
    assert len(await joined(chat)) == MAX_PER_REQUEST


# --- what is sent in its place ----------------------------------------------------------------


def bomb() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(3_751 * 30_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


REFUSED = {
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "PNG, JPEG ou WebP"),
    "a GIF": (encoded("GIF"), "PNG, JPEG ou WebP"),
    "a PDF": (b"%PDF-1.7\n1 0 obj\n", "PNG, JPEG ou WebP"),
    "a truncated image": (encoded("JPEG", (300, 300))[:600], "abîmée ou incomplète"),
    "a bomb": (bomb(), "trop grande"),
}


@pytest.mark.parametrize(("content", "sentence"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_good_image_is_refused_with_a_sentence_and_changes_nothing(
    api: Api, content: bytes, sentence: str
) -> None:
    chat = await tell(api)
    good = (await chat.attach(encoded())).json["id"]
    answer = await chat.attach(content, filename="capture.png", kind="image/png")
    assert (answer.status, answer.code) == (422, "image_refusee")
    assert sentence in answer.json["detail"]
    assert await joined(chat) == [good]
    assert (await chat.say("Le blog de la classe est vide"))["result"]["outcome"] == "form"
    assert (await chat.say("oui"))["result"]["outcome"] == "ticket"


async def test_what_is_too_heavy_is_refused_whether_or_not_its_size_is_said(api: Api) -> None:
    async def pour():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(MAX_SENT_BYTES // 100_000 + 1):
            yield b" " * 100_000

    chat = await tell(api)
    said = await chat.attach(bytes(MAX_SENT_BYTES + 20_000))
    just_over = await chat.attach(bytes(MAX_SENT_BYTES + 1))
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    unsaid = await api.post(PATH, data=pour(), token=chat.token, headers=headers)
    assert [(one.status, one.code) for one in (said, just_over, unsaid)] == [(413, "trop_long")] * 3
    assert "au plus 8 Mo" in unsaid.json["detail"]
    assert await joined(chat) == []


BODY = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
FORMS = {
    "another type": ("image/png", encoded(), 415),
    "JSON": ("application/json", b"{}", 415),
    "a mixed body": ("multipart/mixed; boundary=x", BODY + encoded() + b"\r\n--x--\r\n", 415),
    "no boundary": ("multipart/form-data", BODY, 400),
    "a long boundary": ("multipart/form-data; boundary=" + "x" * 99, BODY, 400),
    "another boundary": ("multipart/form-data; boundary=y", BODY, 400),
    "nothing": ("multipart/form-data; boundary=x", b"", 400),
    "no part": ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
    "an empty file": ("multipart/form-data; boundary=x", BODY + b"\r\n--x--\r\n", 400),
    "cut in the head": ("multipart/form-data; boundary=x", BODY[:40], 400),
    "cut in the file": ("multipart/form-data; boundary=x", BODY + encoded()[:50], 400),
    "another name": ("multipart/form-data; boundary=x", BODY.replace(b'"file"', b'"image"') + b"x\r\n--x--\r\n", 400),
    "no name": ("multipart/form-data; boundary=x", b"--x\r\n\r\nx\r\n--x--\r\n", 400),
    "two files": ("multipart/form-data; boundary=x", BODY + encoded() + b"\r\n" + BODY + b"x\r\n--x--\r\n", 400),
    "forms in a form": (
        "multipart/form-data; boundary=x", b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--", 400,
    ),
    "a long head": ("multipart/form-data; boundary=x", b"--x\r\nX: " + b"a" * 20_000 + b"\r\n\r\nx\r\n--x--\r\n", 400),
    "many heads": ("multipart/form-data; boundary=x", b"--x\r\n" + b"X: a\r\n" * 500 + b"\r\nx\r\n--x--\r\n", 400),
    "a charset too long": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\n' + b"a" * 40 + b"\r\n--x--\r\n", 400,
    ),
}  # fmt: skip


@ONE_KIND
@pytest.mark.parametrize(("kind", "body", "status"), FORMS.values(), ids=FORMS)
async def test_a_form_that_is_not_one_file_is_refused(api: Api, kind: str, body: bytes, status: int) -> None:
    chat = await tell(api)
    answer = await api.post(PATH, data=body, token=chat.token, headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (status, "type_refuse" if status == 415 else "requete_invalide")
    assert await joined(chat) == []


@ONE_KIND
async def test_a_compressed_form_is_not_unpacked(api: Api) -> None:
    chat = await tell(api)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "deflate"}
    packed = zlib.compress(BODY + bytes(50_000_000))
    answer = await api.post(PATH, data=packed, token=chat.token, headers=headers)
    assert (answer.status, answer.code) == (415, "type_refuse")


@ONE_KIND
async def test_a_file_that_stops_coming_harms_nobody(api: Api) -> None:
    async def stop():
        yield BODY
        raise ConnectionResetError

    chat = await tell(api)
    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        await api.post(PATH, data=stop(), token=chat.token, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (await chat.attach(encoded())).status == 201


@ONE_KIND
async def test_joining_counts_as_writing_does(start) -> None:
    wide = dict.fromkeys(("address", "address_sessions", "school"), "100000/minute")
    api = await start(limits=RateLimits(enabled=True, session="3/minute", **wide))
    chat = await tell(api)
    assert [(await chat.attach(encoded())).status for _ in range(3)] == [201, 201, 429]


@ONE_KIND
async def test_while_an_image_is_drawn_the_others_are_answered(api: Api) -> None:
    chat = await tell(api)
    heavy = encoded("PNG", (4_900, 5_000))
    drawing = asyncio.create_task(chat.attach(heavy))
    longest = 0.0
    while not drawing.done():
        started = time.perf_counter()
        await api.get("/healthz")
        longest = max(longest, time.perf_counter() - started)
    assert (await drawing).status == 201
    assert longest < 0.5


PATIENT = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=15 * TIMES,
    deadline=None,
)


@given(content=st.binary(max_size=300), filename=st.text(max_size=30), around=st.binary(max_size=30))
@PATIENT
@ONE_KIND
def test_any_bytes_under_any_name_are_refused(
    gateway: GatewayThread, content: bytes, filename: str, around: bytes
) -> None:
    base = str(gateway.base).rstrip("/")
    with requests.Session() as http:
        http.trust_env = False
        token = http.post(f"{base}{PREFIX}/sessions", json={"profile": "parent", "uai": ECOLE}).json()["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        message = {"id": "11111111-1111-1111-1111-111111111111", "text": "je veux parler à quelqu'un"}
        assert http.post(f"{base}{PREFIX}/messages", json=message).status_code == 200
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        sent = (
            http.post(f"{base}{PATH}", files={"file": (filename, content, "image/png")}),
            http.post(f"{base}{PATH}", data=BODY + content + b"\r\n--x" + around, headers=kind),
            http.post(f"{base}{PATH}", data=content + BODY + around, headers=kind),
        )
        for reply in sent:
            check_answer("POST", PATH, Answer(reply.status_code, reply.headers, reply.content))
            assert reply.status_code in (400, 422)
        assert http.get(f"{base}{PATH}").json() == {"attachments": []}


# --- in the console ---------------------------------------------------------------------------


async def send_request(site: Api, uai: str, kind: str = "JPEG") -> tuple[dict, str]:
    """Send a request with an image; return the ticket and the image's path."""
    chat = await tell(site, uai)
    identifier = (await chat.attach(encoded(kind, (900, 600)))).json["id"]
    ticket = await finish(chat)
    return ticket, f"/console/demandes/{ticket['number']}/captures/{identifier}"


async def fetch(browser: Browser, path: str) -> tuple[int, dict, bytes]:
    async with browser.http.get(browser.base.with_path(path), allow_redirects=False) as reply:
        return reply.status, reply.headers, await reply.read()


@pytest.mark.parametrize(("sent", "type_"), [("JPEG", "image/jpeg"), ("WEBP", "image/png")])
async def test_those_who_see_the_request_see_the_image(site: Api, browser_of: Open, sent: str, type_: str) -> None:
    ticket, path = await send_request(site, COLLEGE, sent)
    for role in ("referent", "agent_n2"):
        browser = await browser_of(role)
        page = await browser.get(f"/console/demandes/{ticket['number']}")
        assert f'<a href="{path}"><img src="{path}/miniature" alt="Capture 1, en grand"' in page.text
        for address, content_type, size in ((path, type_, (900, 600)), (f"{path}/miniature", "image/jpeg", (320, 213))):
            status, headers, content = await fetch(browser, address)
            assert status == 200
            assert headers["Content-Type"] == content_type
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Disposition"].startswith('inline; filename="capture.')
            assert "sandbox" in headers["Content-Security-Policy"]
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Cache-Control"] == "private, no-store"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert Image.open(io.BytesIO(content)).size == size


async def test_out_of_his_territory_nobody_sees_it(site: Api, browser_of: Open) -> None:
    ticket, path = await send_request(site, ECOLE)
    mine, _ = await send_request(site, COLLEGE)
    for browser in (await browser_of("referent"), await browser_of("agent_n3")):
        for address in (path, f"{path}/miniature", path.replace(ticket["number"], mine["number"])):
            assert (await browser.get(address)).status == 404
    formateur = await browser_of("formateur")
    assert (await formateur.get(path)).status == 403


async def test_what_is_not_an_image_of_the_request_is_not_found(site: Api, browser_of: Open) -> None:
    _, path = await send_request(site, COLLEGE)
    browser = await browser_of("agent_n2")
    unsent = (await (await tell(site)).attach(encoded())).json["id"]
    folder = path.rpartition("/")[0]
    for address in (f"{folder}/{unsent}", f"{folder}/inconnu", f"{folder}/%00", f"{path}/grande"):
        assert (await browser.get(address)).status == 404


async def test_once_the_conversation_is_erased_the_image_stays_with_the_request(site: Api, browser_of: Open) -> None:
    chat = await tell(site)
    identifier = (await chat.attach(encoded())).json["id"]
    ticket = await finish(chat)
    await site.call("DELETE", f"{PREFIX}/conversation", token=chat.token)
    browser = await browser_of("agent_n2")
    status, _, _ = await fetch(browser, f"/console/demandes/{ticket['number']}/captures/{identifier}")
    assert status == 200
