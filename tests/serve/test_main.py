from __future__ import annotations

import pytest

import specformer as sf
from specformer import __main__ as command_line
from specformer.serve import __main__ as serve


def test_the_page_is_for_this_machine_alone_unless_told_otherwise():
    flags = serve.flags(serve._parser().parse_args([]))
    assert "--server.address=127.0.0.1" in flags
    assert f"--server.maxUploadSize={sf.settings.max_upload_mb}" in flags
    assert "--browser.gatherUsageStats=false" in flags


@pytest.mark.parametrize("command", list(command_line.NEEDS))
def test_without_its_library_the_extra_is_named(monkeypatch, command):
    monkeypatch.setattr(command_line, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=rf'pip install "specformer\[{command}\]"'):
        command_line.main([command])


def test_commands_are_listed_and_found(capsys):
    command_line.main(["--help"])
    said = capsys.readouterr().out
    for name in command_line.COMMANDS:
        assert name in said
        with pytest.raises(SystemExit) as stopped:
            command_line.main([name, "--help"])
        assert stopped.value.code == 0


def test_version(capsys):
    command_line.main(["--version"])
    assert capsys.readouterr().out.strip() == sf.__version__


def test_an_unknown_command_is_named():
    with pytest.raises(SystemExit, match="no command 'dance'"):
        command_line.main(["dance"])
