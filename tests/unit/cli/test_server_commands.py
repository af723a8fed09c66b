import socket

import pytest

from seqtag.cli.server_commands import _bound
from seqtag.errors import ConfigError
from tests.http_servers import free_port


def test_the_socket_names_tcp_so_that_answers_are_sent_at_once() -> None:
    with _bound(free_port(), "") as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_a_port_at_which_a_server_listens_is_refused() -> None:
    with _bound(free_port(), "") as first:
        first.listen()
        with pytest.raises(ConfigError, match="cannot be used: Address already in use"):
            _bound(first.getsockname()[1], "stop the server that uses it")
