//! The README's examples, run as they stand there against one `serve --demo`, whose ports take the place of 8080, 8081
//! and 8083.

use crate::support::{TestServer, examples, is_installed, skip};

#[test]
fn the_examples_of_the_readme_do_what_it_says() {
    if !is_installed("oathtool") {
        return skip("oathtool is not there (scripts/test install), and an example needs it");
    }
    let server = TestServer::demo();
    let with_ports = |text: &str| {
        text.replace(":8080", &format!(":{}", server.public.port()))
            .replace(":8081", &format!(":{}", server.internal.port()))
            .replace(":8083", &format!(":{}", server.admin_listener.port()))
    };
    examples::assert_true("README.md", &[], "", &[("TOKENWARD__DATA__DIR", &server.folder)], with_ports);
}
