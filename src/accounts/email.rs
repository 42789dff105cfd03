//! What looks like an e-mail address.

/// Whether `text` has the form of an e-mail address that can receive mail from elsewhere: a local part without spaces
/// or quotes, and a domain of at least two labels.
pub fn is_email_address(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain))
}

fn is_local_part(local: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(plain))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_local_part_and_a_domain() {
        for good in ["a@example.com", "first.last+tag@sub.example.co.uk", "jürgen@müller.de", "o'neil@example.com"] {
            assert!(is_email_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@",
            "@example.com",
            "a@localhost",
            "a b@example.com",
            "a@b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a@example..com",
            "a@-example.com",
            "a@example.com ",
            "a@exa_mple.com",
        ] {
            assert!(!is_email_address(bad), "{bad}");
        }
    }
}
