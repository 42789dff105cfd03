"""The shop's database killed and started again under load: what checks and sign-ins are answered meanwhile."""

import argparse
import contextlib
import http.client
import itertools
import json
import pathlib
import threading
import time
from collections.abc import Callable

from bench_parts.mariadb import MariaDb, Shop
from bench_parts.servers import start_beside
from bench_parts.shop import FIRST_CUSTOMER, PASSWORD, honest_token, insert_customers, quantiles
from bench_parts.verdicts import verdict

# Customers who sign in with the right password, and others with a wrong one.
CUSTOMERS = 100

# How many seconds the database is there before it goes, and is away.
THERE = 3
AWAY = 5

# After so many seconds nobody waits for a recovery any more.
GIVE_UP = 60

# What is tried without end is not to be refused for that.
NO_LOCKS = (
    "REPLACE INTO core_config_data (path, value) "
    "VALUES ('oauth/authentication_lock/timeout', '0'), ('customer/password/lockout_failures', '0')"
)

Answers = list[tuple[float, float, int]]


class Client:
    """Asks one thing again and again, on a connection that stays open; remembers when, how long it took, and the status."""

    def __init__(self, ask: Callable[[], int]):
        self.ask = ask
        self.answers: Answers = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.over.is_set():
            begun = time.monotonic()
            status = self.ask()
            self.answers.append((begun, time.monotonic(), status))
            time.sleep(0.002)

    def end(self) -> None:
        self.over.set()
        self.thread.join()

    def within(self, begun: float, ended: float) -> Answers:
        return [answer for answer in list(self.answers) if begun <= answer[0] and answer[1] <= ended]


def measure_outage(options: argparse.Namespace, binary: str, folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
    database = MariaDb(stack)
    shop = Shop(database, stack)
    insert_customers(shop, FIRST_CUSTOMER, CUSTOMERS, "right")
    insert_customers(shop, FIRST_CUSTOMER + CUSTOMERS, CUSTOMERS, "wrong")
    shop.ask(NO_LOCKS)
    server, public = start_beside(options, binary, database.env_php(), folder, stack)
    good, dead = token_of(public, "right-0@example.com"), dead_tokens(shop, public)
    clients = {
        "good": checks(server.port, itertools.repeat(good)),
        "dead": checks(server.port, itertools.cycle(dead)),
        "right": sign_ins(public, "right", PASSWORD),
        "right too": sign_ins(public, "right", PASSWORD),
        "wrong": sign_ins(public, "wrong", PASSWORD + " "),
    }
    for client in clients.values():
        stack.callback(client.end)
    print(f"MariaDB is killed, and started again after {AWAY} s; times in ms")
    print(f"{'checks':>8}{'not 200':>9}{'longest':>9}{'of the dead':>13}{'sign-ins':>10}{'503':>6}{'longest':>9}{'first after':>13}")
    for _ in range(options.rounds):
        outage(database, clients)
    begun, ended = 0.0, time.monotonic()
    yes = lambda name: sum(status == 200 for _, _, status in clients[name].within(begun, ended))
    all_good = all(status == 200 for _, _, status in clients["good"].within(begun, ended))
    print(f"a good token was always good: {verdict(all_good, 'checks while the database is away')};", end=" ")
    print(f"{yes('dead')} yes to dead tokens: {verdict(yes('dead') == 0, 'dead tokens')};", end=" ")
    print(f"{yes('wrong')} sign-ins with a wrong password: {verdict(yes('wrong') == 0, 'wrong passwords')}")


def outage(database: MariaDb, clients: dict[str, Client]) -> None:
    time.sleep(THERE)
    killed = time.monotonic()
    database.kill()
    time.sleep(AWAY)
    away_until = time.monotonic()
    database.start_again()
    answers = time.monotonic()
    recovered = first_success(clients, answers)
    good, dead = clients["good"].within(killed, recovered), clients["dead"].within(killed, recovered)
    tried = [answer for name in ("right", "right too") for answer in clients[name].within(killed, away_until)]
    took = lambda found: quantiles([ended - begun for begun, ended, _ in found] or [float("nan")])["max"] * 1e3
    print(f"{len(good):8}{sum(status != 200 for *_, status in good):9}{took(good):9.0f}", end="")
    print(f"{len(dead):13}{len(tried):10}{sum(status == 503 for *_, status in tried):6}{took(tried):9.0f}", end="")
    print(f"{(recovered - answers) * 1e3:13.0f}", flush=True)


def first_success(clients: dict[str, Client], since: float) -> float:
    """When a sign-in has succeeded for the first time after the database answers again."""
    while time.monotonic() < since + GIVE_UP:
        for name in ("right", "right too"):
            for _, ended, status in clients[name].within(since, time.monotonic()):
                if status == 200:
                    return ended
        time.sleep(0.005)
    return float("nan")


def checks(port: int, tokens) -> Client:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)

    def ask() -> int:
        connection.request("GET", "/check?require=customer", headers={"Authorization": f"Bearer {next(tokens)}"})
        return status_of(connection)

    return Client(ask)


def sign_ins(port: int, name: str, password: str) -> Client:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)
    names = itertools.cycle(f"{name}-{number}@example.com" for number in range(CUSTOMERS))

    def ask() -> int:
        post(connection, "/rest/V1/integration/customer/token", {"username": next(names), "password": password})
        return status_of(connection)

    return Client(ask)


def post(connection: http.client.HTTPConnection, path: str, body: dict, token: str | None = None) -> None:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request("POST", path, json.dumps(body), headers)


def status_of(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    answer.read()
    return answer.status


def token_of(port: int, name: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)
    post(connection, "/rest/V1/integration/customer/token", {"username": name, "password": PASSWORD})
    return json.loads(connection.getresponse().read())


def dead_tokens(shop: Shop, public: int) -> list[str]:
    """One that its customer has signed out, one that the shop has revoked, and one that nobody has issued."""
    signed_out, revoked = token_of(public, "right-1@example.com"), honest_token()
    connection = http.client.HTTPConnection("127.0.0.1", public, timeout=GIVE_UP)
    post(connection, "/rest/V1/integration/customer/revoke-customer-token", {}, signed_out)
    status_of(connection)
    shop.insert_token(revoked, FIRST_CUSTOMER + 2)
    shop.ask(f"UPDATE oauth_token SET revoked = 1 WHERE token = '{revoked}'")
    return [signed_out, revoked, honest_token()]
