"""Signs in as administrator with the library `my-magento`, against the address on the command line.

The library proves its token with GET /rest/V1/store/websites and raises when the answer is no.
"""

import sys

from magento.clients import Client
from magento.exceptions import AuthenticationError


def client(address: str, password: str) -> Client:
    """A client that has not signed in yet.

    The library drops a port from its `domain`, so the base is put in afterwards; a user agent is given because it
    would look one up on the internet otherwise. It writes its logs into the working directory, whatever it is told.
    """
    made = Client(
        "localhost",
        "admin",
        password,
        local=True,
        login=False,
        user_agent="my-magento",
        log_level="ERROR",
        log_file="client.log",
    )
    made.BASE_URL = f"http://{address}/rest/V1/"
    return made


def main() -> None:
    address = sys.argv[1]
    signed_in = client(address, "admin123")
    assert signed_in.authenticate() is True
    assert len(signed_in.ACCESS_TOKEN) == 32, "an opaque token has 32 characters"
    websites = signed_in.get(signed_in.url_for("store/websites")).json()
    assert [site["code"] for site in websites if site["id"] != 0] == ["base"], websites

    try:
        client(address, "wrong password").authenticate()
    except AuthenticationError:
        print("good")
    else:
        raise AssertionError("a wrong password was accepted")


main()
