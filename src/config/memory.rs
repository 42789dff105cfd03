//! How much memory this process may use.

use std::fs;
use std::path::Path;

/// Above this a control group's limit in bytes means "none": version 1 writes the largest number of pages.
const NO_LIMIT: u64 = 1 << 60;

/// How much memory this process may use, in bytes: the least of its control groups' limits (version 2 or 1), else what
/// the machine has. `None` when the system does not tell.
pub fn memory_limit() -> Option<u64> {
    limit_seen_from(Path::new("/"))
}

fn limit_seen_from(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    groups.lines().filter_map(|line| group_limit(root, line)).chain(machine_memory(root)).min()
}

/// The limit of the group in one line of `/proc/self/cgroup`: `0::/path` in version 2, `4:memory:/path` in version 1.
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return None,
    };
    // A group is bound by the limits of those above it. In a container the path may be the host's and not be there:
    // then the mount's own root is the container's group.
    let folder = Path::new(path.trim_start_matches('/'));
    folder
        .ancestors()
        .filter_map(|folder| number_in(&root.join(mount).join(folder).join(file)))
        .filter(|limit| *limit < NO_LIMIT)
        .min()
}

fn number_in(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The machine's memory from the line `MemTotal: 24683656 kB`.
fn machine_memory(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        limit_seen_from(root.path())
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:        1000 kB\nMemFree: 10 kB\n");

    #[test]
    fn the_machine_counts_where_no_group_has_a_limit() {
        assert_eq!(limit_of(&[]), None);
        assert_eq!(limit_of(&[MACHINE]), Some(1_024_000));
        let unlimited = [
            MACHINE,
            ("proc/self/cgroup", "4:memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
        ];
        assert_eq!(limit_of(&unlimited), Some(1_024_000));
    }

    #[test]
    fn a_group_of_version_two_and_those_above_it_count() {
        let group = ("proc/self/cgroup", "0::/pod/app\n");
        let own = ("sys/fs/cgroup/pod/app/memory.max", "5000\n");
        let above = ("sys/fs/cgroup/pod/memory.max", "4000\n");
        assert_eq!(limit_of(&[MACHINE, group, own]), Some(5000));
        assert_eq!(limit_of(&[MACHINE, group, own, above]), Some(4000));
    }

    #[test]
    fn a_group_of_version_one_counts_also_by_its_mount_in_a_container() {
        let group = ("proc/self/cgroup", "5:cpu:/x\n4:hugetlb,memory:/docker/abc\n");
        let inside = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "6000\n");
        assert_eq!(limit_of(&[MACHINE, group, inside]), Some(6000));
    }
}
