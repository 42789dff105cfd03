//! Reading SQLite's write-ahead log before SQLite does.
//!
//! SQLite takes the first frame that does not fit for the end of the log and drops everything behind it without a word.
//! That is right for a torn tail: each commit is on the disk before the next one begins, so a power cut tears one
//! transaction at most. When several commits follow a bad frame, it was not torn but damaged, and what follows, such as
//! a revocation that was answered, would be lost.
//!
//! One commit that follows proves nothing by itself: a torn transaction may have its last frame, which carries the mark, on
//! the disk and those before it not. So the commit frame of the last transaction but one needs a closer look: when it is
//! its mark that was damaged, only the mark of the last transaction is left. A frame that fits as soon as another byte of
//! its mark is put right was written whole, which no torn one is, so that is damage, too. What is left in the dark is a
//! commit frame of which more is damaged than a byte of the mark, salts included, right before the last transaction; and
//! the last transaction itself.
//!
//! The format: <https://www.sqlite.org/fileformat2.html#walformat>.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The page size that this program's files have; used when the header of a log cannot be believed.
const PAGE: usize = 4096;

/// From so many commit marks on, what lies behind a bad frame is no torn tail.
const COMMITS_OF_DAMAGE: u64 = 2;

/// What a log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Whether there is anything in it: after a clean stop there is not.
    pub(super) is_used: bool,
    /// How many commits SQLite will find.
    pub(super) commits: u64,
    /// Where the first bad frame lies, when it is damage.
    pub(super) damaged_at: Option<u64>,
}

/// Where the log of a file lies.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Reads the log of a file, while nobody has it open.
pub(super) fn inspect(database: &Path) -> io::Result<Log> {
    let file = match File::open(path_of(database)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Log::default()),
        Err(error) => return Err(error),
    };
    read(&mut BufReader::with_capacity(1 << 20, file))
}

fn read(log: &mut (impl Read + Seek)) -> io::Result<Log> {
    let mut header = [0; HEADER];
    if !fill(log, &mut header)? {
        return Ok(Log::default());
    }
    let Some(header) = Header::parse(&header) else {
        return read_without_header(log);
    };
    let (mut sums, mut commits, mut position) = (header.sums, 0, HEADER as u64);
    let mut frame = vec![0; FRAME_HEADER + header.page];
    while fill(log, &mut frame)? {
        let Some(next) = header.follow(sums, &frame) else {
            let behind = commits_from(log, position, header.page, header.salts)?;
            let is_damage = behind >= COMMITS_OF_DAMAGE || (behind > 0 && header.has_lost_its_mark(sums, &frame));
            let damaged_at = is_damage.then_some(position);
            return Ok(Log { is_used: true, commits, damaged_at });
        };
        sums = next;
        commits += u64::from(is_commit(&frame));
        position += frame.len() as u64;
    }
    Ok(Log { is_used: true, commits, damaged_at: None })
}

/// The header fits into one sector, so it is never torn, and it is on the disk before a frame is written; without it SQLite
/// sees no commit at all. So one commit behind it is enough.
fn read_without_header(log: &mut (impl Read + Seek)) -> io::Result<Log> {
    let mut first = [0; FRAME_HEADER];
    if !fill(log, &mut first)? {
        return Ok(Log { is_used: true, commits: 0, damaged_at: None });
    }
    let lost = commits_from(log, HEADER as u64, PAGE, salts(&first))?;
    Ok(Log { is_used: true, commits: 0, damaged_at: (lost > 0).then_some(0) })
}

/// How many commit marks with these salts there are from a frame on. Frames of an earlier round of the log have others.
fn commits_from(log: &mut (impl Read + Seek), position: u64, page: usize, current: [u32; 2]) -> io::Result<u64> {
    log.seek(SeekFrom::Start(position))?;
    let mut frame = vec![0; FRAME_HEADER + page];
    let mut commits = 0;
    while fill(log, &mut frame)? {
        // One of the two is enough: the other one may be what was damaged.
        let [one, other] = salts(&frame);
        let is_current = one == current[0] || other == current[1];
        commits += u64::from(is_current && is_commit(&frame));
    }
    Ok(commits)
}

struct Header {
    page: usize,
    salts: [u32; 2],
    is_big_endian: bool,
    sums: [u32; 2],
}

impl Header {
    fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        const MAGIC: u32 = 0x377f_0682;
        let is_big_endian = word(bytes, 0) == MAGIC + 1;
        let page = word(bytes, 8);
        let sums = add(is_big_endian, [0, 0], &bytes[..24]);
        let is_sound = (is_big_endian || word(bytes, 0) == MAGIC)
            && page.is_power_of_two()
            && (512..=65_536).contains(&page)
            && sums == [word(bytes, 24), word(bytes, 28)];
        let salts = [word(bytes, 16), word(bytes, 20)];
        is_sound.then_some(Self { page: page as usize, salts, is_big_endian, sums })
    }

    /// Whether this frame would follow, and end a transaction, if a byte of its commit mark were another one.
    fn has_lost_its_mark(&self, sums: [u32; 2], frame: &[u8]) -> bool {
        if is_commit(frame) || salts(frame) != self.salts {
            return false;
        }
        // Of a mark that was one byte away from zero, all bytes but one are zero.
        let mut mended = frame.to_vec();
        (4..8).any(|place| {
            let found = (1..=u8::MAX).any(|byte| {
                mended[place] = byte;
                self.follow(sums, &mended).is_some()
            });
            mended[place] = 0;
            found
        })
    }

    /// The sums after this frame, if it is the one that follows.
    fn follow(&self, sums: [u32; 2], frame: &[u8]) -> Option<[u32; 2]> {
        let sums = add(self.is_big_endian, sums, &frame[..8]);
        let sums = add(self.is_big_endian, sums, &frame[FRAME_HEADER..]);
        let fits = word(frame, 0) != 0 && salts(frame) == self.salts && sums == [word(frame, 16), word(frame, 20)];
        fits.then_some(sums)
    }
}

fn salts(frame: &[u8]) -> [u32; 2] {
    [word(frame, 8), word(frame, 12)]
}

/// The last frame of a transaction says how many pages the file then has.
fn is_commit(frame: &[u8]) -> bool {
    word(frame, 4) != 0
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}

/// SQLite's checksum over a multiple of eight bytes.
fn add(is_big_endian: bool, [mut one, mut other]: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let read = if is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    let mut words = bytes.as_chunks::<4>().0.iter().map(|word| read(*word));
    while let (Some(first), Some(second)) = (words.next(), words.next()) {
        one = one.wrapping_add(first).wrapping_add(other);
        other = other.wrapping_add(second).wrapping_add(one);
    }
    [one, other]
}

/// Reads until `into` is full; false when there is less.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rusqlite::Connection;

    use super::*;

    /// A log of `commits` transactions, as SQLite writes it.
    fn log(commits: u64) -> Vec<u8> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let file = Connection::open(&path).unwrap();
        file.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        file.execute_batch("CREATE TABLE t (a)").unwrap();
        for _ in 1..commits {
            file.execute("INSERT INTO t VALUES (randomblob(6000))", ()).unwrap();
        }
        std::fs::read(path_of(&path)).unwrap()
    }

    fn inspected(log: &[u8]) -> Log {
        read(&mut Cursor::new(log)).unwrap()
    }

    fn frames(log: &[u8]) -> impl Iterator<Item = usize> {
        (HEADER..log.len()).step_by(FRAME_HEADER + PAGE)
    }

    #[test]
    fn it_finds_every_commit_that_sqlite_made() {
        assert_eq!(inspected(&log(5)), Log { is_used: true, commits: 5, damaged_at: None });
        assert_eq!(inspected(&[]), Log::default());
    }

    #[test]
    fn every_prefix_is_a_torn_tail_behind_the_last_whole_commit() {
        let log = log(4);
        let ends: Vec<_> =
            frames(&log).filter(|&at| is_commit(&log[at..])).map(|at| at + FRAME_HEADER + PAGE).collect();
        assert_eq!(ends.len(), 4);
        for length in 0..=log.len() {
            let commits = ends.iter().filter(|end| **end <= length).count() as u64;
            let seen = inspected(&log[..length]);
            assert_eq!((seen.commits, seen.damaged_at), (commits, None), "at {length}");
        }
    }

    #[test]
    fn a_flipped_bit_is_damage_unless_it_lies_in_the_last_transaction() {
        let whole = log(5);
        let commits: Vec<_> = frames(&whole).filter(|&at| is_commit(&whole[at..])).collect();
        let last = commits[commits.len() - 2] + FRAME_HEADER + PAGE;
        for at in (0..last).step_by(11) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            assert!(inspected(&flipped).damaged_at.is_some(), "at {at} of {last}");
        }
        let mut flipped = whole;
        flipped[last + 100] ^= 0x10;
        assert_eq!(inspected(&flipped), Log { is_used: true, commits: 4, damaged_at: None });
    }

    #[test]
    fn a_commit_mark_that_was_flipped_away_is_damage_also_when_one_commit_only_follows() {
        let whole = log(5);
        let commits: Vec<_> = frames(&whole).filter(|&at| is_commit(&whole[at..])).collect();
        let mark = commits[commits.len() - 2] + 4;
        let mut flipped = whole.clone();
        flipped[mark..mark + 4].fill(0);
        assert!(whole[mark..mark + 3] == [0; 3], "one byte of it was not zero");
        assert_eq!(inspected(&flipped).damaged_at, Some(mark as u64 - 4));

        // A frame in the middle of the last transaction that never reached the disk is no damage, though its end is there.
        let mut torn = whole;
        let last = *commits.last().unwrap();
        let begin = commits[commits.len() - 2] + FRAME_HEADER + PAGE;
        assert!(begin < last, "it has several frames");
        torn[begin + FRAME_HEADER + 512..begin + FRAME_HEADER + PAGE].fill(0);
        assert_eq!(inspected(&torn), Log { is_used: true, commits: 4, damaged_at: None });
    }

    #[test]
    fn a_damaged_header_is_damage_when_one_commit_follows() {
        let mut log = log(1);
        log[20] ^= 1;
        assert_eq!(inspected(&log).damaged_at, Some(0));
    }

    #[test]
    fn what_an_earlier_round_left_behind_is_no_damage() {
        let (new, old) = (log(3), log(6));
        let mut mixed = old;
        mixed[..new.len()].copy_from_slice(&new);
        assert_eq!(inspected(&mixed), Log { is_used: true, commits: 3, damaged_at: None });
    }
}
