"""A run as the backend stores it. The fields of schema.graphql's Run are members here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fake_wandb.account import USER

if TYPE_CHECKING:
    from tests.fake_wandb.backend import Project
    from tests.fake_wandb.sweep import Sweep

Json = dict[str, Any]
HISTORY = "wandb-history.jsonl"
SUMMARY = "wandb-summary.json"
EVENTS = "wandb-events.jsonl"
STREAM_KEYS = {"files", "uploaded", "complete", "exitcode", "dropped"}


class UnknownRequestError(Exception):
    """The client asked for something that the stand-in does not know."""


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(nodes: list[Any], after: str | None = None, first: int | None = None) -> Json:
    """Part of a list, which GraphQL calls a connection; a cursor is a position."""
    begin = int(after) + 1 if after else 0
    end = len(nodes) if first is None else begin + first
    edges = [
        {"node": node, "cursor": str(begin + offset)}
        for offset, node in enumerate(nodes[begin:end])
    ]
    cursor = edges[-1]["cursor"] if edges else None
    return {
        "edges": edges,
        "pageInfo": {"endCursor": cursor, "hasNextPage": end < len(nodes)},
    }


@dataclass
class File:
    """An uploaded file, written to and read from its address."""

    name: str
    address: str
    content: bytes = b""

    def answer(self) -> Json:
        """As GraphQL's type File."""
        return {
            "id": self.address,
            "name": self.name,
            "url": self.address,
            "directUrl": self.address,
            "uploadUrl": self.address,
            "sizeBytes": len(self.content),
        }


@dataclass(eq=False)
class Run:
    """`values` is the configuration of the run, `summary` its final results."""

    name: str  # the id, to users
    project: "Project" = field(repr=False)
    sweep: "Sweep | None" = field(default=None, repr=False)
    agent: str | None = None  # that received the cell
    state: str = "running"  # or pending, finished, failed
    exitcode: int | None = None
    # {key: {"value": value}}, and "_wandb" for W&B's own
    config: Json = field(default_factory=dict, repr=False)
    summary: Json = field(default_factory=dict)
    display_name: str = ""
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    stored: dict[str, File] = field(default_factory=dict, repr=False)
    # of streamed files such as the history
    lines: dict[str, list[str]] = field(default_factory=dict, repr=False)
    created_at: str = field(default_factory=now)

    @property
    def values(self) -> Json:
        return {
            key: entry["value"] for key, entry in self.config.items() if key != "_wandb"
        }

    @property
    def rows(self) -> list[Json]:
        """The logged values, one row per step."""
        return [json.loads(line) for line in self.lines.get(HISTORY, [])]

    @property
    def ended(self) -> bool:
        return self.state in {"finished", "failed"}

    @property
    def stopped(self) -> bool:
        """Whether the server tells the client to end the run."""
        return self.sweep is not None and self.sweep.order == "CANCELED"

    def receive(self, body: Mapping[str, Any]) -> None:
        """Process a post to the run's file stream."""
        if unknown := sorted(key for key in body if key not in STREAM_KEYS and body[key]):
            raise UnknownRequestError(f"file_stream with {', '.join(unknown)}")
        for name, part in (body.get("files") or {}).items():
            begin, content = part["offset"], part["content"]
            self.lines.setdefault(name, [])[begin : begin + len(content)] = content
            if name == SUMMARY:
                self.summary = json.loads(content[-1])
        if body.get("complete"):
            self.exitcode = body["exitcode"]
            self.state = "failed" if self.exitcode else "finished"

    # Further fields of the GraphQL schema.

    @property
    def id(self) -> str:
        return f"{self.project.name}:{self.name}"

    @property
    def project_id(self) -> int:
        return self.project.internal_id

    @property
    def user(self) -> Json:
        return USER

    @property
    def sweep_name(self) -> str | None:
        return self.sweep.name if self.sweep else None

    @property
    def summary_metrics(self) -> Json:
        return self.summary

    @property
    def history_line_count(self) -> int:
        return len(self.rows)

    @property
    def log_line_count(self) -> int:
        return len(self.lines.get("output.log", []))

    @property
    def events_line_count(self) -> int:
        return len(self.lines.get(EVENTS, []))

    @property
    def history_tail(self) -> list[str]:
        return self.lines.get(HISTORY, [])[-1:]

    @property
    def events_tail(self) -> list[str]:
        return self.lines.get(EVENTS, [])[-1:]

    @property
    def history_keys(self) -> Json:
        steps = [row["_step"] for row in self.rows]
        keys: Json = {key: {} for row in self.rows for key in row}
        return {"lastStep": max(steps, default=-1), "keys": keys}

    def history(
        self,
        min_step: int = 0,
        max_step: int | None = None,
        samples: int | None = None,
    ) -> list[Json]:
        return [
            row
            for row in self.rows
            if min_step <= row["_step"] and (max_step is None or row["_step"] < max_step)
        ][:samples]

    def sampled_history(self, specs: list[Json]) -> list[list[Json]]:
        """For each spec, the rows that have all its keys."""
        return [
            [
                {key: row[key] for key in spec.get("keys", [])}
                for row in self.rows
                if set(spec.get("keys", [])) <= set(row)
            ]
            for spec in specs
        ]

    def parquet_history(self, live_keys: list[str]) -> Json:
        """Treats every row as not yet written to Parquet."""
        return {"parquetUrls": [], "liveData": self.rows}

    @property
    def file_count(self) -> int:
        return len(self.stored)

    def files(
        self,
        names: list[str] | None = None,
        after: str | None = None,
        first: int | None = None,
        pattern: str | None = None,
    ) -> Json:
        if pattern:
            raise UnknownRequestError(f"files with pattern {pattern!r}")
        chosen = [file for file in self.stored.values() if not names or file.name in names]
        return page([file.answer() for file in chosen], after, first)
