#!/usr/bin/env python3
"""Make the two environments that AssistENT runs in, and say in French what is done and what is missing.

    python3 tools/bootstrap.py          .venv (web, actions) and .venv-rasa (Rasa), for running
    python3 tools/bootstrap.py --dev    the same, with what the tests and the linters use

Standard library only, valid on Python 3.8: this is the one file that runs before anything is installed. It finds uv or
installs it in .tools/, finds the Pythons (3.10 for Rasa, 3.11 or later for the rest) or has uv fetch them, and fills
each environment from its lock file, hashes checked. An environment whose lock has not changed is left alone: the
second call costs a few file reads.

Variables: ASSISTENT_PYTHON310 and ASSISTENT_PYTHON311 name an interpreter where the search does not find one.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Both environments take 3.2 GB; the rest is room for a model, the logs and the packages while they are unpacked.
DISK_NEEDED = 4 * 10**9

# Rasa 3.6 does not install on anything else.
RASA_PYTHON = ((3, 10),)

# The first one found is taken. The lock file fits all of them; 3.11 is the one that every test was run on.
WEB_PYTHON = ((3, 11), (3, 12), (3, 13))

# Before 0.4, uv lacks an option used here.
UV_OLDEST = (0, 4, 0)

# Standard modules that a Python built from source may lack, and that the packages import.
MODULES_NEEDED = ("bz2", "ctypes", "lzma", "sqlite3", "ssl", "venv", "zlib")

PROBE = """
import importlib, json, sys
missing = []
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        missing.append(name)
print(json.dumps([list(sys.version_info[:2]), sys.executable, missing]))
"""

# Where Debian and Red Hat, and what derives from them, keep the authorities that the machine trusts.
SYSTEM_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")

HEARTBEAT_SECONDS = 5


class SetupError(Exception):
    """The set-up cannot go on; the message is a French sentence that says what to do."""


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)


class Layout:
    """Where things are under the project's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / ".tools"
        self.uv = self.tools / "uv"
        self.pythons = self.tools / "python"
        self.logs = self.tools / "log"
        self.requirements = root / "requirements"
        self.tests = root / "tests"


# --- Running what is not ours ---------------------------------------------------------------------------------------


def clean_environment() -> dict[str, str]:
    """Return the environment for child programs, without what would send them to another Python."""
    environment = dict(os.environ)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT"):
        environment.pop(name, None)
    # A network with its own package server has usually told pip about it: uv is told the same.
    if "PIP_INDEX_URL" in environment and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & environment.keys():
        environment["UV_DEFAULT_INDEX"] = environment["PIP_INDEX_URL"]
    if "PIP_CERT" in environment and "SSL_CERT_FILE" not in environment:
        environment["SSL_CERT_FILE"] = environment["PIP_CERT"]
    # A network that inspects what is encrypted has its authority in the system's list, which uv and npm do not read.
    bundle = next((path for path in SYSTEM_AUTHORITIES if Path(path).is_file()), None)
    if bundle:
        environment.setdefault("UV_SYSTEM_CERTS", "1")
        environment.setdefault("UV_NATIVE_TLS", "1")  # the same, for a uv that knows the older name
        environment.setdefault("NODE_EXTRA_CA_CERTS", bundle)
    environment["UV_PYTHON_DOWNLOADS"] = "manual"
    environment["UV_NO_PROGRESS"] = "1"
    return environment


def answer_of(command: list[str], timeout: float = 20) -> str | None:
    """Return what a short command prints, or None when it cannot be run or fails."""
    try:
        done = subprocess.run(
            command,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


class Failed(Exception):
    """A long command ended badly; `output` is all that it wrote."""

    def __init__(self, output: str) -> None:
        super().__init__("command failed")
        self.output = output


def run_with_progress(command: list[str], log: Path, extra: dict[str, str] | None = None) -> None:
    """Run a long command, its output kept in `log`; print what moves, and the elapsed time while nothing does."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = clean_environment()
    environment.update(extra or {})
    started = time.monotonic()
    spoken = [started]
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.5):
            now = time.monotonic()
            if now - spoken[0] >= HEARTBEAT_SECONDS:
                spoken[0] = now
                say(f"      … {now - started:.0f} s")

    lines = []
    heart = threading.Thread(target=beat, daemon=True)
    with log.open("w", encoding="utf-8") as kept, subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        heart.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                kept.write(line)
                lines.append(line)
                sentence = translate_progress(line)
                if sentence:
                    spoken[0] = time.monotonic()
                    say("      " + sentence)
            status = process.wait()
        finally:
            over.set()
            heart.join()
            if process.poll() is None:
                process.terminate()
    if status:
        raise Failed("".join(lines))


def translate_progress(line: str) -> str | None:
    """Turn a line of uv's into a French one, or None when it says nothing to the person who waits."""
    found = re.match(r"\s*Downloading (\S+) \(([\d.]+)\s?([KMG])iB\)", line)
    if found:
        unit = {"K": "ko", "M": "Mo", "G": "Go"}[found.group(3)]
        return f"téléchargement de {found.group(1)} ({float(found.group(2)):.0f} {unit})"
    found = re.match(r"\s*Prepared (\d+) packages?", line)
    if found:
        return f"{found.group(1)} bibliothèques téléchargées et vérifiées"
    found = re.match(r"\s*Installed (\d+) packages?", line)
    if found:
        return f"{found.group(1)} bibliothèques installées"
    return None


NETWORK_WORDS = re.compile(
    r"error sending request|dns error|failed to lookup|connection (refused|reset|timed out)|timed out|tls|certificate|"
    r"failed to (fetch|download)|network|proxy|temporary failure in name|max retries|no route to host|request failed|"
    r"could not find a version|no matching distribution",
    re.IGNORECASE,
)


def explain_failure(output: str, what: str, log: Path) -> str:
    """Turn the output of a failed install into one French sentence that says what to do."""
    tail = f" Détail : {log}."
    lowered = output.lower()
    if "no space left on device" in lowered or "disk quota exceeded" in lowered:
        return f"{what} : le disque est plein. Libérez au moins 4 Go, puis relancez la même commande.{tail}"
    if "hash mismatch" in lowered or "do not match the hashes" in lowered:
        return (
            f"{what} : un paquet reçu n’est pas celui qui était attendu (empreinte différente). Rien n’a été installé. "
            f"Relancez la même commande ; si cela se répète, prévenez la personne qui gère votre réseau.{tail}"
        )
    if "permission denied" in lowered or "operation not permitted" in lowered:
        return (
            f"{what} : l’écriture a été refusée. Vérifiez que le dossier du projet est à vous, "
            f"puis relancez la même commande.{tail}"
        )
    if NETWORK_WORDS.search(output):
        return (
            f"{what} : le réseau l’a refusé. Vérifiez la connexion. Si votre réseau passe par un serveur mandataire, "
            "indiquez-le dans HTTPS_PROXY ; s’il a son propre dépôt de paquets Python, indiquez-le dans "
            f"UV_DEFAULT_INDEX. Puis relancez la même commande : ce qui est déjà reçu est gardé.{tail}"
        )
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "aucun message")
    return f"{what} : échec ({last[:200]}). Relancez la même commande.{tail}"


# --- uv -------------------------------------------------------------------------------------------------------------


def find_uv(layout: Layout) -> str | None:
    """Return a uv that runs: the project's own, else one on the PATH (a dead pyenv shim is passed over)."""
    candidates = [layout.uv / "bin" / "uv"]
    candidates += [Path(folder) / "uv" for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for candidate in candidates:
        if candidate.is_file() and os.access(str(candidate), os.X_OK):
            version = re.match(r"uv (\d+)\.(\d+)\.(\d+)", answer_of([str(candidate), "--version"]) or "")
            if version and tuple(map(int, version.groups())) >= UV_OLDEST:
                return str(candidate)
    return None


NO_INSTALLER = (
    "Le Python de cette machine ({}) n’a ni venv ni pip. Installez l’un des deux "
    "(sur Debian ou Ubuntu : sudo apt-get install python3-venv), puis relancez la même commande."
)


def install_uv(layout: Layout) -> str:
    """Install uv in .tools/uv with the Python that runs this file, by venv or else by pip alone."""
    say("  uv (l’installateur de bibliothèques) est absent : installation dans .tools/")
    log = layout.logs / "uv.log"
    lock = str(layout.requirements / "tools.lock")
    shutil.rmtree(str(layout.uv), ignore_errors=True)
    pip = ["-m", "pip", "--disable-pip-version-check", "install", "--require-hashes", "--no-deps", "-r", lock]
    what = "L’installation de uv"
    has_pip = answer_of([sys.executable, "-m", "pip", "--version"]) is not None
    try:
        if answer_of([sys.executable, "-c", "import ensurepip, venv"]) is not None:
            try:
                run_with_progress([sys.executable, "-m", "venv", str(layout.uv)], log)
            except Failed:  # Debian's Python without python3-venv: the modules are there, what they install is not
                if not has_pip:
                    raise SetupError(NO_INSTALLER.format(sys.executable)) from None
                shutil.rmtree(str(layout.uv), ignore_errors=True)
        elif not has_pip:
            raise SetupError(NO_INSTALLER.format(sys.executable))
        own = layout.uv / "bin" / "python"
        if own.exists():
            run_with_progress([str(own), *pip], log)
        else:
            run_with_progress([sys.executable, *pip, "--target", str(layout.uv)], log)
    except Failed as failure:
        raise SetupError(explain_failure(failure.output, what, log)) from failure
    found = find_uv(layout)
    if found is None:
        raise SetupError(f"{what} n’a pas donné de programme utilisable. Supprimez le dossier .tools et relancez.")
    return found


# --- Pythons --------------------------------------------------------------------------------------------------------


class Python:
    """An interpreter that was tried: its version, its real path, the standard modules that it lacks."""

    def __init__(self, version: tuple[int, int], path: str, missing: list[str]) -> None:
        self.version = version
        self.path = path
        self.missing = missing


def probe_python(path: str) -> Python | None:
    """Run an interpreter and return what it is, or None when it does not run (a pyenv shim with no version active)."""
    answer = answer_of([path, "-c", PROBE.format(modules=MODULES_NEEDED)])
    if not answer:
        return None
    try:
        version, executable, missing = json.loads(answer.splitlines()[-1])
    except ValueError:
        return None
    return Python((version[0], version[1]), executable, missing)


def candidate_pythons(layout: Layout, version: tuple[int, int]) -> list[str]:
    """List the places where a Python of `version` may be, the likeliest first; none of them is run."""
    name = f"python{version[0]}.{version[1]}"
    chosen = os.environ.get(f"ASSISTENT_PYTHON{version[0]}{version[1]}")
    candidates = [chosen] if chosen else []
    if sys.version_info[:2] == version:
        candidates.append(sys.executable)
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [Path("/usr/local/bin"), Path("/usr/bin"), Path("/opt/homebrew/bin")]
    candidates += [str(folder / name) for folder in folders]
    homes = [Path(os.environ["PYENV_ROOT"])] if os.environ.get("PYENV_ROOT") else []
    with contextlib.suppress(RuntimeError):  # no home folder
        homes.append(Path.home() / ".pyenv")
    versions = [layout.pythons, *(home / "versions" for home in homes)]
    for folder in versions:
        for found in sorted(folder.glob(f"*{version[0]}.{version[1]}*/bin/{name}"), reverse=True):
            candidates.append(str(found))
    unique = dict.fromkeys(candidates)
    return [path for path in unique if Path(path).is_file() and os.access(path, os.X_OK)]


def find_python(layout: Layout, uv: str, versions: tuple[tuple[int, int], ...]) -> Python | None:
    """Return the first complete Python of one of `versions`, asking uv for those that it knows of."""
    for version in versions:
        for path in candidate_pythons(layout, version):
            python = probe_python(path)
            if python and python.version == version:
                if not python.missing:
                    return python
                say(f"  {path} est laissé de côté : il lui manque {', '.join(python.missing)}")
    for version in versions:
        path = answer_of([uv, "python", "find", "--no-project", "--managed-python", f"{version[0]}.{version[1]}"])
        python = probe_python(path) if path else None
        if python and python.version == version and not python.missing:
            return python
    return None


def fetch_python(layout: Layout, uv: str, version: tuple[int, int]) -> Python:
    """Have uv download a Python into .tools/python."""
    name = f"{version[0]}.{version[1]}"
    say(f"  Python {name} est absent de la machine : téléchargement dans .tools/")
    log = layout.logs / f"python-{name}.log"
    try:
        run_with_progress([uv, "python", "install", name], log, {"UV_PYTHON_INSTALL_DIR": str(layout.pythons)})
    except Failed as failure:
        raise SetupError(
            f"Python {name} n’est pas sur cette machine et n’a pas pu être téléchargé. Installez-le "
            f"(paquet python{name} du système, ou « pyenv install {name} »), puis relancez la même commande. "
            f"S’il est déjà là, indiquez son chemin dans ASSISTENT_PYTHON{version[0]}{version[1]}. Détail : {log}."
        ) from failure
    for path in candidate_pythons(layout, version):
        python = probe_python(path)
        if python and python.version == version and not python.missing:
            return python
    raise SetupError(f"Python {name} a été téléchargé mais ne s’exécute pas ici. Détail : {log}.")


# --- Environments ---------------------------------------------------------------------------------------------------


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Environment:
    """One virtual environment and the lock file that fills it."""

    def __init__(self, layout: Layout, folder: str, title: str, locks: tuple[str, ...], pythons) -> None:
        self.layout = layout
        self.path = layout.root / folder
        self.title = title
        self.locks = locks  # the first is wanted; a later one holds all of the first, and is good as well
        self.pythons = pythons

    @property
    def stamp_path(self) -> Path:
        """The file that says what the environment was filled from."""
        return self.path / "assistent.json"

    def stamp(self, lock: str) -> dict[str, str]:
        """What the stamp says when the environment holds `lock` as it is now."""
        return {"lock": lock, "sha256": hash_file(self.layout.requirements / lock), "root": str(self.layout.root)}

    def read_stamp(self) -> dict[str, str]:
        """Return the stamp, empty when there is none that can be read."""
        try:
            content = json.loads(self.stamp_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def is_current(self) -> bool:
        """Tell whether the environment holds what its lock says, without running anything."""
        stamp = self.read_stamp()
        return (
            stamp.get("lock") in self.locks
            and (self.path / "bin" / "python").exists()
            and stamp == self.stamp(stamp["lock"])
        )

    def fill(self, uv: str) -> None:
        """Create the environment if it is missing or broken, then install what its lock says, no more and no less."""
        stamp = self.read_stamp()
        lock = stamp["lock"] if stamp.get("lock") in self.locks else self.locks[0]
        python = str(self.path / "bin" / "python")
        probed = probe_python(python) if Path(python).exists() else None
        usable = probed is not None and probed.version in self.pythons and stamp.get("root") == str(self.layout.root)
        with contextlib.suppress(FileNotFoundError):
            self.stamp_path.unlink()
        log = self.layout.logs / f"{self.path.name.lstrip('.')}.log"
        what = f"L’installation de {self.title}"
        try:
            if not usable:
                base = find_python(self.layout, uv, self.pythons) or fetch_python(self.layout, uv, self.pythons[0])
                say(f"  {self.path.name} : {self.title}, Python {base.version[0]}.{base.version[1]} ({base.path})")
                if self.path.exists():
                    shutil.rmtree(str(self.path))
                run_with_progress([uv, "venv", "--no-project", "--python", base.path, str(self.path)], log)
            else:
                say(f"  {self.path.name} : mise à jour de {self.title}")
            source = str(self.layout.requirements / lock)
            run_with_progress([uv, "pip", "sync", "--require-hashes", "--python", python, source], log)
        except Failed as failure:
            raise SetupError(explain_failure(failure.output, what, log)) from failure
        self.stamp_path.write_text(json.dumps(self.stamp(lock), indent=1) + "\n", encoding="utf-8")


def list_environments(layout: Layout, dev: bool) -> list[Environment]:
    """The two environments, the first with the tests' packages when `dev` is true."""
    web_locks = ("dev.lock",) if dev else ("web.lock", "dev.lock")
    return [
        Environment(layout, ".venv", "la partie web", web_locks, WEB_PYTHON),
        Environment(layout, ".venv-rasa", "Rasa", ("rasa.lock",), RASA_PYTHON),
    ]


def check_disk(folder: Path, needed: int = DISK_NEEDED) -> None:
    """Refuse to start an installation that would fill the disk that holds `folder`."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(str(folder)).free
    if free < needed:
        raise SetupError(
            f"Il reste {free / 1e9:.1f} Go sur le disque de {folder} : l’installation en demande {needed / 1e9:.0f}. "
            "Libérez de la place, puis relancez la même commande."
        )


# What the tests take from npm: a folder of tests/, what it holds, what it is for.
NODE_TOOLS = (
    ("browser", "axe-core", "les essais d’accessibilité"),
    ("identity", "oidc-provider", "les essais de connexion par OpenID Connect"),
)


def install_node_tools(layout: Layout, name: str, package: str, tests: str) -> None:
    """Install what a folder of tests takes from npm; without npm those tests say that they are passed over."""
    folder = layout.tests / name
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules" / ".assistent"
    if not lock.exists() or (stamp.exists() and stamp.read_text(encoding="utf-8") == hash_file(lock)):
        return
    npm = shutil.which("npm")
    if npm is None:
        say(f"  npm est absent : {tests} ne se feront pas (sur Debian : apt-get install npm)")
        return
    say(f"  {package}, pour {tests}")
    log = layout.logs / "npm.log"
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    try:
        run_with_progress(command, log)
    except Failed as failure:
        sentence = explain_failure(failure.output, f"L’installation de {package}", log)
        if os.environ.get("CI"):
            raise SetupError(sentence) from failure
        say(f"  {sentence} Les autres essais se font.")
        return
    stamp.write_text(hash_file(lock), encoding="utf-8")


@contextlib.contextmanager
def one_at_a_time(layout: Layout):
    """Keep two set-ups of the same folder from writing over each other."""
    import fcntl

    try:
        layout.tools.mkdir(exist_ok=True)
        lock = (layout.tools / "lock").open("w")
    except OSError as error:
        raise SetupError(
            f"Le dossier {layout.root} n’est pas inscriptible ({error.strerror}). "
            "Vérifiez qu’il est à vous et que le disque n’est pas plein, puis relancez la même commande."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  Une autre installation est en cours dans ce dossier : attente de sa fin")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(layout: Layout, dev: bool) -> None:
    """Bring both environments to what the lock files say."""
    environments = list_environments(layout, dev)
    if all(environment.is_current() for environment in environments):
        if dev:
            for tools in NODE_TOOLS:
                install_node_tools(layout, *tools)
        return
    with one_at_a_time(layout):
        pending = [environment for environment in environments if not environment.is_current()]
        if pending:
            started = time.monotonic()
            say("Préparation des environnements (une seule fois : 3 Go, quelques minutes selon le réseau)")
            kind = f"{platform.system()} {platform.machine()}"
            if kind != "Linux x86_64":
                say(f"  Attention : AssistENT n’a été essayé que sur Linux x86_64, pas sur {kind}.")
            check_disk(layout.root)
            uv = find_uv(layout) or install_uv(layout)
            cache = answer_of([uv, "cache", "dir"])  # where uv unpacks what it downloads, maybe on another disk
            if cache:
                check_disk(Path(cache))
            for environment in pending:
                environment.fill(uv)
            say(f"Environnements prêts en {time.monotonic() - started:.0f} s.")
        if dev:
            for tools in NODE_TOOLS:
                install_node_tools(layout, *tools)


def main(arguments: list[str] | None = None) -> int:
    """Run the set-up; return 0, or 1 after a sentence on what is missing."""
    parser = argparse.ArgumentParser(description="Prépare les environnements d’AssistENT.")
    parser.add_argument("--dev", action="store_true", help="avec ce qu’utilisent les essais")
    options = parser.parse_args(arguments)
    try:
        set_up(Layout(ROOT), dev=options.dev)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nL’installation s’est arrêtée : {error}. Corrigez, puis relancez la même commande.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInstallation interrompue. La même commande la reprendra où elle en est.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
