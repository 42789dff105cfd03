"""Changes a lifetime and ends a session with the client that is made from openapi.json.

On the command line: the address of the public listener, that of the admin listener. The package `tokenward_client` is
to be found on the path.
"""

import sys

from tokenward_client import AuthenticatedClient, Client
from tokenward_client.api.sessions import end_session, end_user_sessions, list_sessions
from tokenward_client.api.settings import change_setting, list_settings, reset_setting, show_setting
from tokenward_client.api.tokens import admin_token, customer_token
from tokenward_client.models import (
    AdministratorCredentials,
    CustomerCredentials,
    Problem,
    Session,
    SessionPage,
    SessionsEnded,
    Setting,
    SettingChange,
    SettingChanged,
    SettingList,
    UserKind,
)

LIFETIME = "oauth/access_token_lifetime/customer"


def main() -> None:
    public_address, admin_address = sys.argv[1:]
    public = Client(base_url=f"http://{public_address}", raise_on_unexpected_status=True)
    token = admin_token.sync(client=public, body=AdministratorCredentials(username="admin", password="admin123"))
    admin = AuthenticatedClient(base_url=f"http://{admin_address}", token=token, raise_on_unexpected_status=True)
    change_lifetime(admin)
    end_customers_session(admin, public)
    print("good")


def change_lifetime(admin: AuthenticatedClient) -> None:
    listed = list_settings.sync(client=admin)
    assert isinstance(listed, SettingList) and LIFETIME in [setting.path for setting in listed.settings]

    changed = change_setting.sync(LIFETIME, client=admin, body=SettingChange(value="2"))
    assert isinstance(changed, SettingChanged) and (changed.value, changed.sessions_ended) == ("2", 0), changed
    shown = show_setting.sync(LIFETIME, client=admin)
    assert isinstance(shown, Setting) and shown.unit == "hours" and shown.values[0].value == "2", shown

    refused = change_setting.sync(LIFETIME, client=admin, body=SettingChange(value="soon"))
    assert isinstance(refused, Problem) and refused.status == 422, refused

    reset = reset_setting.sync(LIFETIME, client=admin)
    assert isinstance(reset, SettingChanged) and (reset.value, reset.inherited) == ("1", True), reset


def end_customers_session(admin: AuthenticatedClient, public: Client) -> None:
    credentials = CustomerCredentials(username="customer@example.com", password="password")
    assert isinstance(customer_token.sync(client=public, body=credentials), str)
    page = list_sessions.sync(client=admin, kind=UserKind.CUSTOMER)
    assert isinstance(page, SessionPage) and page.next_ is None and len(page.sessions) == 1, page
    session = page.sessions[0]
    assert isinstance(session, Session) and session.website == "base", session

    ended = end_session.sync(session.id, client=admin)
    assert isinstance(ended, SessionsEnded) and ended.sessions_ended == 1, ended
    again = end_session.sync(session.id, client=admin)
    assert isinstance(again, Problem) and again.status == 404, again
    none_left = end_user_sessions.sync(UserKind.CUSTOMER, session.user.id, client=admin)
    assert isinstance(none_left, SessionsEnded) and none_left.sessions_ended == 0, none_left


main()
