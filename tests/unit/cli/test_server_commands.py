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


def test_the_host_is_an_address_of_this_machine() -> None:
    with _bound(0, "") as default, _bound(0, "", host="0.0.0.0") as everywhere:  # noqa: S104 - closed at once
        assert default.getsockname()[0] == "127.0.0.1"
        assert everywhere.getsockname()[0] == "0.0.0.0"  # noqa: S104
    with pytest.raises(ConfigError, match=r"host nowhere\.invalid is unknown: expected an address of this"):
        _bound(0, "", host="nowhere.invalid")
    with pytest.raises(ConfigError, match="cannot be used: Cannot assign requested address"):
        _bound(0, "", host="192.0.2.1")
