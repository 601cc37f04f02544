"""What the formateurs' workshop costs: its pages over very many messages and versions, indicators, and grouping 20,000 messages.

`fill_workshop`, `measure_workshop` and `measure_grouping` are for benchmarks/bench.py to call.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from benchmarks.desk import agent_of, p95, storage_of, timed
from bot.db import Database
from bot.knowledge.service import read_utterances
from bot.learning.collecting import KINDS, OPEN
from bot.learning.grouper import MAX_GROUPED, group_apart
from bot.learning.models import InboxLine
from bot.people.accounts import NewGrant
from bot.settings import ROOT

LINES, VERSIONS = 200_000, 5_000
SETTLED_S = 15
# Each of these conversations has five messages of a person: enough for the lines.
CONVERSATIONS = LINES // 5
EVERYWHERE, ACADEMIE = NewGrant("formateur", "tout", ""), NewGrant("formateur", "academie", "Valmont")
INBOX, ARTICLES = "/workshop/messages", "/workshop/articles"
ARTICLE = f"{ARTICLES}/blog_consulter"


def fill_workshop(path: Path) -> None:
    """Put every message of the persons of a site's SQLite file in the inbox, in groups, and add versions to its articles."""
    chooser, now = random.Random(0), datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    texts = _texts()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO inbox_groups (id, face_id) VALUES (?, ?)",
            [(place, place) for place in range(1, LINES // 10 + 1)],
        )
        said = connection.execute(
            "SELECT messages.id, conversation_id, uai, at FROM messages JOIN conversations ON conversations.id = conversation_id "
            "WHERE sender = 'user' LIMIT ?",
            (LINES,),
        ).fetchall()
        connection.executemany(
            "INSERT INTO inbox_lines (message_id, conversation_id, kind, state, text, form, profile, uai, ranking, at, group_id) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, '[[\"hors_sujet\", 0.9]]', ?, ?)",
            [
                (message, conversation, chooser.choice(list(KINDS)), OPEN, text, text.lower(), chooser.choice(("parent", "eleve")), uai,
                 # A few groups have many messages, most have few.
                 at, min(LINES // 10, int(chooser.paretovariate(0.5))))
                for (message, conversation, uai, at), text in zip(said, itertools.cycle(texts))
            ],
        )  # fmt: skip
        # What the persons say from now on is collected; nothing of this is any more.
        connection.execute(
            "INSERT OR REPLACE INTO inbox_mark (id, until, grouped_line) SELECT 1, ?, max(id) FROM inbox_lines",
            (str(now),),
        )
        topics = [topic for (topic,) in connection.execute("SELECT topic FROM articles")]
        connection.executemany(
            "INSERT INTO article_versions (topic, number, source, digest, origin, author, reason, at) "
            "SELECT topic, ?, source, digest, origin, 'bench', 'Relecture', ? FROM article_versions WHERE topic = ? AND number = 1",
            [(2 + place // len(topics), str(now), topics[place % len(topics)]) for place in range(VERSIONS)],
        )
        connection.execute(
            "UPDATE articles SET version = (SELECT max(number) FROM article_versions AS one WHERE one.topic = articles.topic)"
        )
        connection.commit()


async def measure_workshop(url: str, var: Path, count: int) -> dict[str, float]:
    """Return how long the pages of a running site over such a database take to open, one after another, in milliseconds."""
    database = Database(storage_of(var))
    async with database.reading() as session:
        sizes = sa.select(InboxLine.group_id).group_by(InboxLine.group_id)
        largest = await session.scalar(sizes.order_by(sa.func.count().desc()).limit(1))
        line = await session.scalar(sa.select(sa.func.max(InboxLine.id)))
    today = datetime.datetime.now(datetime.UTC).date()
    half_a_year = f"since={today - datetime.timedelta(days=182)}&until={today}"
    figures = {}
    # A site that has just started reads its articles and its model meanwhile: its first seconds are not those of a day.
    await asyncio.sleep(SETTLED_S)
    async with agent_of(url, database, EVERYWHERE) as everywhere, agent_of(url, database, ACADEMIE) as limited:
        pages = {
            "inbox, everywhere": (everywhere, [INBOX, f"{INBOX}?page=50"]),
            "inbox, an académie": (limited, [INBOX, f"{INBOX}?page=50"]),
            "inbox, filtered": (limited, [f"{INBOX}?kind=incompris&profile=parent", f"{INBOX}?uai=0990042X"]),
            "a large group": (limited, [f"{INBOX}/groupes/{largest}", f"{INBOX}/groupes/{largest}?page=20"]),
            "a message": (limited, [f"{INBOX}/lignes/{line}"]),
            "articles": (limited, [ARTICLES, f"{ARTICLES}?page=2", "/workshop/entretien"]),
            "an article, one of its versions": (limited, [ARTICLE, f"{ARTICLE}/versions/2"]),
            "indicators of half a year": (limited, [f"/console/indicateurs?{half_a_year}"]),
        }
        for name, (http, asked) in pages.items():
            await timed(http, url + asked[0])
            figures[f"{name}, p95 (ms)"] = p95(
                [await timed(http, url + asked[turn % len(asked)]) for turn in range(count)]
            )
    await database.close()
    return figures


async def measure_grouping() -> dict[str, float]:
    """Return how long grouping as many messages as are ever grouped at once takes, beside the site, and how large groups are."""
    texts = _texts()[:MAX_GROUPED]
    started = time.perf_counter()
    answer = await group_apart(texts, ROOT / "models" / "assistent.tar.gz")
    seconds = time.perf_counter() - started
    if answer is None:
        raise SystemExit("Le regroupement n’a pas abouti.")
    sizes = Counter(answer[0]).values()
    return {"messages": len(texts), "grouped in (s)": round(seconds, 1), "groups": len(sizes), "largest": max(sizes)}


def _texts() -> list[str]:
    texts = [text for said in read_utterances(ROOT / "data" / "nlu").values() for text in said]
    random.Random(0).shuffle(texts)
    return texts
