//! All settings, with Magento's paths, labels, comments, defaults and scopes (fact sheet 1.6, 2.14, 4.6, 5, 9.7, 11).
//!
//! Left out are the credentials of outside providers of second factors (Duo, Authy): tokenward asks none of them, and
//! must not keep secrets in clear.

use crate::settings::definition::{LEEWAY, PROVIDERS};
use crate::settings::{Definition, Kind, Reach};

/// A setting of the default scope that may be empty.
const fn setting(path: &'static str, label: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { path, label, comment: "", unit: "", default, kind, required: false, reach: Reach::Default }
}

impl Definition {
    const fn comment(self, comment: &'static str) -> Self {
        Self { comment, ..self }
    }

    const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn reach(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }
}

const SIGNATURES: Kind =
    Kind::Choice(&["HS256", "HS384", "HS512", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW"]);
const ENCRYPTIONS: Kind =
    Kind::Choice(&["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]);
const EMPTY_LIFETIME: &str = "We will disable this feature if the value is empty.";
const NO_LOCKING: &str = "Use 0 to disable account locking.";

/// All settings, ordered by path.
pub static DEFINITIONS: &[Definition] = &[
    setting("admin/security/lockout_failures", "Maximum Login Failures to Lockout Account", "6", Kind::Digits)
        .comment(NO_LOCKING),
    setting("admin/security/lockout_threshold", "Lockout Time (minutes)", "30", Kind::Number).unit("minutes"),
    setting("admin/security/password_lifetime", "Password Lifetime (days)", "90", Kind::Number).unit("days"),
    setting("admin/security/use_case_sensitive_login", "Login is Case Sensitive", "0", Kind::YesNo),
    setting("checkout/options/enable_guest_checkout_login", "Enable Guest Checkout Login", "0", Kind::YesNo)
        .reach(Reach::Website),
    setting("currency/options/allow", "Allowed Currencies", "USD", Kind::Text).required().reach(Reach::Store),
    setting("currency/options/base", "Base Currency", "USD", Kind::Text).required().reach(Reach::Website),
    setting("currency/options/default", "Default Display Currency", "USD", Kind::Text).required().reach(Reach::Store),
    setting(
        "customer/account_information/confirm",
        "Require email confirmation if email has been changed",
        "0",
        Kind::YesNo,
    )
    .reach(Reach::Website),
    setting("customer/account_share/scope", "Share Customer Accounts", "1", Kind::Choice(&["0", "1"]))
        .required()
        .comment("0: globally; 1: per website"),
    setting("customer/create_account/confirm", "Require Emails Confirmation", "0", Kind::YesNo).reach(Reach::Website),
    setting("customer/create_account/default_group", "Default Group", "1", Kind::Digits).required().reach(Reach::Store),
    setting(
        "customer/password/autocomplete_on_storefront",
        "Enable Autocomplete on login/forgot password forms",
        "1",
        Kind::YesNo,
    )
    .reach(Reach::Store),
    setting("customer/password/lockout_failures", "Maximum Login Failures to Lockout Account", "10", Kind::Digits)
        .comment(NO_LOCKING),
    setting("customer/password/lockout_threshold", "Lockout Time (minutes)", "10", Kind::Number).unit("minutes"),
    setting("customer/password/minimum_password_length", "Minimum Password Length", "8", Kind::Digits)
        .required()
        .unit("characters"),
    setting(
        "customer/password/required_character_classes_number",
        "Number of Required Character Classes",
        "3",
        Kind::Within(1, 4),
    )
    .required(),
    setting(
        "customer/password/reset_link_expiration_period",
        "Recovery Link Expiration Period (hours)",
        "2",
        Kind::Digits,
    )
    .required()
    .unit("hours"),
    setting("general/locale/code", "Locale", "en_US", Kind::Text).required().reach(Reach::Store),
    setting("general/locale/timezone", "Timezone", "UTC", Kind::Text).required().reach(Reach::Website),
    setting("general/locale/weight_unit", "Weight Unit", "lbs", Kind::Choice(&["lbs", "kgs"]))
        .required()
        .reach(Reach::Store),
    setting("graphql/validation/alias_limit_enabled", "Limit Aliases in a GraphQL Query", "1", Kind::YesNo),
    setting(
        "graphql/validation/maximum_alias_allowed",
        "Maximum Number of Aliases in a GraphQL Query",
        "10",
        Kind::Digits,
    )
    .required(),
    setting("login_as_customer/general/enabled", "Enable Login as Customer", "1", Kind::YesNo),
    setting("oauth/access_token_lifetime/admin", "Admin Token Lifetime (hours)", "4", Kind::Number)
        .unit("hours")
        .comment(EMPTY_LIFETIME),
    setting("oauth/access_token_lifetime/customer", "Customer Token Lifetime (hours)", "1", Kind::Number)
        .unit("hours")
        .comment(EMPTY_LIFETIME),
    setting(
        "oauth/authentication_lock/max_failures_count",
        "Maximum Login Failures to Lock Out Account",
        "6",
        Kind::Digits,
    )
    .required()
    .comment("Maximum Number of authentication failures to lock out account."),
    setting("oauth/authentication_lock/timeout", "Lockout Time (seconds)", "1800", Kind::Number)
        .required()
        .unit("seconds")
        .comment("Period of time in seconds after which account will be unlocked."),
    setting("oauth/cleanup/cleanup_probability", "Cleanup Probability", "100", Kind::Digits)
        .required()
        .comment("Integer. Launch cleanup in X OAuth requests. 0 (not recommended) - to disable cleanup"),
    setting("oauth/cleanup/expiration_period", "Expiration Period", "120", Kind::Number)
        .required()
        .unit("minutes")
        .comment("Cleanup entries older than X minutes."),
    setting(
        "oauth/consumer/enable_integration_as_bearer",
        "Allow OAuth Access Tokens to be used as standalone Bearer tokens",
        "0",
        Kind::YesNo,
    )
    .reach(Reach::Store),
    setting("oauth/consumer/expiration_period", "Expiration Period", "300", Kind::Number)
        .required()
        .unit("seconds")
        .comment("Consumer key/secret will expire if not used within X seconds after Oauth token exchange starts."),
    setting("oauth/consumer/post_maxredirects", "OAuth consumer credentials HTTP Post maxredirects", "0", Kind::Digits)
        .required()
        .comment("Number of maximum redirects for OAuth consumer credentials Post request."),
    setting("oauth/consumer/post_timeout", "OAuth consumer credentials HTTP Post timeout", "5", Kind::Number)
        .required()
        .unit("seconds")
        .comment("Timeout for OAuth consumer credentials Post request within X seconds."),
    setting(
        "twofactorauth/authy/onetouch_message",
        "OneTouch Message",
        "Login request to your Magento Admin",
        Kind::Text,
    ),
    setting(
        "twofactorauth/general/auth_lock_expire",
        "Two-Factor Authentication lockout time (seconds)",
        "300",
        Kind::Within(120, 1800),
    )
    .required()
    .unit("seconds"),
    setting(PROVIDERS, "Providers to use", "", Kind::Text).required(),
    setting(
        "twofactorauth/general/twofactorauth_retry",
        "Retry attempt limit for Two-Factor Authentication",
        "10",
        Kind::Digits,
    )
    .required(),
    setting("twofactorauth/general/webapi_notification_url", "Configuration Email URL for Web API", "", Kind::Text),
    setting(LEEWAY, "Leeway", "29", Kind::Within(1, 29)).required().unit("seconds"),
    setting("twofactorauth/u2fkey/webapi_challenge_domain", "WebApi Challenge Domain", "", Kind::Text),
    setting("web/secure/base_url", "Secure Base URL", "", Kind::Text).reach(Reach::Store),
    setting("web/unsecure/base_url", "Base URL", "", Kind::Text).reach(Reach::Store),
    setting("webapi/jwtauth/admin_expiration", "Admin User JWT Expires In", "60", Kind::Number)
        .unit("minutes")
        .comment("(minutes)"),
    setting("webapi/jwtauth/customer_expiration", "Customer JWT Expires In", "60", Kind::Number)
        .unit("minutes")
        .comment("(minutes)"),
    setting("webapi/jwtauth/jwe_alg", "Content encryption algorithm for JWEs", "A128GCM", ENCRYPTIONS)
        .required()
        .comment("Encryption algorithm for JWT content to be used when JWE algorithm is selected"),
    setting("webapi/jwtauth/jwt_alg", "Algorithm to sign/encrypt JWTs used for authentication", "HS256", SIGNATURES)
        .required()
        .comment("Selected algorithm will define JWT type used (JWS or JWE)"),
];
