//! `[upstream]`: the Magento behind the public listener.

use crate::config::reader::Reader;
use crate::config::value::url;

/// The Magento behind the public listener.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    /// Its address; nothing is forwarded when unset.
    pub url: Option<String>,
}

impl Upstream {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { url: reader.read("upstream.url", url) }
    }
}
