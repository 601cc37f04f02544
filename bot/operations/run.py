"""The demonstration: from an installed project to a page that answers, in the foreground, until Ctrl-C.

The page comes first: it answers in degraded mode while the model is trained and while Rasa, which is slow, starts.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from bot.errors import OperationError
from bot.operations import checks, configuration, processes, slots, training
from bot.operations.model_files import model_path
from bot.operations.preparation import prepare_database, read_or_make_passwords

if TYPE_CHECKING:
    from bot.settings import Settings

# Rasa was seen to take 15 to 90 seconds on two cores, the longest when four other programs wanted them too.
READY_SECONDS = 300

PAGE_SECONDS = 60

# A program that ended this many times before it was up will not come up by itself.
FAILURES_BEFORE_GIVING_UP = 2

HEARTBEAT_SECONDS = 5

POLL_SECONDS = 0.25

Say = Callable[[str], None]
# Puts the model that is to serve in its slot, and returns the slot.
PlaceModel = Callable[[], str]


class Stopped(BaseException):
    """The person asked for the end, by Ctrl-C or a signal."""


def run_demonstration(
    settings: Settings, say: Say, announce: Callable[[], None] | None = None, place_model: PlaceModel | None = None
) -> None:
    """Start everything, tell where it is, and stay until the person ends it.

    `announce` is called once everything is ready, after the addresses were said; `place_model` before the engine starts, the
    newest model being put in the first slot without it. OperationError when something cannot be done; whatever was started
    is ended first, however this function is left.
    """
    require_demonstration(settings)
    with contextlib.suppress(Stopped), raising_on_signals():
        if processes.end_orphan(settings):
            say("Un démarrage précédent avait été coupé : ses processus sont arrêtés.")
        checks.require_machine(settings)
        prepare_database(settings, say)
        with supervised(settings, say) as (supervisor, control):
            wait_for_page(settings, control, say)
            control.start(configuration.ACTIONS)
            training.train_model(settings, say)
            slot = place_model() if place_model else place_newest(settings)
            # The site may have started it with a former model, when it undid a change that was cut.
            control.restart(configuration.RASA_PROGRAMS[slot])
            wait_until_ready(settings, control, say)
            say_addresses(settings, say)
            if announce:
                announce()
            say("Ctrl-C arrête tout.")
            watch(settings, supervisor)


def place_newest(settings: Settings) -> str:
    """Put the newest model in the first slot, and return the slot."""
    slot = configuration.SLOTS[0]
    slots.put_in_slot(settings, slot, slots.copy_aside(settings, slot, model_path(settings.root)))
    return slot


def require_demonstration(settings: Settings) -> None:
    """Refuse anything but the demonstration, on the machine itself."""
    if not settings.is_demonstration:
        raise OperationError(
            "« make run » est la démonstration : des comptes et des écoles inventés. Retirez ASSISTENT_MODE, "
            "ou suivez docs/operations.md pour une installation réelle."
        )
    if not is_loopback(settings.host):
        raise OperationError(
            "La démonstration n’écoute que sur la machine elle-même : "
            f"ASSISTENT_HOST ne peut pas être « {settings.host} »."
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def supervised(settings: Settings, say: Say) -> Iterator[tuple[subprocess.Popen, processes.Control]]:
    """Run supervisor for the time of the block, with the page alone: Rasa's start would take the processor from it."""
    programs = configuration.list_programs(settings, autostart=(configuration.WEB,))
    supervisor = processes.start_supervisor(settings, configuration.write_configuration(settings, programs))
    try:
        yield supervisor, processes.wait_until_up(settings, supervisor)
    finally:
        with ignoring_signals():
            say("Arrêt…")
            processes.stop_supervisor(settings, supervisor)
            say("Tout est arrêté.")


@contextlib.contextmanager
def raising_on_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into Stopped."""

    def stop(*_: object) -> None:
        raise Stopped

    with _handling(stop):
        yield


@contextlib.contextmanager
def ignoring_signals() -> Iterator[None]:
    """Let an orderly end come to its end, however impatient the person is: it is bounded in time."""
    with _handling(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(handler: Callable[..., None] | signal.Handlers) -> Iterator[None]:
    previous = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def wait_for_page(settings: Settings, control: processes.Control, say: Say) -> None:
    """Wait for the page to answer, with or without its engine."""
    _wait(settings, control, say, "/healthz", PAGE_SECONDS, "Démarrage de la page")
    say(f"La page répond : {base_url(settings)}/demo/ (réponses de secours tant que le moteur démarre)")


def wait_until_ready(settings: Settings, control: processes.Control, say: Say) -> None:
    """Wait for everything to be ready, Rasa included."""
    _wait(settings, control, say, "/readyz", READY_SECONDS, "Démarrage du moteur")


def _wait(settings: Settings, control: processes.Control, say: Say, path: str, seconds: float, title: str) -> None:
    started = spoken = time.monotonic()
    failures = FailureCount()
    while True:
        status, body = fetch(settings, path)
        if status == 200:
            return
        now = time.monotonic()
        failures.see(control.list_states())
        _raise_when_hopeless(settings, failures)
        if now - started > seconds:
            raise OperationError(
                f"{title} : rien n’est prêt après {seconds:.0f} s ({body[:200] or 'pas de réponse'}). "
                f"Les journaux sont dans {settings.var_dir / 'log'}."
            )
        if now - spoken >= HEARTBEAT_SECONDS:
            spoken = now
            say(f"{title}… {now - started:.0f} s")
        time.sleep(POLL_SECONDS)


class FailureCount:
    """Counts how often each program ended before it was up, from what supervisor says of it time after time."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def see(self, states: Mapping[str, processes.State]) -> None:
        """Take note of the programs' states."""
        for name, state in states.items():
            if state.state != self._last.get(name):
                self._last[name] = state.state
                self._counts[name] += state.state == "BACKOFF"

    def find_hopeless(self) -> str | None:
        """Return a program that will not come up, if there is one."""
        for name, state in self._last.items():
            if state == "FATAL" or self._counts[name] >= FAILURES_BEFORE_GIVING_UP:
                return name
        return None


def _raise_when_hopeless(settings: Settings, failures: FailureCount) -> None:
    name = failures.find_hopeless()
    if name:
        log = settings.var_dir / "log" / f"{name}.log"
        raise OperationError(
            f"{processes.show_tail(log)}Le processus {name} ne démarre pas : voyez le message ci-dessus, "
            f"corrigez, puis relancez « make run ». Détail : {log}."
        )


def fetch(settings: Settings, path: str) -> tuple[int, str]:
    """Ask our own web process; status 0 when it does not answer."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=3)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def base_url(settings: Settings) -> str:
    """Return the address to open in a browser of this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def say_addresses(settings: Settings, say: Say) -> None:
    """Say where things are."""
    url = base_url(settings)
    say("")
    say("AssistENT est prêt.")
    say(f"  Page d’ENT de démonstration   {url}/demo/")
    say(f"  L’assistant seul              {url}/")
    say(f"  État de chaque partie         {url}/readyz")
    say(f"  Console                       {url}/console/")
    say(f"  Journaux                      {settings.var_dir / 'log'}")
    say("")
    say("Comptes inventés de la console (adresse, mot de passe) :")
    for login, password in read_or_make_passwords(settings).items():
        say(f"  {login:<29} {password}")


def watch(settings: Settings, supervisor: subprocess.Popen) -> None:
    """Stay until supervisor ends, which it only does when somebody ended it from outside."""
    supervisor.wait()
    log = settings.var_dir / "log" / "supervisord.log"
    raise OperationError(
        "Le superviseur des processus a été arrêté de l’extérieur : tout est arrêté. Relancez « make run ». "
        f"Détail : {log}."
    )
