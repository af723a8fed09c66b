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


class ScoringModel:
    """A version that MLflow has loaded.

    Args:
        url: the registry.
        uri: from which consumers load the version.
    """

    def __init__(self, url: str, uri: str) -> None:
        import mlflow.pyfunc

        if uri.startswith("models:/"):  # of a server; a path needs no setting, which would be of the process
            mlflow.set_tracking_uri(url)
            mlflow.set_registry_uri(url)
        self._model: PyFuncModel = mlflow.pyfunc.load_model(uri)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads: `tokens`, and further columns of the tokens."""
        schema = self._model.metadata.get_input_schema()  # type: ignore[no-untyped-call]
        return tuple(schema.input_names())

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
        app: ASGIApp = scoring_server.init(_ModelAdapter(self._model.metadata, predict))  # type: ignore[arg-type]
        return app


class _ModelAdapter:
    """Adapter for MLflow's scoring app; maps errors to statuses."""

    def __init__(self, metadata: Any, predict: Predict) -> None:
        self.metadata = metadata
        self._predict = predict

    def predict(self, data: pd.DataFrame) -> pd.DataFrame:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import BAD_REQUEST, INTERNAL_ERROR

        try:
            return self._predict(data)
        except MlflowException:
            raise
        except (ValueError, TypeError, KeyError) as error:  # of a row
            raise MlflowException(str(error), error_code=BAD_REQUEST) from error
        except Exception as error:  # without its stack, which is not the client's business
            raise MlflowException(type(error).__name__, error_code=INTERNAL_ERROR) from error
