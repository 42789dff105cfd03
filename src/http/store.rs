//! Which store view a request is about.

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::http::error::Failure;
use crate::settings::{StoreDirectory, StoreView};

const STORE: HeaderName = HeaderName::from_static("store");

/// The code that always passes.
const DEFAULT: &str = "default";

/// The path segment of REST that stands for all store views.
const ALL: &str = "all";

/// The store view that the `Store` header names (fact sheet 1.7): trimmed, compared exactly, active; the default store
/// view without the header. `default` always passes, in any case, and means the default store view where no store view
/// has that code.
///
/// # Errors
/// [`Failure::StoreUnknown`].
pub fn named_by_header<'a>(headers: &HeaderMap, stores: &'a StoreDirectory) -> Result<&'a StoreView, Failure> {
    let Some(value) = headers.get(STORE) else {
        return Ok(stores.default_store());
    };
    let code = String::from_utf8_lossy(value.as_bytes().trim_ascii());
    if code.is_empty() {
        return Ok(stores.default_store());
    }
    if let Some(store) = active(&code, stores) {
        return Ok(store);
    }
    if code.eq_ignore_ascii_case(DEFAULT) {
        return Ok(active(DEFAULT, stores).unwrap_or_else(|| stores.default_store()));
    }
    Err(Failure::StoreUnknown(code.into_owned()))
}

/// The store view that the path segment between `/rest/` and `/V1/` names (fact sheet 3.1): an existing code, active or
/// not, or `all`, which looks customers up in the default store view's website. `None` when it names none.
pub fn named_by_path<'a>(segment: Option<&str>, stores: &'a StoreDirectory) -> Option<&'a StoreView> {
    match segment {
        None | Some(ALL) => Some(stores.default_store()),
        Some(code) => stores.store(code),
    }
}

fn active<'a>(code: &str, stores: &'a StoreDirectory) -> Option<&'a StoreView> {
    stores.store(code).filter(|store| store.is_active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{StoreId, Website, WebsiteId};
    use actix_web::http::header::HeaderValue;

    /// Default store view `main`, an active `french`, an inactive `closed`, and `default` when asked for.
    fn directory(with_default: bool) -> StoreDirectory {
        let website = Website {
            id: WebsiteId(1),
            code: "base".to_owned(),
            name: String::new(),
            is_default: true,
            default_group_id: 1,
            default_store: StoreId(1),
        };
        let view = |id, code: &str, is_active| StoreView {
            id: StoreId(id),
            code: code.to_owned(),
            name: String::new(),
            website: WebsiteId(1),
            group_id: 1,
            group_code: String::new(),
            is_active,
        };
        let mut stores = vec![view(1, "main", true), view(2, "french", true), view(3, "closed", false)];
        if with_default {
            stores.push(view(4, "default", true));
        }
        StoreDirectory::new(vec![website], stores).unwrap()
    }

    fn by_header(code: &str, stores: &StoreDirectory) -> Result<String, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(STORE, HeaderValue::from_str(code).unwrap());
        named_by_header(&headers, stores).map(|store| store.code.clone())
    }

    #[test]
    fn a_header_names_an_active_store_view_exactly() {
        let stores = directory(false);
        assert_eq!(by_header(" french ", &stores).unwrap(), "french");
        assert_eq!(by_header("", &stores).unwrap(), "main");
        for wrong in ["French", "closed", "all", "admin"] {
            assert_eq!(by_header(wrong, &stores), Err(Failure::StoreUnknown(wrong.to_owned())));
        }
        assert_eq!(named_by_header(&HeaderMap::new(), &stores).unwrap().code, "main");
    }

    #[test]
    fn default_passes_in_any_case() {
        for code in ["default", "Default", "DEFAULT"] {
            assert_eq!(by_header(code, &directory(true)).unwrap(), "default");
            assert_eq!(by_header(code, &directory(false)).unwrap(), "main");
        }
    }

    #[test]
    fn a_path_segment_names_an_existing_store_view_or_all() {
        let stores = directory(false);
        let code = |segment| named_by_path(segment, &stores).map(|store| store.code.as_str());
        assert_eq!(code(None), Some("main"));
        assert_eq!(code(Some("all")), Some("main"));
        assert_eq!(code(Some("closed")), Some("closed"));
        assert_eq!(code(Some("default")), None);
        assert_eq!(code(Some("ALL")), None);
    }
}
