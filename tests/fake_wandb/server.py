"""The HTTP server of the stand-in: GraphQL, file streams, stored files."""

import gzip
import json
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from graphql import GraphQLResolveInfo, GraphQLScalarType, build_schema, graphql_sync

from tests.fake_wandb.account import ENTITY
from tests.fake_wandb.backend import Backend
from tests.fake_wandb.run import Json, Run, UnknownRequestError
from tests.fake_wandb.sweep import Sweep

SCHEMA = build_schema(Path(__file__).with_name("schema.graphql").read_text())
json_text = SCHEMA.type_map["JSONString"]
assert isinstance(json_text, GraphQLScalarType)
json_text.coerce_output_value = json.dumps
json_text.coerce_input_value = json.loads


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z]+)", r"_\1", name).lower()


def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """A field of the schema is an entry, a member or a method; anything else is null."""
    if isinstance(source, Mapping):
        return source.get(info.field_name)
    member = getattr(source, snake_case(info.field_name), None)
    if callable(member):
        return member(**{snake_case(name): value for name, value in arguments.items()})
    return member


class FakeWandb:
    """Used as `with FakeWandb() as server`; see the package."""

    def __init__(self) -> None:
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.http.daemon_threads = True
        self.thread = threading.Thread(
            target=self.http.serve_forever, args=(0.05,), daemon=True
        )
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.lock = threading.RLock()
        self.backend = Backend(self.address)
        self.operations: Counter[str] = Counter()
        self.unknown: list[str] = []
        self.silent = threading.Event()  # set: requests are accepted and never answered
        self.closing = threading.Event()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
        if self.unknown and error is None:
            raise UnknownRequestError("\n".join(self.unknown))
        if self.unknown and error is not None:
            error.add_note("unknown to the stand-in: " + "\n".join(self.unknown))

    def environment(self, folder: Path) -> dict[str, str]:
        """For clients: they reach only this server and write only below folder."""
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        base = {key: value for key, value in os.environ.items() if key[:5] != "WANDB"}
        return base | {
            "WANDB_BASE_URL": self.address,
            "WANDB_API_KEY": "a" * 40,
            "WANDB_ENTITY": ENTITY,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_INIT_TIMEOUT": "300",  # the machine may be busy
            "WANDB_FINISH_TIMEOUT": "300",
            "WANDB_DIR": str(folder),
            "WANDB_CONFIG_DIR": str(home),
            "WANDB_CACHE_DIR": str(home),
            "WANDB_DATA_DIR": str(home),
            "HOME": str(home),
            "NO_PROXY": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def sweeps(self) -> list[Sweep]:
        with self.lock:
            return self.backend.sweeps()

    def runs(self, sweep: str | None = None) -> list[Run]:
        """Every run, or those of the sweep with that id, in order of creation."""
        with self.lock:
            runs = self.backend.runs()
        return [run for run in runs if sweep is None or run.sweep_name == sweep]

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """The response to one request. Raises UnknownRequestError."""
        match [method, *map(unquote, path.strip("/").split("/"))]:
            case ["POST", "graphql"]:
                return self.graphql(json.loads(body))
            case ["POST", "files", _, project, run, "file_stream"]:
                return self.stream(self.run(project, run), json.loads(body))
            case ["PUT" | "GET", "stored", project, run, *name]:
                file = self.run(project, run).stored["/".join(name)]
                if method == "PUT":
                    file.content = body
                return file.content
        raise UnknownRequestError(f"{method} {path}")

    def run(self, project: str, name: str) -> Run:
        return self.backend.projects[project].runs_by_name[name]

    def stream(self, run: Run, body: Json) -> bytes:
        run.receive(body)
        return json.dumps({"stopped": run.stopped}).encode()

    def graphql(self, request: Json) -> bytes:
        query, variables = request["query"], request.get("variables") or {}
        name = re.search(r"\b(?:query|mutation)\s+(\w+)", query)
        operation = name[1] if name else query
        self.operations[operation] += 1
        result = graphql_sync(
            SCHEMA, query, self.backend, variable_values=variables, field_resolver=resolve
        )
        problems = [error.message for error in result.errors or []]
        if "__type" in query:  # clients ignore a missing type silently
            problems += [
                f"no {key}" for key, value in (result.data or {}).items() if not value
            ]
        if problems:
            raise UnknownRequestError(f"{operation}: {'; '.join(problems)}")
        return json.dumps({"data": result.data}).encode()


def handler_of(server: FakeWandb) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            path = self.path.partition("?")[0]
            if server.silent.is_set():
                server.closing.wait()
                self.close_connection = True
                return
            with server.lock:
                try:
                    status, content = 200, server.answer(self.command, path, body)
                except Exception as error:  # including bugs of the stand-in
                    server.unknown.append(f"{self.command} {path}: {error!r}")
                    problem = {"errors": [{"message": str(error)}]}
                    status, content = 400, json.dumps(problem).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
