"""Production, whole: the example's settings, the document's commands and the units' programs, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import yaml

from bot.settings import ROOT, read_settings
from tests.integration.jwts import ALGORITHMS, AUDIENCE, BY_KEYS, jwks, sign_with
from tests.stack import START_S, Site, choose_ports, free_ports

pytestmark = [pytest.mark.engine, pytest.mark.timeout(START_S + 60)]

INSTALLED, SETTINGS = "/opt/assistent", "/etc/assistent"
SECRET = "0123456789abcdef" * 4
ENTS = ("https://ent.example", "https://*.ent.example")
END_S = 15


@dataclass
class Installation:
    """The project as it is installed: what it is made of, what it was told, and what it writes."""

    root: Path
    etc: Path

    def place(self, text: str) -> str:
        """Return a text of the documentation or of a unit, with the paths of this installation."""
        return text.replace(INSTALLED, str(self.root)).replace(SETTINGS, str(self.etc))

    def read_environment(self, path: str | Path) -> dict[str, str]:
        """Read an environment file as systemd does: quotes hold a value together."""
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
        return {name: "".join(shlex.split(value)) if value[:1] == '"' else value for name, value in pairs}

    def programs(self, unit: str, slot: str = "") -> tuple[dict[str, str], list[list[str]]]:
        """Return what a unit runs, its last command being the one that stays, and in which environment."""
        text = self.place((ROOT / "deploy" / "systemd" / unit).read_text(encoding="utf-8")).replace("%i", slot)
        values = re.findall(r"^(EnvironmentFile|Environment|ExecStartPre|ExecStart)=(.*)$", text, re.MULTILINE)
        environment = {"PATH": os.environ["PATH"]}
        for name, value in values:
            if name == "EnvironmentFile":
                environment |= self.read_environment(value)
            elif name == "Environment":
                environment |= dict(pair.split("=", 1) for pair in value.split())
        commands = [shlex.split(value) for name, value in values if name.startswith("ExecStart")]
        fill = re.compile(r"\$\{(\w+)\}")
        return environment, [
            [fill.sub(lambda found: environment[found[1]], word) for word in words] for words in commands
        ]

    @contextlib.contextmanager
    def running(self, unit: str, slot: str = "", **changes: str) -> Iterator[psutil.Process]:
        """Run a unit for the time of the block."""
        environment, (*before, command) = self.programs(unit, slot)
        environment |= changes
        for first in before:
            subprocess.run(first, cwd=self.root, env=environment, stdin=subprocess.DEVNULL, check=True, timeout=60)
        with (self.root / "var" / f"{unit}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        """The end of what the programs wrote."""
        return "\n".join(
            f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in self.root.glob("var/*.log")
        )


@dataclass
class Production(Site):
    """An installation that runs."""

    installation: Installation
    processes: list[psutil.Process]


def write_settings(example: str, **values: str) -> str:
    """Fill the example's settings in; one that the example does not have is a fault."""
    for name, value in values.items():
        example, found = re.subn(rf"^#?{name}=.*$", f"{name}={value}", example, flags=re.MULTILINE)
        assert found == 1, f"{name} is not in the example"
    return example


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The project in a folder of its own, with var/, endpoints.yml and settings that are this one's."""
    folder = tmp_path_factory.mktemp("production")
    made = Installation(folder / "opt", folder / "etc")
    (made.root / "var").mkdir(parents=True)
    made.etc.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("var", "endpoints.yml", ".git"):
            (made.root / path.name).symlink_to(path)
    ports = choose_ports()
    endpoints = (ROOT / "endpoints.yml").read_text(encoding="utf-8")
    assert endpoints.count(":5055/") == 1
    endpoints = endpoints.replace(":5055/", f":{ports['ASSISTENT_ACTIONS_PORT']}/")
    (made.root / "endpoints.yml").write_text(endpoints, encoding="utf-8")
    (made.etc / "keys.json").write_text(json.dumps(jwks(*ALGORITHMS)), encoding="utf-8")
    issuer = {"name": BY_KEYS, "audience": AUDIENCE, "jwks_file": str(made.etc / "keys.json")}
    (made.etc / "issuers.yml").write_text(yaml.safe_dump([issuer]), encoding="utf-8")
    settings = write_settings(
        (ROOT / "deploy" / "settings.example").read_text(encoding="utf-8"),
        **ports, ASSISTENT_SECRET_KEY=SECRET, ASSISTENT_ROOT=str(made.root), ASSISTENT_VISITORS="off",
        ASSISTENT_ISSUERS_FILE=str(made.etc / "issuers.yml"), ASSISTENT_FRAME_ANCESTORS=f'"{" ".join(ENTS)}"',
    )  # fmt: skip
    (made.etc / "settings").write_text(settings, encoding="utf-8")
    (made.etc / "rasa-a.env").write_text(f"RASA_PORT={ports['ASSISTENT_RASA_PORT']}\n", encoding="ascii")
    return made


@pytest.fixture(scope="module")
def production(installation: Installation) -> Iterator[Production]:
    """The installation, prepared by the document's command and started by the units."""
    document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (prepare,) = re.findall(r"sudo -u assistent sh -c '(.*bot migrate.*)'$", document, re.MULTILINE)
    done = subprocess.run(
        ["sh", "-c", installation.place(prepare)], cwd=installation.root, env={"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    settings = read_settings(installation.read_environment(installation.etc / "settings"))
    with contextlib.ExitStack() as running:
        processes = [
            running.enter_context(installation.running(f"assistent-{name}.service", slot))
            for name, slot in (("web", ""), ("actions", ""), ("rasa@", "a"))
        ]
        production = Production(settings, installation, processes)
        limit = time.monotonic() + START_S
        while not production.is_ready() and all(process.is_running() for process in processes):
            assert time.monotonic() < limit, installation.logs()
            time.sleep(0.5)
        assert production.is_ready(), installation.logs()
        yield production


def jwt() -> str:
    """A JWT of a parent, fresh."""
    now = int(time.time())
    return sign_with("ES256", iat=now, exp=now + 120)


def read_page(site: Site, path: str) -> tuple[int, dict[str, str]]:
    """Read a page as a browser does; return (status, headers)."""
    try:
        with urllib.request.urlopen(site.frame_url + path, timeout=10) as page:
            return page.status, dict(page.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


def test_the_question_of_somebody_whom_the_ent_signs_is_answered_by_its_article(production: Production) -> None:
    status, opened = production.call("POST", "/api/v1/sessions", {}, jwt())
    assert (status, opened["profile"]) == (201, "parent"), opened
    reply = production.say(opened["token"], "J'ai oublié mon mot de passe")
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("answer", "connexion_mot_de_passe_oublie")
    assert reply["result"]["model"], "understood by the trained model"
    assert reply["messages"][0]["article"]["id"] == "connexion_mot_de_passe_oublie"


def test_a_request_can_be_left_where_no_school_is_known_yet(production: Production) -> None:
    _, opened = production.call("POST", "/api/v1/sessions", {}, jwt())
    for text in ("je veux parler à quelqu'un", "École Jean-Moulin, Rochebrune", "Le blog de la classe reste vide"):
        reply = production.say(opened["token"], text)
        assert reply["result"]["outcome"] == "form", reply
    reply = production.say(opened["token"], "oui")
    assert reply["messages"][0]["ticket"]["level"] == 2, reply


def test_the_actions_served_are_those_of_the_domain(production: Production) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{production.settings.actions_port}/actions", timeout=10) as answer:
        served = {action["name"] for action in json.load(answer)}
    assert served == set(yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["actions"])


def test_visitors_are_refused_with_what_to_do(production: Production) -> None:
    status, problem = production.call("POST", "/api/v1/sessions", {"profile": "parent"})
    assert (status, problem["code"]) == (401, "non_authentifie")
    assert "depuis votre ENT" in problem["detail"]


def test_a_jwt_of_nobody_that_is_listed_is_refused(production: Production) -> None:
    now = int(time.time())
    for token in (
        sign_with("ES256", iat=now, exp=now + 120, iss="https://inconnu.example"),
        sign_with("ES256-autre", iat=now, exp=now + 120),
    ):
        assert production.call("POST", "/api/v1/sessions", {}, token)[0] == 401


def test_visitors_are_let_in_where_the_settings_say_so(production: Production) -> None:
    (port,) = free_ports(1)
    changes = {"ASSISTENT_VISITORS": "on", "ASSISTENT_PORT": str(port)}
    with production.installation.running("assistent-web.service", **changes):
        other = Site(replace(production.settings, port=port))
        other.wait_until(lambda: other.call("GET", "/healthz")[0] == 200, 60, "a second site")
        assert other.say(other.open(), "bonjour")["result"]["outcome"] == "dialogue"


def test_nothing_of_the_demonstration_is_there(production: Production) -> None:
    for path in ("/demo/", "/demo/parent", "/demo/static/demo.js"):
        assert read_page(production, path)[0] == 404, path
    with contextlib.closing(sqlite3.connect(production.settings.var_dir / "assistent.db")) as database:
        for table in ("schools", "variable_values"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert not (production.settings.var_dir / "demonstration.key").exists()


def test_browsers_are_held_to_https_and_to_the_listed_ents(production: Production) -> None:
    for path in ("/", "/widget/frame", "/widget/loader.js", "/healthz"):
        status, headers = read_page(production, path)
        assert status == 200, path
        assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
        framed_by = re.search("frame-ancestors ([^;]*)", headers["Content-Security-Policy"])[1]
        assert framed_by == (" ".join(ENTS) if path == "/widget/frame" else "'none'")


def test_everything_listens_on_the_loopback_alone(production: Production) -> None:
    listening = {
        connection.laddr.ip
        for process in production.processes
        for each in [process, *process.children(recursive=True)]
        for connection in each.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_everything_written_is_in_var(production: Production) -> None:
    written = {path.name for path in production.settings.var_dir.iterdir()}
    assert {"assistent.db", "rasa-tracker.db"} <= written
    made = {path.name for path in production.installation.root.iterdir() if not path.is_symlink()}
    assert made == {"var", "endpoints.yml"}


@pytest.mark.parametrize("command", ["web", "actions", "migrate", "load"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"ASSISTENT_SECRET_KEY": ""}, "ASSISTENT_SECRET_KEY manque ou compte moins de 32 caractères"),
        ({"ASSISTENT_SECRET_KEY": "trop courte"}, "« openssl rand -hex 32 »"),
        ({"ASSISTENT_RATE_LIMITS": "off"}, "retirez-le"),
        ({"ASSISTENT_ISSUERS_FILE": "/absent.yml"}, "ASSISTENT_ISSUERS_FILE (/absent.yml) est illisible"),
    ],
    ids=["no key", "short key", "no limits", "no issuers"],
)
def test_unsafe_settings_are_refused_with_what_to_do(
    installation: Installation, command: str, settings: dict[str, str], sentence: str
) -> None:
    environment = installation.read_environment(installation.etc / "settings") | settings
    done = subprocess.run(
        [".venv/bin/python", "-m", "bot", command], cwd=installation.root,
        env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("AssistENT : ")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1, "a sentence, not a trace"
