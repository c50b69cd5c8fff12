//! Whose a socket is: by the files that processes hold, or by its user. Knows nothing of sums.
//!
//! Reading all of `/proc` is itself thousands of system calls, so a caller asks for owners of new
//! sockets only, and of those known whether [`Finder::is_still`] says so.

use super::diag::Socket;
use crate::host::Command;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How to find the owners of sockets (`--collector.sockets.owners`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OwnersBy {
    /// The only command name among the processes of the socket's user: no privilege.
    #[default]
    Uid,
    /// The process that holds the socket (needs `CAP_SYS_PTRACE` and `CAP_DAC_READ_SEARCH`, which
    /// one thread keeps).
    Fd,
}

/// A process that owns a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Its name.
    pub command: Command,
    process: u32,
    /// The file that is the socket, where it was found by that.
    file: Option<PathBuf>,
}

/// Looks for owners.
pub(crate) struct Finder {
    proc: PathBuf,
    by: OwnersBy,
}

impl Finder {
    /// One that looks in `proc`, which is `/proc` but for tests.
    pub fn new(proc: PathBuf, by: OwnersBy) -> Self {
        Self { proc, by }
    }

    /// How it looks.
    pub const fn by(&self) -> OwnersBy {
        self.by
    }

    /// The owners of these sockets, by cookie; a socket whose owner is unknown is left out.
    /// Processes that may not be looked into are skipped.
    pub fn find(&self, sockets: &[Socket]) -> HashMap<u64, Owner> {
        let mut found = HashMap::new();
        let inodes: HashMap<u32, u64> = sockets.iter().map(|s| (s.inode, s.cookie)).collect();
        // Our own need no privilege.
        if let Some(own) = self.own() {
            self.by_files(own, &inodes, &mut found);
        }
        let processes = self.processes();
        if self.by == OwnersBy::Fd {
            for &process in &processes {
                if found.len() < sockets.len() {
                    self.by_files(process, &inodes, &mut found);
                }
            }
        }
        let left = sockets.iter().filter(|socket| !found.contains_key(&socket.cookie));
        let left: Vec<Socket> = left.copied().collect();
        if !left.is_empty() {
            let users = self.of_users(&processes, &left.iter().map(|socket| socket.uid).collect());
            let owned = left.iter().filter_map(|s| Some((s.cookie, users.get(&s.uid)?.clone()?)));
            found.extend(owned);
        }
        found
    }

    /// Whether a process still is the owner that it was: one look at it, or two.
    pub(crate) fn is_still(&self, owner: &Owner, socket: &Socket) -> bool {
        let is_held = owner.file.as_ref().is_none_or(|file| inode(file) == Some(socket.inode));
        is_held && self.command(owner.process) == Some(owner.command)
    }

    fn own(&self) -> Option<u32> {
        fs::read_link(self.proc.join("self")).ok()?.to_str()?.parse().ok()
    }

    fn processes(&self) -> Vec<u32> {
        let entries = fs::read_dir(&self.proc).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Adds the sockets that are files of a process.
    fn by_files(&self, process: u32, inodes: &HashMap<u32, u64>, found: &mut HashMap<u64, Owner>) {
        let folder = self.proc.join(process.to_string()).join("fd");
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let file = entry.path();
            let Some(cookie) = inode(&file).and_then(|inode| inodes.get(&inode)) else { continue };
            let Some(command) = self.command(process) else { continue };
            let owner = || Owner { command, process, file: Some(file) };
            found.entry(*cookie).or_insert_with(owner);
        }
    }

    /// Of each of these users the only name among the processes, `None` if there are several.
    fn of_users(&self, processes: &[u32], wanted: &HashSet<u32>) -> HashMap<u32, Option<Owner>> {
        let mut users: HashMap<u32, Option<Owner>> = HashMap::new();
        for &process in processes {
            let Some(user) = self.user(process).filter(|user| wanted.contains(user)) else {
                continue;
            };
            let Some(command) = self.command(process) else { continue };
            users
                .entry(user)
                .and_modify(|known| {
                    if known.as_ref().is_some_and(|known| known.command != command) {
                        *known = None;
                    }
                })
                .or_insert(Some(Owner { command, process, file: None }));
        }
        users
    }

    /// The name of a process: its leader's.
    fn command(&self, process: u32) -> Option<Command> {
        let comm = fs::read(self.proc.join(process.to_string()).join("comm")).ok()?;
        Some(Command::new(comm.strip_suffix(b"\n").unwrap_or(&comm)))
    }

    /// The effective user of a process. Not the owner of its folder: that is root where a process
    /// has changed its user (proc(5)).
    fn user(&self, process: u32) -> Option<u32> {
        let status = fs::read(self.proc.join(process.to_string()).join("status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        ids.split_whitespace().nth(1)?.parse().ok()
    }
}

/// The inode of a socket that a file of `/proc/PID/fd` is.
fn inode(file: &Path) -> Option<u32> {
    let link = fs::read_link(file).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Proc(tempfile::TempDir);

    impl Proc {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn process(&self, id: u32, name: &str, user: u32, sockets: &[u32]) {
            let dir = self.0.path().join(id.to_string());
            fs::create_dir_all(dir.join("fd")).unwrap();
            fs::write(dir.join("comm"), format!("{name}\n")).unwrap();
            fs::write(dir.join("status"), format!("Name:\tx\nUid:\t0\t{user}\t0\t{user}\n"))
                .unwrap();
            for (number, socket) in sockets.iter().enumerate() {
                symlink(format!("socket:[{socket}]"), dir.join(format!("fd/{number}"))).unwrap();
            }
        }

        fn finder(&self, by: OwnersBy) -> Finder {
            Finder::new(self.0.path().to_owned(), by)
        }
    }

    fn socket(cookie: u64, uid: u32, inode: u32) -> Socket {
        Socket { port: 5353, uid, inode, cookie, receive_queue: 0, drops: 0 }
    }

    fn names(found: &HashMap<u64, Owner>) -> Vec<(u64, String)> {
        let mut names: Vec<_> =
            found.iter().map(|(cookie, o)| (*cookie, String::from(o.command.label()))).collect();
        names.sort();
        names
    }

    #[test]
    fn the_only_name_of_a_user_is_the_owner() {
        let proc = Proc::new();
        proc.process(10, "avahi-daemon", 103, &[]);
        proc.process(11, "avahi-daemon", 103, &[]);
        proc.process(12, "one", 0, &[]);
        proc.process(13, "two", 0, &[]);
        let sockets = [socket(1, 103, 50), socket(2, 0, 51), socket(3, 77, 52)];
        let found = proc.finder(OwnersBy::Uid).find(&sockets);
        assert_eq!(names(&found), [(1, "avahi-daemon".to_owned())]);
    }

    #[test]
    fn who_holds_the_file_is_the_owner_and_files_are_looked_at_on_request_only() {
        let proc = Proc::new();
        proc.process(12, "one", 0, &[]);
        proc.process(13, "two", 0, &[51]);
        let sockets = [socket(2, 0, 51)];
        assert_eq!(names(&proc.finder(OwnersBy::Fd).find(&sockets)), [(2, "two".to_owned())]);
        assert_eq!(names(&proc.finder(OwnersBy::Uid).find(&sockets)), []);
        // One's own are known in either case.
        symlink("13", proc.0.path().join("self")).unwrap();
        assert_eq!(names(&proc.finder(OwnersBy::Uid).find(&sockets)), [(2, "two".to_owned())]);
    }

    #[test]
    fn an_owner_is_one_as_long_as_it_has_its_name_and_its_file() {
        let proc = Proc::new();
        proc.process(13, "two", 0, &[51]);
        let (finder, wanted) = (proc.finder(OwnersBy::Fd), socket(2, 0, 51));
        let owner = finder.find(&[wanted]).remove(&2).unwrap();
        assert!(finder.is_still(&owner, &wanted));
        assert!(!finder.is_still(&owner, &socket(2, 0, 52)), "another socket in its place");
        proc.process(13, "three", 0, &[]);
        assert!(!finder.is_still(&owner, &wanted), "another name");
        fs::remove_dir_all(proc.0.path().join("13")).unwrap();
        assert!(!finder.is_still(&owner, &wanted));
    }

    #[test]
    fn a_proc_that_is_not_there_knows_nobody() {
        let finder = Finder::new("/nonexistent".into(), OwnersBy::Fd);
        assert_eq!(finder.find(&[socket(1, 0, 1)]), HashMap::new());
    }
}
