"""Figures for Prometheus."""

from __future__ import annotations

import time

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The process's counters; one registry an application, so that tests do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "assistent_http_seconds", "Time to answer, by route and status", ["route", "method", "status"],
            buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 4, 10), registry=self.registry,
        )  # fmt: skip
        self.outcomes = Counter(
            "assistent_messages_total", "Messages answered, by outcome and topic", ["outcome", "topic"],
            registry=self.registry,
        )  # fmt: skip
        self.worries = Counter(
            "assistent_worries_total", "Worries about the ENT voiced in messages, by kind", ["worry"],
            registry=self.registry,
        )  # fmt: skip
        self.streams = Gauge("assistent_event_streams", "Open event streams", registry=self.registry)


METRICS = web.AppKey("metrics", Metrics)


@web.middleware
async def metrics_middleware(request: web.Request, handler) -> web.StreamResponse:
    """Time each request under its route, never its path: a path may hold an identifier."""
    started = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        # Anybody may make a method up: each one would be a series kept for ever.
        method = request.method if request.method in hdrs.METH_ALL else "other"
        request.app[METRICS].requests.labels(route, method, status).observe(time.perf_counter() - started)
