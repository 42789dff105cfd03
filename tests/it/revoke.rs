//! A revoked token is dead at the moment the revocation is answered.

use serde_json::json;

use crate::support::TestServer;

const UNKNOWN: &str = "Composite reader could not read a token";

#[test]
fn a_revoked_token_is_refused_everywhere_at_once() {
    let server = TestServer::demo();
    let (first, second) = (server.customer(), server.customer());
    let answer = server.graphql(Some(&first), "mutation { revokeCustomerToken { result } }");
    assert_eq!(answer.assert_status(200).at("/data/revokeCustomerToken/result"), true);
    for token in [&first, &second] {
        server.gateway(Some(token), "").assert_status(401);
        server.graphql(Some(token), "{ customer { email } }").assert_refused(401, UNKNOWN);
        server.get(Some(token), "/rest/V1/customers/me").assert_status(401);
    }
}

#[test]
fn one_device_can_sign_out_alone() {
    let server = TestServer::demo();
    let (phone, laptop) = (server.customer(), server.customer());
    let answer = server.graphql(Some(&phone), "mutation { revokeCustomerToken(scope: CURRENT) { result } }");
    assert_eq!(answer.assert_status(200).at("/data/revokeCustomerToken/result"), true);
    server.gateway(Some(&phone), "").assert_status(401);
    server.gateway(Some(&laptop), "").assert_status(200);
}

#[test]
fn rest_revokes_all_of_a_customers_tokens() {
    let server = TestServer::demo();
    let (first, second) = (server.customer(), server.customer());
    let answer = server.post(Some(&first), "/rest/V1/integration/customer/revoke-customer-token", &json!({}));
    assert_eq!(answer.assert_status(200).json(), json!(true));
    server.gateway(Some(&first), "").assert_status(401);
    server.gateway(Some(&second), "").assert_status(401);
}

#[test]
fn somebody_elses_tokens_stay_good() {
    let server = TestServer::demo();
    let (customer, admin) = (server.customer(), server.admin());
    server.graphql(Some(&customer), "mutation { revokeCustomerToken { result } }").assert_status(200);
    server.gateway(Some(&admin), "?require=admin").assert_status(200);
}

#[test]
fn a_guest_has_nothing_to_revoke() {
    let server = TestServer::demo();
    let answer = server.graphql(None, "mutation { revokeCustomerToken { result } }");
    answer.assert_refused(403, "The current customer isn't authorized.");
    let answer = server.post(None, "/rest/V1/integration/customer/revoke-customer-token", &json!({}));
    answer.assert_refused(401, "The consumer isn't authorized to access %resources.");
}

#[test]
fn a_changed_lifetime_acts_on_live_tokens_and_can_be_changed_back() {
    let server = TestServer::demo();
    let token = server.customer();
    let path = "oauth/access_token_lifetime/customer";
    // An empty lifetime is over from the start, as in the newest Magento.
    server.command(&["setting", "set", path, ""], "").printed();
    server.graphql(Some(&token), "{ customer { email } }").assert_refused(401, "Consumer key has expired");
    server.gateway(Some(&token), "").assert_status(401);
    server.command(&["setting", "reset", path], "").printed();
    server.gateway(Some(&token), "").assert_status(200);
}
