"""Servers that are dead, hang, drip, redirect, refuse or are something else: one line, soon."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlaudit.domain.errors import MlauditError, NotAStore, PermissionDenied, StoreError, StoreUnavailable
from mlaudit.domain.models import Stage
from mlaudit.gateway import environment, faults, server_probe
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.redaction import redact
from mlaudit.gateway.uri import resolve

SECRET = "hunter2-canary"


def opened(uri: str) -> MlflowGateway:
    return MlflowGateway(resolve(uri, environ={}))


@contextmanager
def answering(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An HTTP server that answers each request with ``respond``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def reply(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP listener that does ``talk`` with each who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def hang(connection: socket.socket) -> None:
    time.sleep(30)
    connection.close()


def drip(connection: socket.socket) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(300):
            connection.sendall(b" ")
            time.sleep(0.1)
    except OSError:
        pass


class TestFirstContact:
    def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="no server listens") as caught:
            opened(f"http://ada:{SECRET}@127.0.0.1:{port}")
        assert time.monotonic() - started < 2
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize("talk", [hang, drip])
    def test_no_answer_or_never_a_whole_one(
        self, talk: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One deadline for the whole conversation; a byte now and then does not prolong it."""
        with listening(talk) as port:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable, match="within 1 s"):
                server_probe.probe(f"http://127.0.0.1:{port}", "shown", 1.0)
            assert time.monotonic() - started < 2

    def test_the_real_deadline_leaves_time_to_say_so(self) -> None:
        assert server_probe.DEADLINE < 10

    def test_breaks_off(self) -> None:
        with listening(lambda c: c.close()) as port, pytest.raises(StoreUnavailable):
            opened(f"http://127.0.0.1:{port}")

    def test_tls_expected_where_there_is_none(self) -> None:
        with answering(reply(200, b"{}")) as uri, pytest.raises(StoreUnavailable, match="TLS"):
            opened(uri.replace("http:", "https:"))

    @pytest.mark.parametrize(
        ("respond", "error", "said"),
        [
            (reply(200, b"<html>hello</html>"), NotAStore, "no MLflow tracking server"),
            (reply(404, b"nothing"), NotAStore, "HTTP 404"),
            (reply(200, b'{"jobs": []}'), NotAStore, "no MLflow"),
            (reply(401), PermissionDenied, "MLFLOW_TRACKING_USERNAME"),
            (reply(403), PermissionDenied, "403"),
            (reply(302, Location="http://u:pw@else/"), NotAStore, r"redirects to http://\*\*\*@else/"),
            (reply(500), StoreUnavailable, "HTTP 500"),
            (reply(503), StoreUnavailable, "HTTP 503"),
        ],
    )
    def test_answers_that_are_none(
        self, respond: Callable[[BaseHTTPRequestHandler], None], error: type[MlauditError], said: str
    ) -> None:
        with answering(respond) as uri, pytest.raises(error, match=said) as caught:
            opened(uri)
        assert str(caught.value).isprintable()

    def test_credentials_are_sent_as_mlflow_would(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str | None] = []

        def respond(handler: BaseHTTPRequestHandler) -> None:
            seen.append(handler.headers.get("Authorization"))
            reply(200, b"{}")(handler)

        with answering(respond) as uri:
            server_probe.probe(uri.replace("http://", "http://ada:pw@"), "shown")
            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok")
            server_probe.probe(uri, "shown")
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "env")
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "env")
            server_probe.probe(uri.replace("http://", "http://ada:p%40ss@"), "shown")
        assert seen == ["Basic YWRhOnB3", "Bearer tok", basic("ada:p@ss")]

    def test_credentials_of_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """MLflow's own goes before a token; requests puts .netrc over all of them."""
        seen: list[str | None] = []

        def respond(handler: BaseHTTPRequestHandler) -> None:
            seen.append(handler.headers.get("Authorization"))
            reply(200, b"{}")(handler)

        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok")
        (tmp_path / ".mlflow").mkdir()
        text = "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = of the file\n"
        (tmp_path / ".mlflow" / "credentials").write_text(text)
        with answering(respond) as uri:
            server_probe.probe(uri, "shown")
            (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password netrc\n")
            (tmp_path / ".netrc").chmod(0o600)
            server_probe.probe(uri, "shown")
        assert seen == [basic("ada:of the file"), basic("ada:netrc")]

    def test_what_mlflow_alone_speaks_is_left_to_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Signed requests, or a plugin's: that the server refuses ours says nothing."""
        with answering(reply(401)) as uri:
            with pytest.raises(PermissionDenied):
                server_probe.probe(uri, "shown")
            for name in ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4"):
                with monkeypatch.context() as patch:
                    patch.setenv(name, "true")
                    server_probe.probe(uri, "shown")

    @pytest.mark.parametrize("name", ["MLFLOW_TRACKING_CLIENT_CERT_PATH", "REQUESTS_CA_BUNDLE"])
    def test_certificates_that_cannot_be_used(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "bad.pem").write_text("no certificate")
        for path in ("missing.pem", "bad.pem"):
            monkeypatch.setenv(name, str(tmp_path / path))
            with pytest.raises(StoreUnavailable, match=f"{name} names, .*{path} cannot be used"):
                server_probe.probe("https://127.0.0.1:1", "shown")


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.real
class TestLater:
    """A server that answered first and then fails."""

    def test_fails_then_comes_back(self) -> None:
        state = {"status": 200}

        def respond(handler: BaseHTTPRequestHandler) -> None:
            body = b"{}" if state["status"] == 200 else b"<html>bad gateway</html>"
            reply(state["status"], body)(handler)

        with answering(respond) as uri:
            gateway = opened(uri)
            assert gateway.list_experiments() == ()
            state["status"] = 502
            for _ in range(2):
                with pytest.raises(StoreUnavailable) as caught:
                    gateway.list_experiments()
                assert str(caught.value).isprintable()
            state["status"] = 200
            assert gateway.list_experiments() == ()

    @pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"experiments": [{"experiment_id": {}}]}'])
    def test_answers_that_make_no_sense(self, body: bytes) -> None:
        state = {"body": b"{}"}

        def respond(handler: BaseHTTPRequestHandler) -> None:
            reply(200, state["body"])(handler)

        with answering(respond) as uri:
            gateway = opened(uri)
            state["body"] = body
            with pytest.raises(StoreError) as caught:
                gateway.list_experiments()
            assert str(caught.value).isprintable()

    def test_a_write_is_sent_once(self) -> None:
        """Whatever the answer: MLflow's client would repeat it, and so redo what others have undone since."""
        posts: list[str] = []
        asked: list[str] = []
        version = {"name": "m", "version": "1", "current_stage": "None", "run_id": "r", "status": "READY"}

        def respond(handler: BaseHTTPRequestHandler) -> None:
            asked.append(f"{handler.command} {handler.path.rpartition('/')[2]}")
            if "transition-stage" in handler.path:
                posts.append(handler.path)
                reply(503, b"busy")(handler)
            elif "model-versions/search" in handler.path:
                reply(200, json.dumps({"model_versions": [version]}).encode())(handler)
            elif "registered-models" in handler.path:
                reply(200, b'{"registered_model": {"name": "m"}}')(handler)
            else:
                reply(200, b"{}")(handler)

        with answering(respond) as uri:
            gateway = opened(uri)
            with pytest.raises(StoreUnavailable):
                gateway.transition("m", "1", Stage.PRODUCTION, archive_existing=True)
            asked.clear()
            gateway.list_experiments()
        assert len(posts) == 1
        assert asked[0] == "GET search?max_results=1", "first contact anew, since it has a deadline"


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """MLflow's warnings and tracebacks go to the log, never to the terminal."""
    with answering(reply(200, b"{}")) as uri:
        gateway = opened(uri)
        gateway.list_experiments()
    with pytest.raises(MlauditError):
        gateway.list_experiments()
    logging.getLogger("mlflow.store.db.utils").error("must not be seen")
    assert capfd.readouterr() == ("", "")


class TestRedaction:
    @pytest.mark.parametrize(
        "text",
        [
            f"http://ada:{SECRET}@host:5000/x",
            f"postgresql+psycopg://ada:p@ss/{SECRET}@h:5/db?sslmode=require",
            f"http://host/x?token={SECRET}&y=1",
            f"connection failed: host=h password={SECRET} dbname=d",
            f"password='{SECRET} with blanks'",
            f"Authorization: Bearer {SECRET}",
            f'{{"api_key": "{SECRET}"}}',
            f"s3://b/k?X-Amz-Signature={SECRET}",
            f"https://a.blob/x?sv=1&sig={SECRET}",
            f"http://{SECRET}@host/",
            f"postgresql://h/db?password=se,{SECRET}",
            f"postgresql://h/db?password='a'{SECRET}",
            f"postgresql://h/db?password='a {SECRET}'",
            f"postgresql://h/db?x=1&password=se){SECRET}&sslmode=require",
            f"postgresql://h/db?password=s}}e'{SECRET}",
            f"cannot open 'postgresql://h/db?user=u&password=a;{SECRET}'",
        ],
    )
    def test_removed(self, text: str) -> None:
        assert SECRET not in redact(text)

    def test_of_the_environment_wherever_it_stands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
        assert redact(f"bad thing: {SECRET}!") == "bad thing: ***!"

    @pytest.mark.parametrize(
        "text",
        [
            "metrics.token_count > 3",
            "mail ada@example.org",
            "/data/team@site/mlruns",
            "http://host:5000/#/experiments/1",
            'password authentication failed for user "ada"',
        ],
    )
    def test_other_text_stays(self, text: str) -> None:
        assert redact(text) == text


class TestEnvironment:
    def test_users_settings_stay_and_ours_are_known(self) -> None:
        environ = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "99", "HOME": "/h"}
        environment.prepare(set(), environ)
        assert environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "99"
        assert environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert "MLFLOW_ALLOW_FILE_STORE" not in environ
        assert environment.child_environment(environ) == {"MLFLOW_HTTP_REQUEST_TIMEOUT": "99", "HOME": "/h"}

    def test_known_in_a_child_of_ours_too(self) -> None:
        """The worker inherits the settings; to it they must not look like the user's."""
        environ: dict[str, str] = {}
        environment.prepare(set(), environ)
        worker = dict(environ)
        environment.prepare(set(), worker)
        assert environment.child_environment(worker) == {}


def test_classify_walks_the_chain() -> None:
    """A transport fault is wrapped as an internal error without a word of its own."""
    error = RuntimeError("API request failed")
    error.__cause__ = ConnectionRefusedError("[Errno 111] Connection refused")
    assert isinstance(faults.classify(error, "shown"), StoreUnavailable)
