//! File systems that are full or read-only, and a file or folder that somebody else holds.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use rustix::io::Errno;

use super::broken_disk::{Disk, Fault, Kinds, Start, outcome};
use super::{Home, PASSWORD, REVOKE, SOON, email, revoke, session, sign_in};
use crate::support::{TestServer, skip};

/// A file system in memory at the data folder of a home. It is there as long as the value is.
struct Small(PathBuf);

impl Small {
    /// Nothing when it may not be mounted here: only root may.
    fn mount(home: &Home, size: &str) -> Option<Self> {
        std::fs::create_dir(home.folder()).unwrap();
        if mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tokenward-test"], &home.folder()) {
            return Some(Self(home.folder()));
        }
        let what = "a small file system that fills: mounting one is not permitted";
        if rustix::process::geteuid().is_root() {
            skip(what);
        } else {
            // Nothing that could be installed would help, so this is not held against whoever wants everything to run.
            #[expect(clippy::print_stdout, reason = "whoever reads the run has to see it")]
            {
                println!("skipped: {what}");
            }
        }
        None
    }

    /// Uses up whatever room is left.
    fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], &self.0), "{options}");
    }
}

fn mount(arguments: &[&str], at: &std::path::Path) -> bool {
    Command::new("mount").args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

#[track_caller]
fn assert_refuses_changes(server: &TestServer, token: &str) {
    let refused = server.try_customer(&email(0), PASSWORD);
    refused.assert_status(503);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    server.graphql(Some(token), REVOKE).assert_status(503);
    server.gateway(Some(token), "").assert_status(503);
}

fn kill(mut server: TestServer) {
    server.process.signal(rustix::process::Signal::KILL);
    server.process.wait(SOON);
}

#[test]
fn a_small_file_system_that_fills_refuses_changes_and_checks_go_on_until_there_is_room() {
    let home = Home::with_customers(1);
    let Some(small) = Small::mount(&home, "512k") else { return };
    let server = home.start();
    let (kept, revoked) = (sign_in(&server, 0), sign_in(&server, 0));
    let mut good = vec![kept];
    // When the file system is full it frees its log and goes on, so the rest is filled again and again.
    let mut refusals_in_a_row = 0;
    for _ in 0..200 {
        let answer = server.try_customer(&email(0), PASSWORD);
        match answer.status {
            200 => {
                good.push(answer.at("/data/generateCustomerToken/token").as_str().unwrap().to_owned());
                refusals_in_a_row = 0;
            }
            503 => {
                assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
                refusals_in_a_row += 1;
                small.fill();
            }
            other => panic!("{other}"),
        }
        if refusals_in_a_row == 4 {
            break;
        }
    }
    assert_eq!(refusals_in_a_row, 4, "it does not fill");
    // A revocation needs less room than a session, and may find it.
    let answer = server.graphql(Some(&revoked), REVOKE);
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    assert!(matches!(server.gateway(Some(&revoked), "").status, 401 | 503), "a revoked token is good");
    assert!(good.iter().all(|token| session(&server, token).is_some()), "checks go on");

    small.remount("size=8m");
    server.wait_until(|server| server.gateway(Some(&revoked), "").status == 401);
    good.push(sign_in(&server, 0));
    kill(server);
    let server = home.start();
    assert!(good.iter().all(|token| session(&server, token).is_some()));
    assert_eq!(session(&server, &revoked), None);
    kill(server);
    println!("a file system of 512 KiB took {} sign-ins", good.len());
}

#[test]
fn a_read_only_file_system_is_refused_at_the_start_and_the_log_says_so() {
    let home = Home::with_customers(1);
    let Some(small) = Small::mount(&home, "8m") else { return };
    let server = home.start();
    let token = sign_in(&server, 0);
    kill(server);
    small.remount("ro");
    let mut process = home.builder().spawn();
    assert_eq!(outcome(&mut process), Start::Refused);
    assert!(process.log.text().contains("Read-only file system"), "{}", process.log.text());
    small.remount("rw");
    let server = home.start();
    assert!(session(&server, &token).is_some());
    kill(server);
}

#[test]
fn a_file_system_that_becomes_read_only_refuses_changes_until_it_can_be_written() {
    let Some(disk) = Disk::new() else { return };
    let home = Home::with_customers(1);
    let server = home.builder_on(&disk).start();
    let (kept, revoked) = (sign_in(&server, 0), sign_in(&server, 0));
    disk.break_with(Fault { after: 0, kinds: Kinds::ALL, error: Errno::ROFS, times: None });
    assert_refuses_changes(&server, &revoked);
    assert!(session(&server, &kept).is_some(), "checks go on");
    disk.heal();
    server.wait_until(|server| server.gateway(Some(&revoked), "").status == 401);
    let after = sign_in(&server, 0);
    kill(server);
    let server = home.start();
    assert!(session(&server, &kept).is_some() && session(&server, &after).is_some());
    assert_eq!(session(&server, &revoked), None);
}

#[test]
fn a_file_that_somebody_else_has_locked_refuses_changes_until_it_is_free() {
    let home = Home::with_customers(1);
    let server = home.start();
    let (kept, revoked) = (sign_in(&server, 0), sign_in(&server, 0));
    let other = rusqlite::Connection::open(home.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_refuses_changes(&server, &revoked);
    assert!(session(&server, &kept).is_some(), "checks go on");
    other.execute_batch("ROLLBACK").unwrap();
    server.wait_until(|server| server.gateway(Some(&revoked), "").status == 401);
    sign_in(&server, 0);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let home = Home::with_customers(1);
    let server = home.start();
    let token = sign_in(&server, 0);
    let mut second = home.builder().spawn();
    assert_eq!(second.wait(SOON).code(), Some(1));
    let log = second.log.text();
    let holder = format!("in use by another tokenward (process {})", server.process.id());
    assert!(log.contains(&holder), "{log}");
    assert!(session(&server, &token).is_some());
    revoke(&server, &token);
}
