//! What durability costs: how long a start with many sessions takes and what each takes, and how many durable issues a
//! second there are, beside what the disk itself can do.
//!
//! `cargo bench --bench durability -- --sessions 10000000`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints what it measures in real time")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tikv_jemallocator::Jemalloc;
use tokenward::app::House;
use tokenward::audit::{Channel, Origin};
use tokenward::clock::{Clock, SystemClock, UnixSeconds};
use tokenward::config::{Capacity, Config};
use tokenward::registry::{IssueToken, Registry};
use tokenward::session::{Session, SessionEvent, SessionId, Subject};
use tokenward::settings::WebsiteId;
use tokenward::store::{Change, DataFolder, Store};
use tokenward::token::TokenDigest;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// As many as fit into a minute of a small machine.
const SESSIONS: u64 = 1_000_000;

const CALLERS: usize = 64;

const ISSUING: Duration = Duration::from_secs(5);

/// How many sessions are written in one transaction while the folder is filled.
const SLICE: u64 = 20_000;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|argument| argument == name).map(|at| &arguments[at + 1]);
    let sessions = value("--sessions").map_or(SESSIONS, |number| number.parse().expect("--sessions N"));
    if let Some(folder) = value("--fill") {
        return actix::System::new().block_on(fill(Path::new(folder), sessions));
    }
    // Below target, because a folder for temporary files is often no disk.
    let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let home = tempfile::tempdir_in(below).expect("a folder can be made");
    // Another process, so that its memory is not counted.
    let own = std::env::current_exe().expect("it is known");
    let filling = std::process::Command::new(own)
        .args(["--fill", home.path().to_str().expect("it is text"), "--sessions", &sessions.to_string()])
        .status();
    assert!(filling.expect("it starts").success());
    actix::System::new().block_on(measure(home.path(), sessions));
}

async fn fill(folder: &Path, sessions: u64) {
    let folder = DataFolder::open(folder).expect("it is fresh");
    let store = Store::start(&folder, None).expect("it can be written");
    let now = SystemClock::default().now();
    for first in (1..=sessions).step_by(usize::try_from(SLICE).expect("it is small")) {
        let slice = first..(first + SLICE).min(sessions + 1);
        store.write_untimed(slice.map(|id| issued(id, now)).collect()).await.expect("the disk holds it");
    }
    store.close().await;
}

fn issued(id: u64, now: UnixSeconds) -> Change {
    let subject = Subject::customer(u32::try_from(id / 2 + 1).expect("it is small"));
    let session =
        Session { id: SessionId(id), subject, website: WebsiteId(1), issued: now, ends: None, last_used: now };
    Change::Session(SessionEvent::Issued { session, fixed_end: None, digest: digest(id) })
}

fn digest(number: u64) -> TokenDigest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
    TokenDigest(digest)
}

async fn measure(folder: &Path, sessions: u64) {
    let file = std::fs::metadata(folder.join("tokenward.db")).expect("it is there").len();
    println!("file: {} MB, {} bytes a session", file / 1_000_000, file / sessions.max(1));
    let mut config = Config::default();
    folder.clone_into(&mut config.data.dir);
    config.tokens.capacity = Capacity::Sessions(sessions + 10_000_000);
    let begun = Instant::now();
    let house = House::open(config, None).await.expect("the folder is sound");
    println!("opening the folder after a clean stop: {:.2?}", begun.elapsed());
    let (before, begun) = (resident_bytes(), Instant::now());
    house.load_sessions().await.expect("the sessions are sound");
    let took = begun.elapsed();
    let grown = resident_bytes().saturating_sub(before);
    println!("loading {sessions} sessions: {took:.2?}, {} bytes of memory a session", grown / sessions.max(1));
    let registry = house.services.registry.clone();
    let mut waits = issue_for(&registry, sessions).await;
    let per_second = waits.len() as u64 / ISSUING.as_secs();
    println!("durable issues, {CALLERS} callers: {per_second} a second, {}", percentiles(&mut waits));
    println!("one fsync of 4 KiB on this disk: {}", percentiles(&mut fsyncs(folder)));
    house.close().await;
}

async fn issue_for(registry: &Registry, sessions: u64) -> Vec<Duration> {
    let number = Arc::new(std::sync::atomic::AtomicU64::new(sessions + 1));
    let end = Instant::now() + ISSUING;
    let callers = (0..CALLERS).map(|_| {
        let (registry, number) = (registry.clone(), Arc::clone(&number));
        actix_rt::spawn(async move {
            let mut waits = Vec::new();
            while Instant::now() < end {
                let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let subject = Subject::customer(u32::try_from(number).expect("it is small"));
                let (website, digest) = (WebsiteId(1), digest(number));
                // As a sign-in has it: the line of the audit trail holds a name and an address, encrypted.
                let address = "192.0.2.1".parse().ok();
                let origin = Origin::user(subject, Channel::Graphql, address);
                let typed = Some(format!("customer{number}@example.com"));
                let begun = Instant::now();
                registry
                    .issue(IssueToken {
                        subject,
                        website,
                        digest,
                        fixed_end: None,
                        role: None,
                        along: Vec::new(),
                        origin,
                        typed,
                    })
                    .await
                    .expect("there is room");
                waits.push(begun.elapsed());
            }
            waits
        })
    });
    let waits = futures_util::future::join_all(callers).await;
    waits.into_iter().flat_map(|waits| waits.expect("it did not panic")).collect()
}

fn fsyncs(folder: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("fsync")).expect("it can be made");
    (0..500)
        .map(|_| {
            file.write_all(&[1; 4096]).expect("there is room");
            let begun = Instant::now();
            file.sync_data().expect("the disk works");
            begun.elapsed()
        })
        .collect()
}

fn percentiles(waits: &mut [Duration]) -> String {
    waits.sort_unstable();
    let at = |hundredths: usize| waits[(waits.len() - 1) * hundredths / 100];
    format!("p50 {:.2?}, p99 {:.2?}", at(50), at(99))
}

/// What this process holds of the machine's memory.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let resident: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second is a number");
    resident * 4096
}
