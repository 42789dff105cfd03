//! `GET /V1/store/websites`: clients call it to prove that their admin token works.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use serde::Serialize;

use crate::http::rest::Call;
use crate::http::rest::error::RestError;
use crate::settings::StoreDirectory;

/// The resource that the caller's role has to allow.
const RESOURCE: &str = "Magento_Backend::store";

/// All websites, the administrators' scope first.
pub(super) async fn websites(call: &Call<'_>) -> Result<HttpResponse, RestError> {
    call.administrator(RESOURCE).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json; charset=utf-8")
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(list(&call.snapshot.stores)))
}

#[derive(Debug, PartialEq, Serialize)]
struct WebsiteData<'a> {
    id: u16,
    code: &'a str,
    name: &'a str,
    default_group_id: u16,
}

fn list(stores: &StoreDirectory) -> Vec<WebsiteData<'_>> {
    // The directory holds only what customers can belong to; Magento's list begins with the row of id 0 (fact sheet 8.5).
    let administrators = WebsiteData { id: 0, code: "admin", name: "Admin", default_group_id: 0 };
    let websites = stores.websites().iter().filter(|website| website.id.0 != 0);
    std::iter::once(administrators)
        .chain(websites.map(|website| WebsiteData {
            id: website.id.0,
            code: &website.code,
            name: &website.name,
            default_group_id: website.default_group_id,
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websites_follow_the_administrators_scope() {
        assert_eq!(
            serde_json::to_string(&list(&StoreDirectory::fresh())).unwrap(),
            concat!(
                r#"[{"id":0,"code":"admin","name":"Admin","default_group_id":0},"#,
                r#"{"id":1,"code":"base","name":"Main Website","default_group_id":1}]"#
            )
        );
    }
}
