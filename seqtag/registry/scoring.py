"""A version loaded into this process by MLflow, and MLflow's scoring app for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.pyfunc import PyFuncModel
    from starlette.types import ASGIApp

Predict: TypeAlias = "Callable[[pd.DataFrame], pd.DataFrame]"
MAX_TOKENS = 10_000  # of a sequence over HTTP: the longest that smoke tests try


class ScoringModel:
    """A version that MLflow has loaded.

    Args:
        url: the registry.
        uri: from which consumers load the version.
    """

    def __init__(self, url: str, uri: str) -> None:
        import mlflow.pyfunc

        mlflow.set_tracking_uri(url)
        mlflow.set_registry_uri(url)
        self._model: PyFuncModel = mlflow.pyfunc.load_model(uri)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `tags`, `confidence` and `span_confidence` for the `tokens` of each row.

        Raises:
            MlflowException: the frame does not fit the model's signature.
            ValueError: a row is invalid.
        """
        return cast("pd.DataFrame", self._model.predict(frame))

    def app(self, predict: Predict) -> ASGIApp:
        """Return MLflow's scoring app, with `/invocations`, `/health`, `/ping` and `/version`.

        Args:
            predict: answers requests in place of `self.predict`, which it calls.
        """
        from mlflow.pyfunc import scoring_server

        # It logs a hint that does not apply for each request that it refuses (mlflow 3.17).
        logging.getLogger(scoring_server.__name__).setLevel(logging.ERROR)
        app: ASGIApp = scoring_server.init(_Answering(self._model.metadata, predict))  # type: ignore[arg-type]
        return app


class _Answering:
    """Model as MLflow's scoring app calls it; errors become short answers with their statuses."""

    def __init__(self, metadata: Any, predict: Predict) -> None:
        self.metadata = metadata
        self._predict = predict

    def predict(self, data: pd.DataFrame) -> pd.DataFrame:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import BAD_REQUEST, INTERNAL_ERROR

        try:
            _check_lengths(data)
            return self._predict(data)
        except MlflowException:
            raise
        except (ValueError, TypeError, KeyError) as error:  # of a row
            raise MlflowException(str(error), error_code=BAD_REQUEST) from error
        except Exception as error:  # without its stack, which is not the client's business
            raise MlflowException(type(error).__name__, error_code=INTERNAL_ERROR) from error


def _check_lengths(data: Any) -> None:
    sequences = data["tokens"] if hasattr(data, "columns") and "tokens" in data.columns else ()
    for row, tokens in enumerate(sequences):
        if hasattr(tokens, "__len__") and not isinstance(tokens, str) and len(tokens) > MAX_TOKENS:
            raise ValueError(
                f"row {row}: sequence is too long: expected at most {MAX_TOKENS:,} tokens, got "
                f"{len(tokens):,}; cut it, or use `seqtag tag`"
            )
