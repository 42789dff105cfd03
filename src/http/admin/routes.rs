//! All routes: the table that is mounted, and that tests go through.

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, Route as Handled, guard};

use crate::http::admin::caller::{self, Needs};
use crate::http::admin::error::AdminError;
use crate::http::admin::{BASE, input, locks, sessions, settings, users};

/// One route.
#[derive(Debug)]
pub struct Route {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path below [`BASE`], with its parameters in braces.
    pub path: &'static str,
    /// What the caller has to be allowed.
    needs: Needs,
    handler: fn(Handled) -> Handled,
}

/// All routes; those with the same path stand together.
pub static ROUTES: &[Route] = &[
    route("GET", "/settings", Needs::Settings, |route| route.to(settings::list_settings)),
    route("GET", "/settings/{path}", Needs::Settings, |route| route.to(settings::show_setting)),
    route("PUT", "/settings/{path}", Needs::Settings, |route| route.to(settings::change_setting)),
    route("DELETE", "/settings/{path}", Needs::Settings, |route| route.to(settings::reset_setting)),
    route("GET", "/sessions", Needs::UsersOfQuery, |route| route.to(sessions::list_sessions)),
    route("DELETE", "/sessions", Needs::UsersOfQuery, |route| route.to(sessions::end_sessions)),
    route("GET", "/sessions/{id}", Needs::AnyUsers, |route| route.to(sessions::show_session)),
    route("DELETE", "/sessions/{id}", Needs::AnyUsers, |route| route.to(sessions::end_session)),
    route("DELETE", "/users/{kind}/{id}/sessions", Needs::UsersOfPath, |route| route.to(users::end_user_sessions)),
    route("GET", "/locks/customers", Needs::Customers, |route| route.to(locks::list_locked_customers)),
    route("DELETE", "/locks/customers/{id}", Needs::Customers, |route| route.to(locks::unlock_customer)),
    route("GET", "/locks/throttle", Needs::UsersOfQuery, |route| route.to(locks::list_throttled_names)),
    route("DELETE", "/locks/throttle", Needs::UsersOfQuery, |route| route.to(locks::clear_throttled_name)),
];

/// Mounts all routes. A path of the table answers other methods with what it can do.
pub(super) fn mount(config: &mut ServiceConfig) {
    for routes in ROUTES.chunk_by(|left, right| left.path == right.path) {
        let resource = web::resource(pattern(routes[0].path)).default_service(web::route().to(method_not_allowed));
        config.service(routes.iter().fold(resource, |resource, route| resource.route(route.guarded())));
    }
}

impl Route {
    /// What answers the route, behind what the route itself needs.
    fn guarded(&self) -> Handled {
        let (methods, needs) = (self.methods(), self.needs);
        let asked = web::route().guard(guard::fn_guard(move |context| {
            methods.iter().any(|method| context.head().method.as_str() == *method)
        }));
        (self.handler)(asked)
            .wrap(from_fn(input::read_in_time))
            .wrap(from_fn(move |request, next| caller::authorise(needs, request, next)))
    }

    /// The methods that it answers: HEAD like GET, and the server leaves the body out (RFC 9110, 9.3.2).
    fn methods(&self) -> Vec<&'static str> {
        let head = (self.method == "GET").then_some("HEAD");
        std::iter::once(self.method).chain(head).collect()
    }
}

const fn route(method: &'static str, path: &'static str, needs: Needs, handler: fn(Handled) -> Handled) -> Route {
    Route { method, path, needs, handler }
}

/// Magento's paths have slashes.
fn pattern(path: &str) -> String {
    path.replace("{path}", "{path:.+}")
}

async fn method_not_allowed(request: HttpRequest) -> Result<&'static str, AdminError> {
    let matched = request.match_pattern().unwrap_or_default();
    let same = |route: &&Route| matched == format!("{BASE}{}", pattern(route.path));
    let methods: Vec<_> = ROUTES.iter().filter(same).flat_map(Route::methods).collect();
    Err(AdminError::MethodNotAllowed(methods.join(", ")))
}
