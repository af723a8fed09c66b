"""The Prefect server and worker of this machine.

`python -m flows.local up` and `down` are what `make up` and `make down` call.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flows import services
from flows.services import HOST
from seqtag.config import Settings
from seqtag.errors import SeqtagError
from seqtag.rundir import Home
from seqtag.steps import Place

CHECKOUT = Path(__file__).resolve().parent.parent


def up(home: Home, *, checkout: Path) -> tuple[str, list[str]]:
    """Have server, worker and the deployments of `checkout` running.

    Calling it again changes nothing that is right already.

    Returns:
        the server's address, and a line for each deployment or automation that was not there as it is now.

    Raises:
        ServiceError: one of them did not come up.
        ConfigError: prefect.yaml or a tagger's file is not what is required of it.
    """
    from flows.deploying import deploy  # which imports Prefect: `status` and `down` do without

    url = server(home)
    changes = deploy(checkout, api=f"{url}/api")
    if services.running(home, "worker") is None:
        environment = {
            **services.environment(home),
            "PREFECT_API_URL": f"{url}/api",
            "SEQTAG_CHECKOUT": str(checkout),
        }
        command = [sys.executable, "-m", "flows.worker"]
        services.start(home, "worker", command, environment=environment, cwd=checkout)
    return url, changes


def down(home: Home) -> list[str]:
    """Stop worker and server, the worker first; return the names of those that ran.

    Retrainings that were cut off begin again, where they stopped, when a worker is back.
    """
    stopped = ["worker"] if services.stop(home, "worker") else []
    running = services.running(home, "server")
    if stopped and running is not None and services.is_healthy(f"{running.url}/api"):
        from flows.late import hand_back

        hand_back(f"{running.url}/api")
    return [*stopped, *(["server"] if services.stop(home, "server") else [])]


def server(home: Home) -> str:
    """Return the address of this home's Prefect server, starting it if it does not run."""
    running = services.running(home, "server")
    if running is None:
        port = services.free_port()
        environment = {**services.environment(home), "PREFECT_SERVER_API_PORT": str(port)}
        environment.pop("PREFECT_API_URL", None)
        environment["PREFECT_UI_URL"] = f"http://{HOST}:{port}"
        command = [sys.executable, "-m", "prefect", "server", "start"]
        running = services.start(home, "server", command, environment=environment, cwd=home.root, port=port)
    services.await_health(home, running)
    return running.url


def main(arguments: list[str]) -> int:
    """Run `up`, `deploy`, `server`, `down` or `status`; return the exit code."""
    home = Place.of(Settings()).home
    match arguments:
        case ["up"]:
            url, changes = up(home, checkout=CHECKOUT)
            where = [f"Dashboard   {url}", f"Logs        {home.logs}", "Stop with   make down"]
            say("\n".join([*changes, *where]))
        case ["deploy"]:
            from flows.deploying import deploy

            changes = deploy(CHECKOUT, api=f"{server(home)}/api")
            say("\n".join(changes) or "Nothing differs from what is deployed.")
        case ["server"]:
            say(f"Dashboard   {server(home)}\nStop with   make down")
        case ["down"]:
            say("Stopped: " + (", ".join(down(home)) or "nothing was running"))
        case ["status"]:
            for name in ("server", "worker"):
                running = services.running(home, name)
                at = f"  {running.url}" if running and running.port else ""
                say(f"{name:7} " + (f"pid {running.pid}{at}" if running else "not running"))
        case _:
            say("Usage: python -m flows.local up | deploy | server | down | status")
            return 2
    return 0


def say(text: str) -> None:
    """Print for a person."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SeqtagError, OSError) as error:
        say(f"Error: {error}")
        sys.exit(1)
