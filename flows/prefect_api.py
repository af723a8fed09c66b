"""Queries of Prefect's API: seqtag's deployments, flow runs by state, and all pages of an answer."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowFilter,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

TAG: Final = "seqtag"  # of seqtag's deployments, and so of their flow runs

_TAGGED: Final = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
_PAGE: Final = 200  # the server's limit per request

T = TypeVar("T")


def seqtag_deployments(client: PrefectClient) -> AsyncIterator[DeploymentResponse]:
    """Yield seqtag's deployments."""
    return paginate(client.read_deployments, deployment_filter=_TAGGED)


def seqtag_runs(
    client: PrefectClient,
    which: FlowRunFilter,
    *,
    flow: FlowFilter | None = None,
    sort: FlowRunSort | None = None,
) -> AsyncIterator[FlowRun]:
    """Yield the flow runs of seqtag's deployments that match a filter, and of flows that match another."""
    return paginate(
        client.read_flow_runs,
        flow_filter=flow,
        deployment_filter=_TAGGED,
        flow_run_filter=which,
        sort=sort,
    )


async def paginate(read: Callable[..., Awaitable[list[T]]], **filters: Any) -> AsyncIterator[T]:
    """Yield the results of a method of Prefect's client, page by page."""
    for offset in itertools.count(0, _PAGE):
        page = await read(limit=_PAGE, offset=offset, **filters)
        for found in page:
            yield found
        if len(page) < _PAGE:
            return


def in_state(*types: StateType, **filters: Any) -> FlowRunFilter:
    """Return a filter for flow runs whose state has one of these types, and that match other filters."""
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))), **filters)
