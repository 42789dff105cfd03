"""MariaDB as a child process, with the tables and accounts of `tests/magento-db`, and what it counts."""

import contextlib
import getpass
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from bench_parts.servers import PATIENCE, Server, free_port

KIT = pathlib.Path(__file__).resolve().parents[2] / "tests/magento-db"

# The address in the kit's env.php.
KIT_ADDRESS = "127.0.0.1:33060"

# What is asked of it is what is measured, so it is not to read from the disk. Every commit is synced, as in a shop.
OPTIONS = ["--no-defaults", "--innodb-buffer-pool-size=256M", "--skip-log-bin", "--performance-schema=OFF"]

# The account of the kit's env.php.
ACCOUNT = r"""
CREATE DATABASE magento CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE USER magento@'%' IDENTIFIED BY 'kit\'s "secret" \\ @:/#%'; GRANT ALL ON magento.* TO magento@'%';
"""

END = "end-of-answer"


class MariaDb(Server):
    """A server on loopback with a folder of its own. Its time zone is not UTC on purpose, as in the tests."""

    def __init__(self, stack: contextlib.ExitStack):
        # Outside of the folder for temporary files, whose name may be too long for a socket.
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenward-bench-db-", dir="/tmp")))
        self.socket = self.folder / "sock"
        port, data = free_port(), ["--user=" + getpass.getuser(), f"--datadir={self.folder}/data"]
        install = ["mariadb-install-db", *OPTIONS, *data, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
        command = ["mariadbd", *OPTIONS, *data, f"--socket={self.socket}", f"--pid-file={self.folder}/pid"]
        command += [f"--tmpdir={self.folder}", "--bind-address=127.0.0.1", f"--port={port}"]
        super().__init__("mariadb", [*command, "--default-time-zone=-07:00"], port, self.folder, stack)
        self.wait_until_it_answers()
        self.load(ACCOUNT, database="mysql")
        for name in ("schema.sql", "fixtures.sql"):
            self.load((KIT / name).read_text())

    def wait_until_it_answers(self) -> None:
        ping = ["mariadb-admin", "--no-defaults", "-uroot", "-S", str(self.socket), "ping"]
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(ping, capture_output=True).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"scripts/bench: MariaDB does not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As when its machine loses its power."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """On the same port and the same data."""
        self.process = self.spawn()
        self.wait_until_it_answers()

    def env_php(self) -> pathlib.Path:
        """An installation file that names this server."""
        file = self.folder / "env.php"
        file.write_text((KIT / "env.php").read_text().replace(KIT_ADDRESS, f"127.0.0.1:{self.port}"))
        return file

    def load(self, sql: str, database: str = "magento") -> None:
        subprocess.run([*self.client(), database], input=sql, text=True, check=True)

    def client(self) -> list[str]:
        return ["mariadb", "--no-defaults", "-uroot", "--default-character-set=utf8mb4", "-S", str(self.socket)]


class Shop:
    """A connection to the shop's database that stays open: what Magento does, and what the server has counted."""

    def __init__(self, database: MariaDb, stack: contextlib.ExitStack):
        command = [*database.client(), "--batch", "--skip-column-names", "--unbuffered", "magento"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        stack.callback(self.process.wait)
        stack.callback(self.process.stdin.close)
        self.lock = threading.Lock()
        self.asked = 0

    def ask(self, sql: str) -> list[list[str]]:
        """One statement; the rows that it answers, once it is done."""
        with self.lock:
            self.asked += 2
            self.process.stdin.write(f"{sql};\nSELECT '{END}';\n")
            rows = []
            for line in self.process.stdout:
                if line.strip() == END:
                    return rows
                rows.append(line.rstrip("\n").split("\t"))
        sys.exit(f"scripts/bench: MariaDB refused {sql}")

    def insert_token(self, token: str, customer: int) -> None:
        """What Magento does when it issues a token to a customer. Nobody reads the secret."""
        self.ask(
            "INSERT INTO oauth_token (customer_id, type, token, secret, callback_url, user_type) "
            f"VALUES ({customer}, 'access', '{token}', '0:3:unread', '', 3)"
        )

    def counted(self) -> dict[str, float]:
        """Statements that others have had carried out until now, and prepared, and the moment."""
        names = "'Questions', 'Com_stmt_prepare'"
        rows = self.ask(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
        # The statement itself is counted before it answers, and what ends the answer after that.
        counted = {name.lower(): int(value) for name, value in rows}
        counted["questions"] -= self.asked - 1
        return counted | {"moment": time.monotonic()}
