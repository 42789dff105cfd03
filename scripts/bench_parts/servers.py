"""Servers as child processes, and what the system says about them."""

import argparse
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")

# The key of a made-up installation, for JWTs.
KEY = "0123456789abcdef0123456789abcdef"

# How long a server may take to be ready: millions of made-up customers are written first.
PATIENCE = 900

NGINX = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 204; }}
    }}
}}
"""


class Server:
    """A server as child processes, with what /proc says about them."""

    def __init__(
        self,
        name: str,
        command: list[str],
        port: int,
        folder: pathlib.Path,
        stack: contextlib.ExitStack,
        keys: dict[str, str] | None = None,
    ):
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self.command = command
        self.environment = {"PATH": search_path(), "TMPDIR": str(folder), "TOKENWARD__MAGENTO__CRYPT_KEY": KEY} | (keys or {})
        self.process = self.spawn()
        stack.callback(self.stop)

    def spawn(self) -> subprocess.Popen:
        with self.log.open("ab") as log:
            return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_ready(self, path: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"scripts/bench: {self.name} has ended:\n{self.log.read_text()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        sys.exit(f"scripts/bench: {self.name} is not ready after {PATIENCE} s:\n{self.log.read_text()}")

    def processes(self) -> list[int]:
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def cpu_seconds(self) -> float:
        """User and system time of all threads of all processes."""
        total = 0
        for process in self.processes():
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def resident_mebibytes(self) -> float:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


def start_nginx(options: argparse.Namespace, folder: pathlib.Path, stack: contextlib.ExitStack) -> Server:
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(workers=options.workers, folder=folder, port=port))
    server = Server("nginx", ["nginx", "-p", str(folder), "-c", str(file)], port, folder, stack)
    server.wait_until_ready("/")
    return server


def start_tokenward(
    options: argparse.Namespace,
    binary: str,
    sessions: int,
    folder: pathlib.Path,
    stack: contextlib.ExitStack,
    name: str = "tokenward",
    keys: dict[str, str] | None = None,
) -> tuple[Server, pathlib.Path]:
    """A server with so many live sessions, and the file of their tokens."""
    port, tokens = free_port(), folder / f"{name}.tokens"
    command = [binary, "serve", "--demo", "--sessions", str(sessions), "--tokens-out", str(tokens)]
    command += ["--data-dir", str(folder / name), "--workers", str(options.workers), "--log-level", "warn"]
    command += ["--public", "127.0.0.1:0", "--internal", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0"]
    server = Server(name, command, port, folder, stack, keys)
    server.wait_until_ready("/health/ready")
    return server, tokens


def start_beside(
    options: argparse.Namespace, binary: str, env_php: pathlib.Path, folder: pathlib.Path, stack: contextlib.ExitStack
) -> tuple[Server, int]:
    """A server with the accounts of a shop, and the port of Magento's API."""
    public, internal = free_port(), free_port()
    keys = {"TOKENWARD__ACCOUNTS__SOURCE": "magento", "TOKENWARD__MAGENTO__ENV_PHP": str(env_php)}
    command = [binary, "serve", "--data-dir", str(folder / "tokenward"), "--workers", str(options.workers)]
    command += ["--log-level", "warn", "--public", f"127.0.0.1:{public}", "--internal", f"127.0.0.1:{internal}"]
    server = Server("tokenward", [*command, "--admin", "127.0.0.1:0"], internal, folder, stack, keys)
    server.wait_until_ready("/health/ready")
    return server, public


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def search_path() -> str:
    """Debian keeps nginx where only root looks."""
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/usr/local/sbin"
