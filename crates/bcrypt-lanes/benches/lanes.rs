//! Hashes a second on one core: `cargo bench -p bcrypt-lanes`.

use std::hint::black_box;

use bcrypt_lanes::{Cost, Job, hash_all};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A sixteenth of a common one, so that many samples are taken.
const COST: u32 = 8;
const KEY: &[u8; 65] = &[b'k'; 65];

fn lanes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bcrypt");
    group.throughput(Throughput::Elements(1));
    group.bench_function("the bcrypt crate", |bencher| {
        bencher.iter(|| bcrypt::bcrypt(black_box(COST), [7; 16], KEY));
    });
    let Some(cost) = Cost::new(COST) else { return };
    for lanes in [1, 2, 3, 4, 6, 8] {
        let jobs = vec![Job::new(KEY, [7; 16], cost); lanes];
        group.throughput(Throughput::Elements(jobs.len() as u64));
        group.bench_with_input(BenchmarkId::new("lanes", lanes), &jobs, |bencher, jobs| {
            bencher.iter(|| hash_all(black_box(jobs), lanes));
        });
    }
    group.finish();
}

criterion_group!(benches, lanes);
criterion_main!(benches);
