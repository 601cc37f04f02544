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

from bot.errors import OperationError
from bot.operations import processes
from bot.settings import Settings


def wait_for(condition, seconds: float = 10) -> None:
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
    programs = processes.list_programs(settings, (processes.WEB, processes.ACTIONS))
    supervisor = processes.start_supervisor(settings, processes.write_configuration(settings, programs))
    try:
        yield processes.wait_until_up(settings, supervisor)
    finally:
        processes.stop_supervisor(settings, supervisor)


def read_configuration(settings: Settings, **options) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(processes.render_configuration(settings, processes.list_programs(settings, **options)))
    return parser


def test_four_programs_are_configured_and_the_second_rasa_waits(settings):
    configuration = read_configuration(settings)

    started = {
        name: configuration.getboolean(f"program:{name}", "autostart")
        for name in ("web", "actions", "rasa-a", "rasa-b")
    }
    assert started == {"web": True, "actions": True, "rasa-a": True, "rasa-b": False}


def test_rasa_listens_on_loopback_without_its_api_and_without_telemetry(settings):
    configuration = read_configuration(settings)

    command = shlex.split(configuration["program:rasa-b"]["command"])
    assert command[command.index("--interface") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == str(settings.rasa_b_port)
    assert "--enable-api" not in command
    assert 'RASA_TELEMETRY_ENABLED="false"' in configuration["program:rasa-b"]["environment"]
    assert 'SANIC_REQUEST_MAX_SIZE="65536"' in configuration["program:rasa-b"]["environment"]


def test_logs_turn_over(settings):
    program = read_configuration(settings)["program:web"]

    assert program["stdout_logfile"] == "var/log/web.log"
    assert (program["stdout_logfile_maxbytes"], program["stdout_logfile_backups"]) == ("10MB", "5")


def test_a_short_path_keeps_the_socket_in_var():
    assert processes.choose_socket_path(Path("/srv/assistent/var")) == Path(
        "/srv/assistent/var/supervisor/supervisor.sock"
    )


@pytest.mark.parametrize("name", ["a" * 120, "é" * 60])
def test_a_long_path_moves_the_socket_to_a_short_private_folder(tmp_path, name):
    var_dir = tmp_path / name / "var"

    path = processes.choose_socket_path(var_dir, Path("/tmp"))

    assert path == processes.choose_socket_path(var_dir, Path("/tmp"))
    assert path != processes.choose_socket_path(tmp_path / name / "other", Path("/tmp"))
    assert len(os.fsencode(path)) <= processes.SOCKET_PATH_LONGEST


def test_the_socket_folder_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "socket"
    folder.mkdir(mode=0o777)

    processes.make_private_folder(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_socket_folder_laid_as_a_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(OperationError, match="n’est pas à vous"):
        processes.make_private_folder(tmp_path / "link")


def test_a_percent_sign_survives(settings):
    program = processes.Program("web", ("run", "100% école"))

    assert "100%% école" in processes.render_configuration(settings, [program])


def test_what_supervisor_cannot_read_is_refused_with_a_sentence(settings):
    program = processes.Program("web", ("run", "essai ;2"))

    with pytest.raises(OperationError, match="Renommez le dossier"):
        processes.render_configuration(settings, [program])


def test_without_supervisor_the_control_says_so(settings):
    control = processes.Control.of(settings)

    assert not control.is_up()
    with pytest.raises(OperationError, match="make run"):
        control.start(processes.WEB)


def test_programs_are_started_stopped_and_restarted_through_the_socket(settings, control):
    wait_for(lambda: listens(settings.port))
    assert control.list_states()["rasa-a"].state == "STOPPED"

    control.start(processes.RASA_A)
    control.start(processes.RASA_A)  # asked twice: nothing more
    wait_for(lambda: listens(settings.rasa_port))

    before = control.list_states()["rasa-a"].pid
    control.restart(processes.RASA_A)
    wait_for(lambda: listens(settings.rasa_port))
    assert control.list_states()["rasa-a"].pid != before

    control.stop(processes.RASA_A)
    control.stop(processes.RASA_A)
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
    programs = processes.list_programs(settings, (processes.WEB, processes.ACTIONS))
    supervisor = processes.start_supervisor(settings, processes.write_configuration(settings, programs))
    processes.wait_until_up(settings, supervisor)
    wait_for(lambda: listens(settings.port) and listens(settings.actions_port))
    children = psutil.Process(supervisor.pid).children(recursive=True)

    processes.stop_supervisor(settings, supervisor)

    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=5)[1]
    assert not listens(settings.port)


def test_a_supervisor_that_cannot_start_is_told_with_its_last_words(settings):
    configuration = processes.write_configuration(settings, processes.list_programs(settings))
    configuration.write_text("[supervisord]\nminfds=nonsense\n", encoding="utf-8")
    supervisor = processes.start_supervisor(settings, configuration)

    with pytest.raises(OperationError, match="nonsense"):
        processes.wait_until_up(settings, supervisor)
    processes.stop_supervisor(settings, supervisor)
