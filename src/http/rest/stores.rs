//! `GET /V1/store/{websites,storeViews,storeConfigs}`: clients call the first to prove that their admin token works.

use actix_web::HttpResponse;
use actix_web::web::Query;
use serde::Serialize;

use crate::http::rest::Call;
use crate::http::rest::error::RestError;
use crate::settings::{Settings, StoreDirectory, StoreView};

/// The resource that the caller's role has to allow.
const RESOURCE: &str = "Magento_Backend::store";

/// All websites, the administrators' scope first.
pub(super) async fn websites(call: &Call<'_>) -> Result<HttpResponse, RestError> {
    call.administrator(RESOURCE).await?;
    Ok(call.answer_with(&website_list(&call.snapshot.stores)))
}

/// All store views, active or not, the administrators' scope first.
pub(super) async fn store_views(call: &Call<'_>) -> Result<HttpResponse, RestError> {
    call.administrator(RESOURCE).await?;
    Ok(call.answer_with(&store_list(&call.snapshot.stores)))
}

/// What is set for each store view, or for those that the query names with `storeCodes[]`.
pub(super) async fn store_configs(call: &Call<'_>) -> Result<HttpResponse, RestError> {
    call.administrator(RESOURCE).await?;
    let wanted = codes(call.request.query_string());
    let is_wanted = |store: &&StoreView| wanted.is_empty() || wanted.contains(&store.code);
    let stores = call.snapshot.stores.stores().iter().filter(is_wanted);
    let list: Vec<_> = stores.map(|store| StoreConfig::of(store, &call.snapshot.settings)).collect();
    Ok(call.answer_with(&list))
}

/// The directory holds only what customers can belong to; Magento's lists begin with the rows of id 0 (fact sheet 8.5).
const ADMINISTRATORS: u16 = 0;

#[derive(Debug, PartialEq, Serialize)]
struct WebsiteData<'a> {
    id: u16,
    code: &'a str,
    name: &'a str,
    default_group_id: u16,
}

fn website_list(stores: &StoreDirectory) -> Vec<WebsiteData<'_>> {
    let administrators = WebsiteData { id: ADMINISTRATORS, code: "admin", name: "Admin", default_group_id: 0 };
    let websites = stores.websites().iter().filter(|website| website.id.0 != ADMINISTRATORS);
    std::iter::once(administrators)
        .chain(websites.map(|website| WebsiteData {
            id: website.id.0,
            code: &website.code,
            name: &website.name,
            default_group_id: website.default_group_id,
        }))
        .collect()
}

#[derive(Debug, PartialEq, Serialize)]
struct StoreData<'a> {
    id: u16,
    code: &'a str,
    name: &'a str,
    website_id: u16,
    store_group_id: u16,
    is_active: u8,
}

fn store_list(stores: &StoreDirectory) -> Vec<StoreData<'_>> {
    let administrators = StoreData {
        id: ADMINISTRATORS,
        code: "admin",
        name: "Admin",
        website_id: ADMINISTRATORS,
        store_group_id: 0,
        is_active: 1,
    };
    let views = stores.stores().iter().filter(|store| store.id.0 != ADMINISTRATORS);
    std::iter::once(administrators)
        .chain(views.map(|store| StoreData {
            id: store.id.0,
            code: &store.code,
            name: &store.name,
            website_id: store.website.0,
            store_group_id: store.group_id,
            is_active: u8::from(store.is_active),
        }))
        .collect()
}

/// The codes that a query names.
fn codes(query: &str) -> Vec<String> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_or_else(|_| Vec::new(), Query::into_inner);
    let is_codes = |key: &str| matches!(key.split('[').next(), Some("storeCodes" | "store_codes"));
    pairs.into_iter().filter_map(|(key, code)| is_codes(&key).then_some(code)).collect()
}

/// Magento's configuration of a store view, as far as clients are told.
#[derive(Debug, Serialize)]
struct StoreConfig<'a> {
    id: u16,
    code: &'a str,
    website_id: u16,
    locale: &'a str,
    base_currency_code: &'a str,
    default_display_currency_code: &'a str,
    timezone: &'a str,
    weight_unit: &'a str,
    base_url: String,
    base_link_url: String,
    base_static_url: String,
    base_media_url: String,
    secure_base_url: String,
    secure_base_link_url: String,
    secure_base_static_url: String,
    secure_base_media_url: String,
}

impl<'a> StoreConfig<'a> {
    fn of(store: &'a StoreView, settings: &'a Settings) -> Self {
        let text = |path| settings.text_for(path, store);
        let plain = below(text("web/unsecure/base_url"));
        let secure = below(text("web/secure/base_url"));
        Self {
            id: store.id.0,
            code: &store.code,
            website_id: store.website.0,
            locale: text("general/locale/code"),
            base_currency_code: text("currency/options/base"),
            default_display_currency_code: text("currency/options/default"),
            timezone: text("general/locale/timezone"),
            weight_unit: text("general/locale/weight_unit"),
            base_url: plain(""),
            base_link_url: plain(""),
            base_static_url: plain("static/"),
            base_media_url: plain("media/"),
            secure_base_url: secure(""),
            secure_base_link_url: secure(""),
            secure_base_static_url: secure("static/"),
            secure_base_media_url: secure("media/"),
        }
    }
}

/// Addresses below a base address, which ends with a slash as Magento demands of it. Without a base address none is known.
fn below(base: &str) -> impl Fn(&str) -> String {
    move |path| if base.is_empty() { String::new() } else { format!("{}/{path}", base.trim_end_matches('/')) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Scope;

    #[test]
    fn the_websites_follow_the_administrators_scope() {
        assert_eq!(
            serde_json::to_string(&website_list(&StoreDirectory::fresh())).unwrap(),
            concat!(
                r#"[{"id":0,"code":"admin","name":"Admin","default_group_id":0},"#,
                r#"{"id":1,"code":"base","name":"Main Website","default_group_id":1}]"#
            )
        );
    }

    #[test]
    fn the_store_views_follow_the_administrators_scope() {
        assert_eq!(
            serde_json::to_string(&store_list(&StoreDirectory::fresh())).unwrap(),
            concat!(
                r#"[{"id":0,"code":"admin","name":"Admin","website_id":0,"store_group_id":0,"is_active":1},"#,
                r#"{"id":1,"code":"default","name":"Default Store View","website_id":1,"store_group_id":1,"is_active":1}]"#
            )
        );
    }

    #[test]
    fn a_store_views_addresses_are_below_its_base_address() {
        let stores = StoreDirectory::fresh();
        let store = stores.default_store();
        let mut settings = Settings::default();
        for (scope, value) in [(Scope::Default, "http://a.test/"), (Scope::Store(store.id), "http://b.test/shop")] {
            settings.set("web/unsecure/base_url", scope, Some(value.to_owned()));
        }
        let config = StoreConfig::of(store, &settings);
        assert_eq!((config.base_url.as_str(), config.secure_base_url.as_str()), ("http://b.test/shop/", ""));
        assert_eq!(config.base_static_url, "http://b.test/shop/static/");
        assert_eq!((config.locale, config.weight_unit), ("en_US", "lbs"));
    }

    #[test]
    fn store_codes_are_a_list_in_the_query() {
        assert_eq!(codes("storeCodes[]=a&storeCodes[1]=b&x=c&store_codes%5B%5D=d"), ["a", "b", "d"]);
        assert!(codes("").is_empty());
    }
}
