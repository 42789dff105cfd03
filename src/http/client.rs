//! Who the client is, as far as its address tells.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: that of the connection, or, when it comes from a trusted proxy, the nearest address that the
/// chain of trusted proxies reports. `None` on a connection that has no address, such as a Unix socket.
///
/// `X-Forwarded-For` counts before `Forwarded` (RFC 7239), because nearly every proxy writes the first and passes on
/// what a client put into the second.
pub fn address(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !is_trusted(peer, trusted) {
        return Some(peer);
    }
    Some(reported(request.headers(), peer, trusted))
}

/// Walks from the nearest hop outwards, as long as the hops are trusted. What cannot be read ends the walk: the last
/// address that a trusted proxy vouched for counts.
fn reported(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let hops: Vec<Option<IpAddr>> = if headers.contains_key(X_FORWARDED_FOR) {
        elements(headers, &X_FORWARDED_FOR).map(hop).collect()
    } else {
        elements(headers, &FORWARDED).map(|element| forwarded_for(element).and_then(hop)).collect()
    };
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        let Some(hop) = hop else { break };
        nearest = hop;
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    nearest
}

/// The comma-separated elements of a header, over all its lines.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).flat_map(|value| value.to_str().unwrap_or("unreadable").split(',')).map(str::trim)
}

/// The value of `for` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without a port, IPv6 with or without brackets.
fn hop(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        address(&request.to_http_request(), &trusted).unwrap().to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(seen("192.0.2.1:1", &[("x-forwarded-for", "198.51.100.7")]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1:1", &[]), "192.0.2.1");
    }

    #[test]
    fn the_nearest_address_that_no_trusted_proxy_has_counts() {
        let chain = [("x-forwarded-for", "203.0.113.9, 198.51.100.7"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(seen("10.0.0.1:1", &chain), "198.51.100.7");
        assert_eq!(seen("10.0.0.1:1", &[("x-forwarded-for", "10.0.0.3")]), "10.0.0.3");
        assert_eq!(seen("10.0.0.1:1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        assert_eq!(seen("10.0.0.1:1", &[("x-forwarded-for", "198.51.100.7, unknown, 10.0.0.2")]), "10.0.0.2");
        assert_eq!(seen("10.0.0.1:1", &[("x-forwarded-for", "")]), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_with_ports_quotes_and_brackets() {
        assert_eq!(seen("10.0.0.1:1", &[("forwarded", "for=198.51.100.7:80;proto=https")]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1:1", &[("forwarded", "proto=https;For=\"[2001:db8::1]:47\"")]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1:1", &[("forwarded", "for=\"[2001:db8::1]\"")]), "2001:db8::1");
        assert_eq!(seen("[::ffff:10.0.0.1]:1", &[("x-forwarded-for", "::ffff:192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn only_one_of_the_two_headers_counts() {
        let both = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(seen("10.0.0.1:1", &both), "198.51.100.7");
    }
}
