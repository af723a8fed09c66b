"""Model server that follows the registry: MLflow's scoring app, replaced when the champion changes."""

from seqtag.serving.gateway import Limits
from seqtag.serving.model_server import ServerOptions, serve_tagger

__all__ = ["Limits", "ServerOptions", "serve_tagger"]
