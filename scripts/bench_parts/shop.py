"""Beside a shop: sign-ins against MariaDB, and what a flood of tokens that nobody issued costs its database."""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import resource
import secrets
import statistics
import string
import threading
import time
import urllib.request
from collections.abc import Callable

from bench_parts import sodium
from bench_parts.load import wrk
from bench_parts.mariadb import MariaDb, Shop
from bench_parts.servers import Server, start_beside
from bench_parts.verdicts import verdict

# Made-up customers, all with the hash of the kit's `current@example.com`, whose version is the one that Magento writes.
CUSTOMERS = 400
FIRST_CUSTOMER = 1_000
PASSWORD = "Current-pass-3"
VERSION = "3_32_2_67108864"

# How many sign-ins one after the other say how long a hash takes.
SAMPLES = 25
SMOKE_SAMPLES = 2

# What is promised.
SHARE_OF_CORES = 0.9
HASHES_A_SIGN_IN = 1.05
QUESTIONS_A_SECOND = 100
FOUND_WITHIN = 0.1
POLL = 2
FOLLOWED_WITHIN = POLL + 1

# An answer to garbage says no; that it cannot be told is good for the few that come while a question takes too long.
UNDECIDED = 0.001

# The generator counts as fast enough from this share of its aim on.
ENOUGH = 0.97

# After how many seconds a client asks again about a token that was refused, and when it gives up.
AGAIN = 0.01
GIVE_UP = 15

# So many connections carry the garbage: each waits for an answer that takes a gathering and a question to the database.
CARRIERS = 500


def measure_shop(options: argparse.Namespace, binary: str, folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
    database = MariaDb(stack)
    shop = Shop(database, stack)
    insert_customers(shop, FIRST_CUSTOMER, CUSTOMERS, "load")
    server, public = start_beside(options, binary, database.env_php(), folder, stack)
    peers = {"tokenward": server, "MariaDB": database}
    print(f"{cores()} cores, {options.workers} workers; server, MariaDB and clients share them", flush=True)
    measure_sign_ins(options, peers, public)
    at_rest = measure_rest(options, shop, server, "with the sessions of these sign-ins")
    measure_garbage(options, peers, shop, at_rest)
    measure_crowd(options, shop, server, folder)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def insert_customers(shop: Shop, first: int, count: int, name: str) -> None:
    shop.ask(
        "INSERT INTO customer_entity (entity_id, website_id, email, group_id, store_id, firstname, lastname, password_hash) "
        f"SELECT {first} + seq, 1, CONCAT('{name}-', seq, '@example.com'), 1, 1, 'Load', 'Example', "
        "(SELECT password_hash FROM customer_entity WHERE email = 'current@example.com') "
        f"FROM seq_0_to_{count - 1}"
    )


# === Sign-ins ===


def measure_sign_ins(options: argparse.Namespace, peers: dict[str, Server], public: int) -> None:
    names = itertools.cycle(f"load-{number}@example.com" for number in range(CUSTOMERS))
    print(f"\nSign-ins of {CUSTOMERS} customers with the hash version {VERSION} (Argon2id, 64 MiB)")
    samples = SMOKE_SAMPLES if options.smoke else SAMPLES
    hashing = time_of_one_hash(peers["tokenward"], public, names, samples)
    limit = SHARE_OF_CORES * cores() / hashing
    print_what_the_machine_can(samples)
    print(f"{'clients':>9}{'sign-ins/s':>12}{'x hash / cores':>16}{'p50 ms':>8}{'p99 ms':>8}{'CPU: server':>13}", end="")
    print(f"{'MariaDB':>9}{'client':>8}  at least {limit:.1f}/s ({SHARE_OF_CORES} x cores / hash)")
    for clients in sorted({2 * cores(), 32}):
        turn = sign_in_turn(peers, public, names, clients, options.sign_in_seconds)
        print(f"{clients:9}{turn['rate']:12.1f}{turn['rate'] * hashing / cores():16.2f}{turn['p50'] * 1e3:8.0f}", end="")
        print(f"{turn['p99'] * 1e3:8.0f}{turn['tokenward']:13.2f}{turn['MariaDB']:9.2f}{turn['client']:8.2f}", end="")
        keeps = turn["rate"] >= limit and turn["refused"] == 0
        print(f"  {verdict(keeps, f'sign-ins with {clients} clients')}, {turn['refused']} refused", flush=True)


def time_of_one_hash(server: Server, public: int, names: itertools.cycle, samples: int) -> float:
    """As the server's hashers measure it, one at a time on a machine that does nothing else. What a sign-in costs beyond
    its one hash is no part of it, and is printed beside it."""
    connection = http.client.HTTPConnection("127.0.0.1", public, timeout=60)
    sign_in(connection, next(names))
    before, figures, times = server.cpu_seconds(), metrics(server), []
    for _ in range(samples):
        begun = time.monotonic()
        sign_in(connection, next(names))
        times.append(time.monotonic() - begun)
    after, spent = metrics(server), (server.cpu_seconds() - before) / samples
    counted = lambda name: after[name] - figures[name]
    hashes = counted("tokenward_password_hashes_total")
    hashing = counted("tokenward_password_hashing_seconds_total") / hashes
    print(f"one after the other: {statistics.median(times) * 1e3:.1f} ms each (median of {samples});", end=" ")
    print(f"the server computes {spent * 1e3:.1f} ms for each, one hash takes {hashing * 1e3:.1f} ms;", end=" ")
    print(f"{hashes / samples:.2f} hashes a sign-in: {verdict(hashes <= HASHES_A_SIGN_IN * samples, 'one hash a sign-in')}")
    return hashing


def print_what_the_machine_can(samples: int) -> None:
    library = sodium.load()
    if library is None:
        print("libsodium is not there: nothing to compare the hash with")
        return
    one, all_cores = sodium.seconds_for_one(library, samples), sodium.hashes_a_second(library, cores(), samples)
    print(f"for comparison, the hash alone by libsodium: {one * 1e3:.1f} ms of a core; on all cores at once", end=" ")
    print(f"{all_cores:.1f}/s, which is {all_cores * one / cores():.2f} x cores / hash", flush=True)


def sign_in_turn(peers: dict[str, Server], public: int, names: itertools.cycle, clients: int, seconds: int) -> dict:
    """So many clients, each with a connection that stays open, one sign-in after the other."""
    done: list[tuple[float, float, bool]] = []
    over, lock = threading.Event(), threading.Lock()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", public, timeout=60)
        while not over.is_set():
            with lock:
                name = next(names)
            begun = time.monotonic()
            good = sign_in(connection, name)
            done.append((time.monotonic(), time.monotonic() - begun, good))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(2)  # not counted: until the queue is full
    begun, before, own = time.monotonic(), spent_by(peers), time.process_time()
    time.sleep(seconds)
    ended, after, own = time.monotonic(), spent_by(peers), time.process_time() - own
    over.set()
    for thread in threads:
        thread.join()
    counted = [(took, good) for moment, took, good in done if begun <= moment < ended]
    took = [took for took, good in counted if good] or [float("nan")]
    shares = {name: (after[name] - before[name]) / (ended - begun) for name in peers}
    figures = {"rate": sum(good for _, good in counted) / (ended - begun), "client": own / (ended - begun)}
    return shares | figures | quantiles(took) | {"refused": sum(not good for _, good in counted)}


def sign_in(connection: http.client.HTTPConnection, name: str) -> bool:
    body = json.dumps({"username": name, "password": PASSWORD})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/rest/V1/integration/customer/token", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200


def spent_by(peers: dict[str, Server]) -> dict[str, float]:
    return {name: peer.cpu_seconds() for name, peer in peers.items()}


def quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
    return {"p50": at(0.5), "p99": at(0.99), "max": ordered[-1]}


# === Questions to the database ===


def measure_rest(options: argparse.Namespace, shop: Shop, server: Server, what: str) -> float:
    """Statements a second while nobody asks for anything."""
    seconds = min(options.seconds, 20)
    before = shop.counted()
    time.sleep(seconds)
    asked = per_second(before, shop.counted())
    figures = metrics(server)
    live, interval = figures["tokenward_sessions"], figures["tokenward_shop_poll_interval_seconds"]
    print(f"\nAt rest for {seconds} s {what}: {asked['questions']:.1f} queries a second at MariaDB", end=" ")
    print(f"({live:.0f} live sessions, a look at the shop every {interval:.1f} s)", flush=True)
    return asked["questions"]


def per_second(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    time_between = after["moment"] - before["moment"]
    return {name: (after[name] - before[name]) / time_between for name in before}


def metrics(server: Server) -> dict[str, float]:
    """The server's own figures, summed over their labels but for the outcomes of checks."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    figures: dict[str, float] = {}
    for name, labels, value in re.findall(r"^([a-z_]+)(\{.*\})? (\S+)$", text, re.MULTILINE):
        outcome = re.search(r'outcome="(\w+)"', labels)
        name = f"{name} {outcome[1]}" if outcome else name
        figures[name] = figures.get(name, 0) + float(value)
    return figures


def measure_crowd(options: argparse.Namespace, shop: Shop, server: Server, folder: pathlib.Path) -> None:
    """Queries at rest when very many customers have live sessions, whose tokens the shop has issued."""
    count, first = options.sessions, 1_000_000
    insert_customers(shop, first, count, "crowd")
    shop.ask(
        "INSERT INTO oauth_token (customer_id, type, token, secret, callback_url, user_type) "
        f"SELECT {first} + seq, 'access', CONCAT('crowd', LPAD(seq, 27, '0')), '0:3:unread', '', 3 FROM seq_0_to_{count - 1}"
    )
    tokens = folder / "crowd.tokens"
    tokens.write_text("".join(f"crowd{number:027}\n" for number in range(count)))
    for _ in range(10):
        wrk("check.lua", server.port, 256, 5 if count > 10_000 else 1, str(tokens))
        if metrics(server)["tokenward_sessions"] >= 0.99 * count:
            break
    time.sleep(2 * POLL)  # the first look at so many
    measure_rest(options, shop, server, f"with {count} customers who have tokens of the shop")


# === Garbage ===


def measure_garbage(options: argparse.Namespace, peers: dict[str, Server], shop: Shop, at_rest: float) -> None:
    """Tokens of the right shape that nobody has issued, and the shop's new tokens meanwhile."""
    server, rate = peers["tokenward"], options.garbage / 60
    new, followed = [], []
    with asking_meanwhile(lambda over: ask_for_new_tokens(shop, server.port, new, over)):
        with asking_meanwhile(lambda over: ask_before_the_row(shop, server.port, followed, over)):
            wrk("garbage.lua", server.port, CARRIERS, 1, str(rate))  # not counted: connections
            before = snapshot(peers, shop)
            result = wrk("garbage.lua", server.port, CARRIERS, options.seconds, str(rate))
            after = snapshot(peers, shop)
    print_garbage(options, rate, result, before, after)
    asked = per_second(before["database"], after["database"])
    print(f"  queries a second at MariaDB: {asked['questions']:.1f}, at most {QUESTIONS_A_SECOND}:", end=" ")
    print(f"{verdict(asked['questions'] <= QUESTIONS_A_SECOND, 'queries a second under garbage')}", end=" ")
    print(f"(at rest {at_rest:.1f}; prepared {asked['com_stmt_prepare']:.1f}; by the server's own count", end=" ")
    own = after["metrics"]["tokenward_shop_database_questions_total"]
    own -= before["metrics"]["tokenward_shop_database_questions_total"]
    print(f"{own / (after['database']['moment'] - before['database']['moment']):.1f})")
    print_found("a new token of the shop is found after", new, FOUND_WITHIN)
    print_found(f"one asked about before its row was there (magento.poll {POLL} s, and 1 s)", followed, FOLLOWED_WITHIN)


@contextlib.contextmanager
def asking_meanwhile(work: Callable[[threading.Event], None]):
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ask_for_new_tokens(shop: Shop, port: int, delays: list[float], over: threading.Event) -> None:
    """Once a second the shop issues a token, and its owner uses it at once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)
    while not over.wait(1):
        token = honest_token()
        shop.insert_token(token, FIRST_CUSTOMER)
        delays.append(time_until_good(connection, token))


def ask_before_the_row(shop: Shop, port: int, delays: list[float], over: threading.Event) -> None:
    """The same for somebody who has asked too early: the miss is remembered until the shop is looked at."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)
    while not over.wait(0.3):
        token = honest_token()
        if not is_good(connection, token):
            shop.insert_token(token, FIRST_CUSTOMER + 1)
            delays.append(time_until_good(connection, token))


def honest_token() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(32))


def time_until_good(connection: http.client.HTTPConnection, token: str) -> float:
    begun = time.monotonic()
    while not is_good(connection, token) and time.monotonic() - begun < GIVE_UP:
        time.sleep(AGAIN)
    return time.monotonic() - begun


def is_good(connection: http.client.HTTPConnection, token: str) -> bool:
    connection.request("GET", "/check?require=customer", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200


def snapshot(peers: dict[str, Server], shop: Shop) -> dict:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = spent_by(peers) | {"generator": children.ru_utime + children.ru_stime}
    return {"spent": spent, "metrics": metrics(peers["tokenward"]), "database": shop.counted()}


def print_garbage(options: argparse.Namespace, rate: float, result: dict, before: dict, after: dict) -> None:
    sent = result["requests"] / result["microseconds"] * 1e6
    print(f"\nGarbage: {options.garbage} tokens a minute for {options.seconds} s, {rate:.0f} a second:", end=" ")
    print(f"{sent:.0f} sent: {verdict(sent >= ENOUGH * rate, 'the pace of garbage')}")
    counted = lambda name: after["metrics"].get(name, 0) - before["metrics"].get(name, 0)
    undecided = counted("tokenward_checks_total undecided")
    decided = undecided <= UNDECIDED * result["requests"] and result["failed"] == 0
    print(f"  {result['requests']} refused, {undecided:.0f} of them not decided, {result['failed']} not answered:", end=" ")
    print(f"{verdict(decided, 'answers to garbage')};", end=" ")
    print(f"answered after p50 {result['p50'] / 1e3:.1f}, p99 {result['p99'] / 1e3:.1f}, at most {result['max'] / 1e3:.1f} ms")
    shares = {name: (after["spent"][name] - before["spent"][name]) / options.seconds for name in before["spent"]}
    print("  CPU in cores: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))


def print_found(what: str, delays: list[float], limit: float) -> None:
    if not delays:
        print(f"  {what}: nothing was asked, too short a time")
        return
    figures = {name: seconds * 1e3 for name, seconds in quantiles(delays).items()}
    print(f"  {what}: p50 {figures['p50']:.0f}, p99 {figures['p99']:.0f}, at most {figures['max']:.0f} ms", end=" ")
    print(f"of {len(delays)}; each within {limit * 1e3:.0f} ms: {verdict(max(delays) <= limit, what)}", flush=True)
