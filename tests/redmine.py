"""A private Redmine for the tests: Debian's package, a SQLite file and a folder of its own, on loopback, gone at the end.

The program is copied, for Debian's Redmine keeps its settings and database where only root writes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require

_INSTALLED = Path("/usr/share/redmine")
PACKAGES = "redmine redmine-sqlite puma"

# Who calls its API: our account, an agent of the team, and an account that the workflow allows nothing.
PREPARE = """
namespace :assistent do
  task :prepare => :environment do
    Setting.rest_api_enabled = '1'
    project = Project.create!(:name => 'ENT', :identifier => 'ent', :is_public => false)
    project.trackers = Tracker.all.to_a
    bound = Role.create!(:name => 'Sans changement', :permissions => [:view_issues, :add_issues, :edit_issues, :add_issue_notes])
    manager = Role.givable.first
    {'assistent' => manager, 'agent' => manager, 'bound' => bound}.each do |login, role|
      user = User.new(:firstname => login, :lastname => 'Essai', :mail => "#{login}@ent.example")
      user.login = login
      user.password = 'un mot de passe'
      user.status = User::STATUS_ACTIVE
      user.save!
      Member.create!(:project => project, :principal => user, :roles => [role])
      Token.create!(:user => user, :action => 'api').update_column(:value, "#{login}key")
    end
  end
end
"""

DATABASE = """
production:
  adapter: sqlite3
  database: {path}
  timeout: 10000
"""


@dataclass(frozen=True)
class Redmine:
    """A running private Redmine."""

    address: str


@contextmanager
def run_redmine(folder: Path) -> Iterator[Redmine]:
    """Prepare a Redmine in a folder and serve it; skip, with the reason, where it is not installed."""
    present = (_INSTALLED / "config.ru").is_file() and shutil.which("puma") and shutil.which("bundle")
    require(present, f"Redmine est absent (sur Debian : apt-get install {PACKAGES}).")
    home = folder / "redmine"
    _copy(home)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "RAILS_ENV": "production",
        "REDMINE_INSTANCE": "default", "REDMINE_LANG": "fr", "SCHEMA": "/dev/null", "BUNDLE_GEMFILE": str(home / "Gemfile"),
    }  # fmt: skip
    _run(["bundle", "lock", "--local"], home, environment)
    _run(["bundle", "exec", "rake", "db:migrate"], home, environment)
    # Another process: Redmine remembers the tables as they were when it began.
    _run(["bundle", "exec", "rake", "redmine:load_default_data", "assistent:prepare"], home, environment)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["puma", "-q", "-e", "production", "-t", "1:4", "-b", f"tcp://127.0.0.1:{port}"]
    with (folder / "puma.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}", server, folder / "puma.log")
            yield Redmine(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(20)


def _copy(home: Path) -> None:
    shutil.copytree(
        _INSTALLED, home, symlinks=True, ignore=shutil.ignore_patterns("instances", "Gemfile.lock", "database.yml")
    )
    own = home / "instances" / "default"
    for name in ("config", "log", "tmp", "files", "public/plugin_assets"):
        (own / name).mkdir(parents=True)
    settings = DATABASE.format(path=home / "redmine.db")
    (own / "config" / "database.yml").write_text(settings, encoding="utf-8")
    (own / "config" / "secret_key.txt").write_text("0" * 64, encoding="ascii")
    (home / "lib" / "tasks" / "assistent.rake").write_text(PREPARE, encoding="utf-8")
    gemfile = home / "Gemfile"
    # It looks for the databases' drivers to load in the settings of the installed one.
    gemfile.write_text(gemfile.read_text(encoding="utf-8").replace(str(_INSTALLED), str(home)), encoding="utf-8")


def _run(command: list[str], home: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[:2_000]}")


def _wait(address: str, server: subprocess.Popen, log: Path) -> None:
    asked = urllib.request.Request(f"{address}/issues.json", headers={"X-Redmine-API-Key": "assistentkey"})
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(asked, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise RuntimeError(f"Redmine did not start: {log.read_text(errors='replace')[-2_000:]}")
