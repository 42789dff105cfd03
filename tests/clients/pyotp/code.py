"""Reads an otpauth address from standard input, as an app does from a QR code, and prints what the app would show:
issuer, account and the code of now, a line each.
"""

import sys

import pyotp

app = pyotp.parse_uri(sys.stdin.readline().strip())
assert isinstance(app, pyotp.TOTP), app
print(app.issuer, app.name, app.now(), sep="\n")
