from __future__ import annotations

import configparser
import os
import shlex
import signal
import socket
import stat
import time
from pathlib import Path

import psutil
import pytest
import yaml

from bot.errors import OperationError
from bot.operations import configuration, processes
from bot.settings import Settings


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come in time"
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def control(settings: Settings):
    """A running supervisor with `web` and `actions`."""
    programs = configuration.list_programs(settings, (configuration.WEB, configuration.ACTIONS))
    supervisor = processes.start_supervisor(settings, configuration.write_configuration(settings, programs))
    try:
        yield processes.wait_until_up(settings, supervisor)
    finally:
        processes.stop_supervisor(settings, supervisor)


def read_configuration(settings: Settings, **options) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(configuration.render_configuration(settings, configuration.list_programs(settings, **options)))
    return parser


def test_four_programs_are_configured_and_the_second_rasa_waits(settings):
    written = read_configuration(settings)

    started = {
        name: written.getboolean(f"program:{name}", "autostart") for name in ("web", "actions", "rasa-a", "rasa-b")
    }
    assert started == {"web": True, "actions": True, "rasa-a": True, "rasa-b": False}


def test_rasa_listens_on_loopback_without_its_api_and_without_telemetry(settings):
    written = read_configuration(settings)

    command = shlex.split(written["program:rasa-b"]["command"])
    assert command[command.index("--interface") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == str(settings.rasa_b_port)
    assert "--enable-api" not in command
    assert 'RASA_TELEMETRY_ENABLED="false"' in written["program:rasa-b"]["environment"]
    assert 'SANIC_REQUEST_MAX_SIZE="65536"' in written["program:rasa-b"]["environment"]


def test_rasa_is_told_where_the_actions_of_this_deployment_are(settings):
    configuration.write_configuration(settings, configuration.list_programs(settings))

    endpoints = yaml.safe_load(configuration.endpoints_path(settings).read_text(encoding="utf-8"))
    assert endpoints["action_endpoint"]["url"] == f"http://127.0.0.1:{settings.actions_port}/webhook"
    assert endpoints["tracker_store"]["db"] == str(settings.var_dir / "rasa-tracker.db")
    configuration.remove_socket(settings)


def test_logs_turn_over(settings):
    program = read_configuration(settings)["program:web"]

    assert program["stdout_logfile"] == "var/log/web.log"
    assert (program["stdout_logfile_maxbytes"], program["stdout_logfile_backups"]) == ("10MB", "5")


def test_a_short_path_keeps_the_socket_in_var():
    assert configuration.choose_socket_path(Path("/srv/assistent/var")) == Path(
        "/srv/assistent/var/supervisor/supervisor.sock"
    )


@pytest.mark.parametrize("name", ["a" * 120, "é" * 60])
def test_a_long_path_moves_the_socket_to_a_short_private_folder(tmp_path, name):
    var_dir = tmp_path / name / "var"

    path = configuration.choose_socket_path(var_dir, Path("/tmp"))

    assert path == configuration.choose_socket_path(var_dir, Path("/tmp"))
    assert path != configuration.choose_socket_path(tmp_path / name / "other", Path("/tmp"))
    assert len(os.fsencode(path)) <= configuration.SOCKET_PATH_LONGEST


def test_the_socket_folder_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "socket"
    folder.mkdir(mode=0o777)

    configuration.make_private_folder(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_socket_folder_laid_as_a_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(OperationError, match="n’est pas à vous"):
        configuration.make_private_folder(tmp_path / "link")


def test_a_percent_sign_survives(settings):
    program = configuration.Program("web", ("run", "100% école"))

    assert "100%% école" in configuration.render_configuration(settings, [program])


def test_what_supervisor_cannot_read_is_refused_with_a_sentence(settings):
    program = configuration.Program("web", ("run", "essai ;2"))

    with pytest.raises(OperationError, match="Renommez le dossier"):
        configuration.render_configuration(settings, [program])


def test_without_supervisor_the_control_says_so(settings):
    control = processes.Control.of(settings)

    assert not control.is_up()
    with pytest.raises(OperationError, match="make run"):
        control.start(configuration.WEB)


def test_programs_are_started_stopped_and_restarted_through_the_socket(settings, control):
    wait_for(lambda: listens(settings.port))
    assert control.list_states()["rasa-a"].state == "STOPPED"

    control.start(configuration.RASA_A)
    control.start(configuration.RASA_A)  # asked twice: nothing more
    wait_for(lambda: listens(settings.rasa_port))

    before = control.list_states()["rasa-a"].pid
    control.restart(configuration.RASA_A)
    wait_for(lambda: listens(settings.rasa_port))
    assert control.list_states()["rasa-a"].pid != before

    control.stop(configuration.RASA_A)
    control.stop(configuration.RASA_A)
    assert control.list_states()["rasa-a"].state == "STOPPED"
    assert not listens(settings.rasa_port)


def test_an_unknown_program_is_told(control):
    with pytest.raises(OperationError, match="pas de processus nommé nobody"):
        control.start("nobody")


def test_a_killed_program_comes_back_by_itself(settings, control):
    wait_for(lambda: listens(settings.port) and control.list_states()["web"].state == "RUNNING")
    before = control.list_states()["web"].pid

    os.kill(before, signal.SIGKILL)

    wait_for(lambda: control.list_states()["web"].pid not in (before, None) and listens(settings.port))


def test_the_end_of_supervisor_is_the_end_of_all(settings):
    programs = configuration.list_programs(settings, (configuration.WEB, configuration.ACTIONS))
    supervisor = processes.start_supervisor(settings, configuration.write_configuration(settings, programs))
    processes.wait_until_up(settings, supervisor)
    wait_for(lambda: listens(settings.port) and listens(settings.actions_port))
    children = psutil.Process(supervisor.pid).children(recursive=True)

    processes.stop_supervisor(settings, supervisor)

    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=5)[1]
    assert not listens(settings.port)


def test_a_supervisor_that_cannot_start_is_told_with_its_last_words(settings):
    path = configuration.write_configuration(settings, configuration.list_programs(settings))
    path.write_text("[supervisord]\nminfds=nonsense\n", encoding="utf-8")
    supervisor = processes.start_supervisor(settings, path)

    with pytest.raises(OperationError, match="nonsense"):
        processes.wait_until_up(settings, supervisor)
    processes.stop_supervisor(settings, supervisor)
