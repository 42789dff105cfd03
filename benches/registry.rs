//! What a message to the registry costs with 0 to 1,000,000 sessions in it: the line should be flat.

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokenward::audit::Origin;
use tokenward::registry::{CollectStatistics, Revocation, RevokeSessions};
use tokenward::session::EndReason;

mod common;

fn registry(criterion: &mut Criterion) {
    let mut number = 0_u32;
    for sessions in [0, 1_000, 100_000, 1_000_000] {
        let system = actix_rt::System::new();
        let registry = system.block_on(common::registry(sessions));
        let mut group = criterion.benchmark_group("registry");
        group.bench_function(BenchmarkId::new("question", sessions), |bencher| {
            bencher.iter_custom(|times| {
                system.block_on(async {
                    let begin = std::time::Instant::now();
                    for _ in 0..times {
                        black_box(registry.actor().send(CollectStatistics).await.expect("it runs"));
                    }
                    begin.elapsed()
                })
            });
        });
        group.bench_function(BenchmarkId::new("issue and revoke", sessions), |bencher| {
            bencher.iter_custom(|times| {
                system.block_on(async {
                    let begin = std::time::Instant::now();
                    for _ in 0..times {
                        number = number.wrapping_add(1);
                        let issue = common::issue(number);
                        let which = Revocation::Token(issue.digest);
                        black_box(registry.issue(issue).await.expect("there is room"));
                        let revoke = RevokeSessions { which, reason: EndReason::SignedOut, origin: Origin::SERVER };
                        black_box(registry.revoke(revoke).await.expect("it is there"));
                    }
                    begin.elapsed()
                })
            });
        });
        group.finish();
    }
}

criterion_group!(benches, registry);
criterion_main!(benches);
