"""MLflow's model server on a version: `python -m seqtag.registry.model_server TAGGER VERSION PORT`.

The working directory is the home folder, and the registry's URL is in MLFLOW_TRACKING_URI.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from seqtag.config import HOST
from seqtag.registry.artifact_files import ArtifactFiles
from seqtag.run_dir import Home


def model_uri(url: str, home: Home, tagger: str, version: str) -> str:
    """Return the URI from which MLflow loads a version of the registry at `url`."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=url, registry_uri=url)
    location = client.get_model_version_download_uri(tagger, version)
    return ArtifactFiles.of(url, home.artifacts).consumers_uri(location, tagger, version)


if __name__ == "__main__":
    _, name, number, port = sys.argv
    uri = model_uri(os.environ["MLFLOW_TRACKING_URI"], Home(Path.cwd()), name, number)
    arguments = ["-m", uri, "--env-manager", "local", "--host", HOST, "--port", port]
    command = [sys.executable, "-m", "mlflow", "models", "serve", *arguments]
    os.execv(sys.executable, command)  # noqa: S606 - this program's own arguments
