//! What a check costs: by direct call, by a message to the worker's own validator, by a message to another thread; and
//! what JWTs and the exchange cost.

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tokenward::registry::{Candidate, IssueToken, ValidateToken, Validation};
use tokenward::session::Subject;
use tokenward::token::Token;
use tokenward::token::jwt::{Claims, Issuer, JwtAlgorithm};

mod common;

const SESSIONS: u32 = 1_000_000;

fn check(criterion: &mut Criterion) {
    let system = actix_rt::System::new();
    let registry = system.block_on(common::registry(SESSIONS));
    let reader = registry.reader().clone();
    let mut group = criterion.benchmark_group("check, 1,000,000 sessions");
    let mut number = 0_u32;
    let mut next = move || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(Candidate::Opaque(common::digest(number % SESSIONS)))
    };

    group.bench_function("digest of a token alone", |bencher| {
        bencher.iter(|| reader.digest(black_box("0123456789abcdefghijklmnopqrstuv")));
    });
    group.bench_function("direct call", |bencher| bencher.iter(|| reader.validate(black_box(next()))));
    for (name, validator) in [
        ("message to the worker's validator", system.block_on(async { common::validator(&registry) })),
        ("message to another thread", system.block_on(async { common::validator_apart(&registry) })),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                system.block_on(async {
                    let begin = std::time::Instant::now();
                    for _ in 0..times {
                        black_box(validator.send(ValidateToken { candidate: next() }).await.expect("it runs"));
                    }
                    begin.elapsed()
                })
            });
        });
    }
    group.finish();
}

/// From the text that a client sends to the answer, as a check goes: opaque tokens, JWTs that were issued here, JWTs of
/// Magento; and the JWT that the exchange adds.
fn jwt(criterion: &mut Criterion) {
    let system = actix_rt::System::new();
    let registry = system.block_on(common::registry(SESSIONS));
    let reader = registry.reader().clone();
    let subject = Subject::customer(7);
    let opaque = Token::generate();
    let digest = reader.digest(opaque.expose()).expect("it has the shape of one");
    let issued_here = reader.new_token(subject).expect("there is a key");
    system.block_on(async {
        for (digest, fixed_end) in [(digest, None), (issued_here.digest, issued_here.fixed_end)] {
            let change = IssueToken { digest, fixed_end, ..common::issue(1) };
            registry.issue(change).await.expect("there is room");
        }
    });
    let issued = reader.clock().wall();
    let claims = Claims { subject, issued, expires: issued.plus(86_400), issuer: Issuer::Magento };
    let of_magento = common::jwt_key().sign(&claims, JwtAlgorithm::Hs256);

    let mut group = criterion.benchmark_group("from text to answer");
    for (name, token) in
        [("opaque", &opaque), ("JWT that is a session", &issued_here.token), ("JWT of Magento", &of_magento)]
    {
        assert!(matches!(reader.validate(reader.examine(token.expose())), Validation::Valid(_)), "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| reader.validate(reader.examine(black_box(token.expose()))));
        });
    }
    let Validation::Valid(session) = reader.validate(reader.examine(opaque.expose())) else { unreachable!() };
    group.bench_function("minting for the exchange alone", |bencher| {
        bencher.iter(|| {
            let mut text = String::with_capacity(256);
            reader.exchange(black_box(&session), 60, &mut text);
            text
        });
    });
    group.finish();
}

criterion_group!(benches, check, jwt);
criterion_main!(benches);
