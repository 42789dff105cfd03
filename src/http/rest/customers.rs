//! `GET /V1/customers/me` (fact sheet 3.2).

use actix_web::HttpResponse;
use serde::Serialize;

use crate::accounts::Customer;
use crate::http::rest::Call;
use crate::http::rest::error::RestError;

/// The customer who calls. A lock does not matter here (fact sheet 5.4).
pub(super) async fn me(call: &Call<'_>) -> Result<HttpResponse, RestError> {
    let id = call.customer().await?.subject.id;
    let customer = call.services.accounts.customer(id).await?;
    let customer = customer.ok_or(RestError::NoSuchEntity { field: "customerId", value: id })?;
    Ok(call.answer_with(&CustomerData::from(&customer)))
}

/// Magento's customer object. Members that are null are left out.
#[derive(Debug, Serialize)]
struct CustomerData<'a> {
    id: u32,
    group_id: u32,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_in: Option<&'a str>,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    firstname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lastname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    middlename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suffix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dob: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taxvat: Option<&'a str>,
    store_id: u16,
    website_id: u16,
    /// Addresses are not kept here.
    addresses: [(); 0],
    disable_auto_group_change: u8,
}

impl<'a> From<&'a Customer> for CustomerData<'a> {
    fn from(customer: &'a Customer) -> Self {
        Self {
            id: customer.id,
            group_id: customer.group_id,
            created_at: customer.created_at.to_magento(),
            updated_at: customer.updated_at.to_magento(),
            created_in: customer.created_in.as_deref(),
            email: &customer.email,
            firstname: customer.firstname.as_deref(),
            lastname: customer.lastname.as_deref(),
            middlename: customer.middlename.as_deref(),
            prefix: customer.prefix.as_deref(),
            suffix: customer.suffix.as_deref(),
            gender: customer.gender,
            dob: customer.date_of_birth.as_deref(),
            taxvat: customer.taxvat.as_deref(),
            store_id: customer.store.0,
            website_id: customer.website.0,
            addresses: [],
            disable_auto_group_change: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::settings::{StoreId, WebsiteId};

    #[test]
    fn null_members_are_left_out_and_secrets_are_not_there() {
        let customer = Customer {
            id: 7,
            website: WebsiteId(1),
            store: StoreId(1),
            created_in: Some("Default Store View".to_owned()),
            group_id: 1,
            email: "customer@example.com".to_owned(),
            firstname: Some("Jane".to_owned()),
            middlename: None,
            lastname: Some("Doe".to_owned()),
            prefix: None,
            suffix: None,
            date_of_birth: None,
            gender: None,
            taxvat: None,
            created_at: UnixSeconds(1_700_000_000),
            updated_at: UnixSeconds(1_700_000_001),
            is_active: true,
            password_hash: Some("hash".to_owned()),
            confirmation: Some("key".to_owned()),
            failures: 1,
            first_failure: None,
            lock_expires: None,
            website_excluded: false,
        };
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&CustomerData::from(&customer)).unwrap(),
            @r#"
        {
          "id": 7,
          "group_id": 1,
          "created_at": "2023-11-14 22:13:20",
          "updated_at": "2023-11-14 22:13:21",
          "created_in": "Default Store View",
          "email": "customer@example.com",
          "firstname": "Jane",
          "lastname": "Doe",
          "store_id": 1,
          "website_id": 1,
          "addresses": [],
          "disable_auto_group_change": 0
        }
        "#
        );
    }
}
