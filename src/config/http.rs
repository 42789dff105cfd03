//! `[http]`: where tokenward listens, and how it treats requests.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use crate::config::cores;
use crate::config::reader::Reader;
use crate::config::value::{list_of, listen_address, network, origin, url, whole_number};

/// The most workers that make sense.
const MOST_WORKERS: usize = 1024;
/// The largest limit of a request body in bytes: a body is held in memory.
const LARGEST_BODY: usize = 1 << 30;

/// Where tokenward listens, and how it treats requests.
#[derive(Clone, Debug)]
pub struct Http {
    /// The listener of Magento's API, the only one that may face the internet. Port 0 picks one.
    pub public: SocketAddr,
    /// The listener of `/check`, health and metrics. Port 0 picks one.
    pub internal: SocketAddr,
    /// The listener of the admin page and its API. Port 0 picks one.
    pub admin: SocketAddr,
    /// The listener of Envoy's `ext_authz`; off when unset. Port 0 picks one.
    pub grpc: Option<SocketAddr>,
    /// How many threads answer requests.
    pub workers: usize,
    /// `issuer` of RFC 8414 and `iss` of introspection; the address of the internal listener when unset.
    pub issuer: Option<String>,
    /// Networks whose `X-Forwarded-For` and `Forwarded` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The largest request body in bytes.
    pub max_body: usize,
    /// Which browsers may call.
    pub cors: Cors,
}

/// Which browsers may call.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Origins as browsers send them (RFC 6454), in lower case. When there are none, no CORS headers are sent at all,
    /// as in Magento.
    pub allowed_origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            public: loopback(8080),
            internal: loopback(8081),
            admin: loopback(8083),
            grpc: None,
            workers: cores(),
            issuer: None,
            trusted_proxies: Vec::new(),
            max_body: 1 << 20,
            cors: Cors::default(),
        }
    }
}

impl Http {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            public: reader.read("http.public", listen_address).unwrap_or(default.public),
            internal: reader.read("http.internal", listen_address).unwrap_or(default.internal),
            admin: reader.read("http.admin", listen_address).unwrap_or(default.admin),
            grpc: reader.read("http.grpc", listen_address),
            workers: reader.read("http.workers", whole_number(1..=MOST_WORKERS)).unwrap_or(default.workers),
            issuer: reader.read("http.issuer", url),
            trusted_proxies: reader.read("http.trusted_proxies", list_of(network)).unwrap_or_default(),
            max_body: reader.read("http.max_body", whole_number(1..=LARGEST_BODY)).unwrap_or(default.max_body),
            cors: Cors {
                allowed_origins: reader.read("http.cors.allowed_origins", list_of(origin)).unwrap_or_default(),
            },
        }
    }

    /// The listeners that this version opens, by key.
    pub fn listeners(&self) -> [(&'static str, SocketAddr); 3] {
        [("http.public", self.public), ("http.internal", self.internal), ("http.admin", self.admin)]
    }
}
