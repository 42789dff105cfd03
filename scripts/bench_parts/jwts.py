"""JWTs as Magento issues them."""

import base64
import hashlib
import hmac
import pathlib
import time

from bench_parts.servers import KEY

# How long they are good, in seconds.
A_DAY = 86_400


def write_jwts(customers: int, file: pathlib.Path) -> pathlib.Path:
    """One for each of so many customers, a line each. The key is prepared once: half a million are to be made."""
    left = (2048 - len(KEY)) // 2
    keyed = hmac.new((b"&" * left + KEY.encode()).ljust(2048, b"&"), digestmod=hashlib.sha256)
    head = encoded(b'{"kid":"1","alg":"HS256"}') + b"."
    now = int(time.time())
    with file.open("wb") as lines:
        for customer in range(1, customers + 1):
            claims = b'{"uid":%d,"utypid":3,"iat":%d,"exp":%d}' % (customer, now, now + A_DAY)
            signed = head + encoded(claims)
            signature = keyed.copy()
            signature.update(signed)
            lines.write(signed + b"." + encoded(signature.digest()) + b"\n")
    return file


def encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
