"""Magento's password hash by libsodium, with which PHP computes it: what this machine can do at most, for comparison."""

import ctypes
import ctypes.util
import statistics
import threading
import time

OUTPUT, ITERATIONS, MEMORY = 32, 2, 67_108_864
ARGON2ID_1_3 = 2


def load() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("sodium")
    library = ctypes.CDLL(name) if name else None
    return library if library is not None and library.sodium_init() >= 0 else None


def hash_once(library: ctypes.CDLL) -> None:
    output, salt, password = ctypes.create_string_buffer(OUTPUT), b"Z5QCnDdimOMdYJj3", b"Current-pass-3"
    integers = (ctypes.c_ulonglong(ITERATIONS), ctypes.c_size_t(MEMORY), ctypes.c_int(ARGON2ID_1_3))
    refused = library.crypto_pwhash(
        output, ctypes.c_ulonglong(OUTPUT), password, ctypes.c_ulonglong(len(password)), salt, *integers
    )
    if refused:
        raise MemoryError("libsodium has no memory for a hash")


def seconds_for_one(library: ctypes.CDLL, rounds: int) -> float:
    """Of the processor, so that it does not matter who else wants it."""
    times = []
    for _ in range(rounds):
        begun = time.thread_time()
        hash_once(library)
        times.append(time.thread_time() - begun)
    return statistics.median(times)


def hashes_a_second(library: ctypes.CDLL, threads: int, rounds: int) -> float:
    """On so many threads at once."""
    workers = [threading.Thread(target=seconds_for_one, args=(library, rounds)) for _ in range(threads)]
    begun = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return threads * rounds / (time.monotonic() - begun)
