//! What a storefront needs to know of its store view (fact sheet 2.14).

use crate::http::graphql::context::Context;
use crate::http::graphql::operations::Record;

/// `storeConfig`: the store view in effect and some of its settings. An empty setting is null.
pub(super) fn store_config(context: &Context) -> Record {
    let (store, stores) = (&context.store, &context.snapshot.stores);
    let website = stores.website(store.website);
    Record::new("StoreConfig")
        .with("store_code", store.code.as_str())
        .with("store_name", store.name.as_str())
        .with("store_group_code", store.group_code.as_str())
        .with("website_code", website.map(|website| website.code.as_str()))
        .with("website_name", website.map(|website| website.name.as_str()))
        .with("is_default_store", store.id == stores.default_store().id)
        .with("locale", context.setting("general/locale/code"))
        .with("base_currency_code", context.setting("currency/options/base"))
        .with("timezone", context.setting("general/locale/timezone"))
        .with("base_url", context.setting("web/unsecure/base_url"))
        .with("secure_base_url", context.setting("web/secure/base_url"))
        .with("customer_access_token_lifetime", lifetime(context))
        .with("minimum_password_length", context.setting("customer/password/minimum_password_length"))
        .with(
            "required_character_classes_number",
            context.setting("customer/password/required_character_classes_number"),
        )
        .with("autocomplete_on_storefront", context.flag("customer/password/autocomplete_on_storefront"))
        .with("create_account_confirmation", context.flag("customer/create_account/confirm"))
}

/// Hours, as the merchant wrote them.
fn lifetime(context: &Context) -> Option<f64> {
    let text = context.setting("oauth/access_token_lifetime/customer")?;
    text.trim().parse::<f64>().ok().filter(|hours| hours.is_finite())
}
