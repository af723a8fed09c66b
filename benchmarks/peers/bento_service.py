"""BentoML service of a registered version; the environment variable MODEL names its folder.

`bentoml serve` runs it in a separate environment with BentoML, mlflow and tensorflow, without seqtag.
"""

import os
from typing import Any

import bentoml  # type: ignore[import-not-found] # conflicts with constraints.txt
import mlflow.pyfunc
import pandas as pd


@bentoml.service(workers=1, traffic={"timeout": 60})
class Tagger:
    """The version that MLflow loads, with requests and answers as MLflow's server has them."""

    def __init__(self) -> None:
        self._model = mlflow.pyfunc.load_model(os.environ["MODEL"])

    @bentoml.api(route="/invocations", batchable=True, max_batch_size=64, max_latency_ms=60_000)
    def tag(self, dataframe_records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return self._model.predict(pd.DataFrame(dataframe_records)).to_dict("records")
