"""The load generator: wrk with a script of `scripts/load`."""

import json
import pathlib
import subprocess

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "load"


def wrk(script: str, port: int, connections: int, seconds: int, *arguments: str) -> dict:
    """One run of wrk; what its script says in the end, and `output`, all that it printed."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s"]
    command += ["-s", str(SCRIPTS / script), f"http://127.0.0.1:{port}", "--", *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT ")) | {"output": output}
