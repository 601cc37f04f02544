"""The commands of `python -m bot`: the only place that prints.

Each command imports what it needs: the page must not wait for libraries that only another command uses.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import AssistentError, InvalidInput
from bot.settings import Settings
from bot.topics import load_topics

if TYPE_CHECKING:
    from bot.db import Database


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(Settings.from_env(), options) or 0
    except AssistentError as error:
        print(f"AssistENT : {error.sentence}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="AssistENT, l’assistant de l’ENT.")
    commands = parser.add_subparsers(required=True, metavar="COMMANDE")

    def add(name: str, run, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("run", _run, "Tout démarrer pour la démonstration (Ctrl-C arrête tout)")
    add("web", _web, "Servir l’API, le widget et les pages")
    add("actions", _actions, "Servir les actions de Rasa")
    add("train", _train, "Entraîner le modèle s’il est absent ou périmé")
    add("models", _models, "Lister les modèles, et dire lequel est en service")
    serve = add("serve", _serve, "Mettre un modèle en service, sans interrompre les conversations")
    serve.add_argument("model", nargs="?", help="son nom, tel que « models » le donne")
    serve.add_argument("--back", action="store_true", help="revenir à celui qui servait avant")
    learn = add("learn", _learn, "Faire un apprentissage demandé dans l’atelier (lancé par les pages)")
    learn.add_argument("number", type=int, help="le numéro de l’apprentissage")
    remake = add("remake", _remake, "Refaire un modèle gardé à partir de ce dont il a été fait")
    remake.add_argument("model", help="son nom dans models/, sans .tar.gz")
    add("check-machine", _check_machine, "Vérifier la machine : ports, disque, Python")
    add("migrate", _migrate, "Mettre la base de données à jour")
    add("load", _load, "Charger les articles, et le territoire inventé en démonstration")
    rasa_files = add("rasa-files", _rasa_files, "Écrire les règles de Rasa à partir des sujets")
    rasa_files.add_argument("--check", action="store_true", help="seulement vérifier")
    add("knowledge-check", _knowledge_check, "Vérifier les articles de knowledge/")
    take = add("knowledge-import", _knowledge_import, "Importer les articles d’un dossier")
    take.add_argument("folder", type=Path, nargs="?")
    take.add_argument("--replace", action="store_true", help="remplacer aussi ce qu’un formateur a changé depuis")
    give = add("knowledge-export", _knowledge_export, "Exporter les articles en service vers un dossier")
    give.add_argument("folder", type=Path)
    announce = add("announce", _announce, "Publier une annonce ou un incident en haut de l’assistant")
    announce.add_argument("title")
    announce.add_argument("text")
    announce.add_argument("--incident", action="store_true")
    announce.add_argument("--profile", action="append", default=[], help="pour ce profil seulement (répétable)")
    withdraw = add("withdraw", _withdraw, "Retirer une annonce")
    withdraw.add_argument("id")
    join = add("connectors", _connectors, "Relier les groupes à leurs outils, d’après « connectors » d’un fichier YAML")
    join.add_argument("file", type=Path)
    given_up = add("exchanges", _exchanges, "Lister ce qui n’a pas pu être envoyé aux outils des équipes")
    given_up.add_argument("--replay", action="store_true", help="tout renvoyer")
    create_admin = add("create-admin", _create_admin, "Créer un administrateur ; le mot de passe est demandé")
    create_admin.add_argument("email")
    create_admin.add_argument("--name", required=True, help="nom de la personne, affiché dans la console")
    return parser


# --- processes --------------------------------------------------------------------------------


def _web(settings: Settings, _: argparse.Namespace) -> None:
    import uvloop
    from aiohttp import web

    from bot.web.app import create_app
    from bot.web.logs import configure_logs

    configure_logs(settings.log_level)
    # What threads read beside the answers (the model, what people say) gives the floor back five times sooner than by default.
    sys.setswitchinterval(0.001)
    web.run_app(
        create_app(settings), host=settings.host, port=settings.port, print=None, access_log=None, shutdown_timeout=5,
        loop=uvloop.new_event_loop(),
    )  # fmt: skip


def _actions(settings: Settings, _: argparse.Namespace) -> None:
    from rasa_sdk.endpoint import create_app
    from rasa_sdk.executor import ActionExecutor

    executor = ActionExecutor()
    executor.register_package("actions")
    # rasa-sdk's own start listens on every address, and in a worker that outlives its killed parent and keeps the port.
    server = create_app(executor, cors_origins=None)
    server.run(host="127.0.0.1", port=settings.actions_port, single_process=True, motd=False, access_log=False)


def _run(settings: Settings, _: argparse.Namespace) -> None:
    from bot.operations.rasa_files import write_rasa_files
    from bot.operations.run import run_demonstration

    write_rasa_files(settings.root, load_topics())
    run_demonstration(settings, _say, place_model=lambda: _place_model(settings))


def _place_model(settings: Settings) -> str:
    from bot.clock import SystemClock
    from bot.learning.serving import place_at_start

    async def place(database: Database) -> str:
        return await place_at_start(database, SystemClock(), settings, _say)

    return asyncio.run(_with_database(settings, place))


def _train(settings: Settings, _: argparse.Namespace) -> None:
    from bot.operations.rasa_files import write_rasa_files
    from bot.operations.training import train_model

    write_rasa_files(settings.root, load_topics())
    train_model(settings, _say)


def _models(settings: Settings, _: argparse.Namespace) -> None:
    from bot.escalation.rules import french_date
    from bot.learning.archives import list_archives
    from bot.learning.serving import InService, read_in_service

    async def read(database: Database) -> InService:
        async with database.reading() as session:
            return await read_in_service(session)

    current = asyncio.run(_with_database(settings, read))
    archives = list_archives(settings.root / "models")
    for archive in archives:
        mark = "en service" if archive.name == current.model else archive.fault
        trained = f"appris le {french_date(archive.trained_at)}" if archive.trained_at else "appris on ne sait quand"
        _say(f"{archive.name}, {trained}, {archive.size / 1e6:.1f} Mo{f' : {mark}' if mark else ''}")
    if not archives:
        _say("Aucun modèle n’a été appris : lancez « make train ».")
    elif current.model not in {archive.name for archive in archives}:
        _say(f"En service : {current.model}, qui n’est plus dans models/ ; le moteur en garde une copie.")


def _serve(settings: Settings, options: argparse.Namespace) -> None:
    import aiohttp

    from bot.chat.engine import SlotEngine
    from bot.clock import SystemClock
    from bot.learning.archives import check_model, find_archive
    from bot.learning.serving import COMMAND, InService, Serving, put_directly
    from bot.operations.slots import slots_of

    if bool(options.model) == options.back:
        raise InvalidInput("Donnez le nom d’un modèle, ou --back pour revenir à celui d’avant.")
    slots = slots_of(settings)

    async def swap(database: Database) -> None:
        clock = SystemClock()
        if not slots.is_up() and not options.back:
            archive = find_archive(settings.root / "models", options.model)
            if archive.fault:
                raise InvalidInput(archive.fault)
            check_model(archive.path)
            await put_directly(database, clock, settings, archive, COMMAND)
            _say(f"{archive.name} sera en service au prochain démarrage : AssistENT ne tourne pas.")
            return
        async with aiohttp.ClientSession() as http:
            engine = SlotEngine(settings.engine_urls, http, InService().slot)
            serving = Serving(database, clock, settings, slots, engine)
            number = await (
                serving.ask_back(None, COMMAND) if options.back else serving.ask(options.model, None, COMMAND)
            )
            await serving.run(number, lambda step: _say(f"{step}…"))
            await engine.close()
        _say("Le modèle est en service. L’ancien est arrêté.")

    asyncio.run(_with_database(settings, swap))


def _learn(settings: Settings, options: argparse.Namespace) -> int:
    import signal
    import threading

    from bot.clock import SystemClock
    from bot.learning.runs import DONE, carry_out
    from bot.operations.candidates import open_bench
    from bot.web.logs import configure_logs

    configure_logs(settings.log_level)
    # Whoever is waiting for an answer comes first.
    os.nice(19)

    async def learn(database: Database) -> str:
        stop = threading.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        return await carry_out(
            database, SystemClock(), settings.root, options.number, lambda run: open_bench(settings, run), stop
        )

    state = asyncio.run(_with_database(settings, learn))
    _say(f"Apprentissage {options.number} : {state}.")
    return 0 if state == DONE else 1


def _remake(settings: Settings, options: argparse.Namespace) -> None:
    from bot.operations.candidates import remake_model

    _say(f"Modèle refait : {remake_model(settings, options.model, _say)}")


def _check_machine(settings: Settings, _: argparse.Namespace) -> int:
    from bot.operations.checks import check_machine

    faults = check_machine(settings)
    for fault in faults:
        _say(fault)
    if not faults:
        _say("Cette machine a ce qu’il faut.")
    return 1 if faults else 0


# --- database and knowledge -------------------------------------------------------------------


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    from bot import migrations

    settings.var_dir.mkdir(parents=True, exist_ok=True)
    migrations.upgrade(settings.root, settings.storage_url)
    _say("La base de données est à jour.")


def _load(settings: Settings, _: argparse.Namespace) -> int:
    import yaml

    from bot.clock import SystemClock
    from bot.connectors.setup import save_connectors
    from bot.escalation.promises import save_promises
    from bot.escalation.setup import save_routing
    from bot.knowledge.service import set_values
    from bot.operations.preparation import read_or_make_passwords
    from bot.people.accounts import NewGrant, put_demonstration_account
    from bot.people.service import save_schools

    async def load(database: Database) -> int:
        if settings.demonstration_data:
            data = yaml.safe_load((settings.root / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
            async with database.transaction() as session:
                await save_schools(session, data["schools"])
                await save_routing(session, data["groups"], data["routes"])
                await save_connectors(session, data["connectors"])
                await save_promises(session, data["calendars"], data["delays"])
                for layer in data["values"]:
                    await set_values(session, layer["scope"], layer["territory"], layer["set"])
            passwords = read_or_make_passwords(settings)
            for entry in data["accounts"]:
                await put_demonstration_account(
                    database, SystemClock(), login=entry["login"], name=entry["name"],
                    password=passwords[entry["login"]], grants=[NewGrant(**grant) for grant in entry["grants"]],
                )  # fmt: skip
        return await _import(settings, database, settings.root / "knowledge", replace=False)

    return asyncio.run(_with_database(settings, load))


async def _import(settings: Settings, database: Database, folder: Path, *, replace: bool) -> int:
    from bot.clock import SystemClock
    from bot.knowledge.exchange import import_knowledge
    from bot.learning.teaching import Taught

    report = await import_knowledge(
        database, folder, load_topics(), Taught(), SystemClock(), author=os.environ.get("USER", "import"),
        replace=replace,
    )  # fmt: skip
    _say(
        f"Articles : {len(report.created)} créés, {len(report.updated)} mis à jour, {len(report.unchanged)} inchangés, "
        f"{len(report.kept)} gardés tels qu’un formateur les a laissés, {len(report.refused)} refusés."
    )
    for topic in report.kept:
        _say(f"  {topic} : changé par un formateur depuis ; --replace le remplace.")
    for topic in report.kept_topics:
        _say(f"  sujet {topic} : décrit autrement par un formateur ; --replace le remplace.")
    for file, reason in report.refused.items():
        _say(f"  {file} : {reason}")
    return 1 if report.refused else 0


def _connectors(settings: Settings, options: argparse.Namespace) -> int:
    import yaml

    from bot.connectors.setup import save_connectors

    async def save(database: Database) -> int:
        try:
            entries = yaml.safe_load(options.file.read_text(encoding="utf-8"))["connectors"] or []
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
            raise InvalidInput(f"{options.file} est illisible, ou n’a pas de « connectors » : {error}") from error
        async with database.transaction() as session:
            await save_connectors(session, entries)
        for entry in entries:
            _say(f"{entry['group']} : {entry['kind']}, {entry['address']}")
        _say(f"{len(entries)} groupe(s) relié(s) à un outil.")
        return 0

    return asyncio.run(_with_database(settings, save))


def _exchanges(settings: Settings, options: argparse.Namespace) -> int:
    from bot.clock import SystemClock
    from bot.connectors.outbox import list_given_up, replay

    async def show(database: Database) -> int:
        async with database.transaction() as session:
            given_up = await list_given_up(session)
            for number, group, step in given_up:
                _say(f"{number}, {group} : {step.error} ({step.attempts} essai(s))")
            if options.replay:
                await replay(session, SystemClock().now())
        _say(f"{len(given_up)} envoi(s) {'à refaire dans un instant' if options.replay else 'abandonné(s)'}.")
        return 0

    return asyncio.run(_with_database(settings, show))


def _rasa_files(settings: Settings, options: argparse.Namespace) -> None:
    from bot.operations.rasa_files import write_rasa_files

    written = write_rasa_files(settings.root, load_topics(), check_only=options.check)
    _say("data/stories/repondre.yml est récrit." if written else "data/stories/repondre.yml suit les sujets.")


def _knowledge_check(settings: Settings, _: argparse.Namespace) -> int:
    from bot.knowledge.service import check_files

    faults = check_files(settings.root / "knowledge", load_topics())
    for file, sentence in faults.items():
        _say(f"{file} : {sentence}")
    _say(f"{len(faults)} article(s) à reprendre." if faults else "Tous les articles sont bien formés.")
    return 1 if faults else 0


def _knowledge_import(settings: Settings, options: argparse.Namespace) -> int:
    folder = options.folder or settings.root / "knowledge"

    async def take(database: Database) -> int:
        return await _import(settings, database, folder, replace=options.replace)

    return asyncio.run(_with_database(settings, take))


def _knowledge_export(settings: Settings, options: argparse.Namespace) -> None:
    from bot.knowledge.exchange import export_knowledge
    from bot.learning.teaching import Taught

    async def give(database: Database) -> int:
        return len(await export_knowledge(database, options.folder, load_topics(), Taught()))

    _say(f"{asyncio.run(_with_database(settings, give))} fichiers écrits dans {options.folder}.")


def _announce(settings: Settings, options: argparse.Namespace) -> None:
    from bot.clock import SystemClock
    from bot.rollout.service import publish

    async def show(database: Database) -> str:
        return await publish(
            database, SystemClock(), level="incident" if options.incident else "info", title=options.title,
            text=options.text, profiles=tuple(options.profile),
        )  # fmt: skip

    identifier = asyncio.run(_with_database(settings, show))
    _say(f"Publié. Pour retirer : python -m bot withdraw {identifier}")


def _withdraw(settings: Settings, options: argparse.Namespace) -> int:
    from bot.clock import SystemClock
    from bot.rollout.service import withdraw

    async def hide(database: Database) -> bool:
        return await withdraw(database, SystemClock(), options.id)

    done = asyncio.run(_with_database(settings, hide))
    _say("L’annonce est retirée." if done else "Aucune annonce n’a cet identifiant.")
    return 0 if done else 1


def _create_admin(settings: Settings, options: argparse.Namespace) -> None:
    import getpass

    from bot.clock import SystemClock
    from bot.people.accounts import ADMINISTRATOR, create_account

    if sys.stdin.isatty():
        password = getpass.getpass("Mot de passe (12 caractères au moins) : ")
        if getpass.getpass("Le même, une seconde fois : ") != password:
            raise InvalidInput("Les deux mots de passe ne sont pas les mêmes. Recommencez.")
    else:
        password = sys.stdin.readline().rstrip("\n")

    async def create(database: Database) -> str:
        return await create_account(
            database, SystemClock(), None, login=options.email, name=options.name, password=password,
            grants=[ADMINISTRATOR],
        )  # fmt: skip

    asyncio.run(_with_database(settings, create))
    site = settings.public_url or f"http://{settings.host}:{settings.port}"
    _say(f"{options.name} est administrateur. Connexion : {site}/console/")


async def _with_database(settings: Settings, use):
    from bot.db import Database

    database = Database(settings.storage_url)
    try:
        return await use(database)
    finally:
        await database.close()


def _say(text: str) -> None:
    print(text, flush=True)
