"""Base of all tables of a TOML file."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """Frozen TOML table that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
