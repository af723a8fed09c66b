"""A flow run in the process of a command."""

import logging

from prefect.logging.handlers import PrefectConsoleHandler

from flows.run_local import hooks_left_out


def test_lines_about_hooks_are_left_out_of_the_terminal_only_while_the_flow_runs() -> None:
    def shown(message: str) -> bool:
        record = logging.LogRecord("prefect.flow_runs", logging.INFO, "", 1, message, None, None)
        (console,) = (
            each for each in logging.getLogger().handlers if isinstance(each, PrefectConsoleHandler)
        )
        return bool(console.filter(record))

    about_hook = "Running hook 'record_end' in response to entering state 'Promoted'"
    with hooks_left_out():
        assert not shown(about_hook)
        assert not shown("Hook 'record_end' finished running successfully")
        assert shown("train: 9.4 s")
    assert shown(about_hook)
