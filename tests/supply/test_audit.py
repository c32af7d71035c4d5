"""`make audit` asks an advisory service about every locked package, and fails on what it says."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from packaging.utils import canonicalize_name

from pipeline.requirements import CPU, LOCKS, MAIN
from tests.test_environment import ROOT, here

ADVISORY = {"schema_version": "1.6.0", "id": "PYSEC-0000-1", "summary": "Made up.", "modified": "2026-01-01"}


@dataclass
class Service:
    """An advisory service that knows something of one package, and remembers what it was asked."""

    knows_of: str
    url: str = ""
    asked: dict[str, str] = field(default_factory=dict)

    def answer(self, question: bytes) -> bytes:
        """Answer as osv.dev does: nothing, or the advisories of a package and version."""
        asked = json.loads(question)
        name, version = asked["package"]["name"], asked["version"]
        self.asked[name] = version
        affected = {"package": asked["package"], "versions": [version]}
        return json.dumps(
            {"vulns": [ADVISORY | {"affected": [affected]}]} if name == self.knows_of else {}
        ).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    knowing = Service("numpy")

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = knowing.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        knowing.url = f"http://127.0.0.1:{server.server_port}/v1/query"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield knowing
        server.shutdown()


@pytest.mark.slow
def test_an_audit_asks_about_every_package_and_fails_on_what_is_known(service: Service) -> None:
    # The environment of the running tests is as it is.
    command = ["make", "--old-file", ".venv/.installed", "audit", f"ARGS=-s osv --osv-url {service.url}"]
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
    # The CPU build is the torch of the main lock by another version.
    locked = {name: pin.version for path in LOCKS if path != CPU for name, pin in here(path).items()}
    assert service.asked == locked, done.stderr
    assert done.returncode != 0
    assert "Found 1 known vulnerability in 1 package" in done.stderr
    assert f"numpy {here(MAIN)['numpy'].version} PYSEC-0000-1" in " ".join(done.stdout.split())
    listed = json.loads((ROOT / "build/sbom.cdx.json").read_text(encoding="utf-8"))["components"]
    assert {canonicalize_name(each["name"]) for each in listed} >= here(MAIN).keys()
    assert all(each["version"] for each in listed)
