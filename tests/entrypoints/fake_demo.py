"""A small plan of our own for the supervisor: real processes, none of the product's rooms.

Run as `python fake_demo.py DATA_DIR SCENARIO`.
"""

import os
import sys
from pathlib import Path

from entrypoints.up.plan import Plan, Service, Step
from entrypoints.up.ports import first_free_port
from entrypoints.up.progress import Progress
from entrypoints.up.supervisor import supervise

SERVER = """
import http.server, signal, sys
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""
SLEEPER = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
PARENT = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
)
REPORT = (
    "import os, pathlib; pathlib.Path(os.environ['OUT']).write_text(os.environ['DATABASE_URL'])"
)
FAILING = "import sys; print('the column is missing'); sys.exit(3)"
DEMO = """
{"shops": [{"name": "甲店", "url": "http://a.localhost"}], "first_query": "{ shop { name } }"}
"""


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def make_plan(data_dir: Path, scenario: str) -> Plan:
    port = first_free_port(18000)
    health_url = f"http://127.0.0.1:{port}/healthz"
    steps = [Step("report", "Database schema", python(REPORT))]
    services = [
        Service("api", python(SERVER, str(port)), health_url=health_url, first_pause_seconds=0.05),
        Service("worker", python(SLEEPER)),
        Service("parent", python(PARENT)),
    ]
    if scenario == "failing step":
        steps.append(Step("demo", "Demo data", python(FAILING)))
    if scenario == "slow step":
        steps.append(Step("demo", "Demo data", python(SLEEPER)))
    if scenario == "crashing service":
        services[0] = Service(
            "api", python(FAILING), health_url=health_url, first_pause_seconds=0.05
        )
    if scenario == "stubborn service":
        services.append(Service("stubborn", python(STUBBORN), grace_seconds=0.3))
    return Plan(
        data_dir=data_dir,
        environment={"OUT": str(data_dir / "report"), "KAMENG_DATA_DIR": str(data_dir)},
        steps=tuple(steps),
        services=tuple(services),
        database_url=os.environ.get("FAKE_DATABASE_URL", ""),
        redis_url=os.environ.get("FAKE_REDIS_URL", ""),
        notes=("A note.",),
        addresses=(("API", health_url),),
    )


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    (directory / "demo.json").write_text(DEMO)
    raise SystemExit(supervise(make_plan(directory, sys.argv[2]), Progress()))
