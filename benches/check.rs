//! What a check costs: by direct call, by a message to the worker's own validator, by a message to another thread.

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tokenward::registry::ValidateToken;

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
        Some(common::digest(number % SESSIONS))
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
                        black_box(validator.send(ValidateToken { digest: next() }).await.expect("it runs"));
                    }
                    begin.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
