//! A thread that hangs, and a disk, made from outside, without help from the program.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A thread that stands still as long as this lives: a tracer holds it.
pub struct Stalled(Child);

impl Stalled {
    /// Holds this thread.
    pub fn new(thread: u32) -> Self {
        const HOLD: &str = "import ctypes, os, sys\n\
            ptrace = ctypes.CDLL(None, use_errno=True).ptrace\n\
            ptrace.argtypes = [ctypes.c_long] * 4\n\
            thread = int(sys.argv[1])\n\
            assert ptrace(0x4206, thread, 0, 0) == 0, os.strerror(ctypes.get_errno())  # SEIZE\n\
            assert ptrace(0x4207, thread, 0, 0) == 0, os.strerror(ctypes.get_errno())  # INTERRUPT\n\
            os.waitpid(thread, 0x40000000)  # __WALL\n\
            print('held', flush=True)\n\
            sys.stdin.read()\n";
        let mut child = Command::new("python3")
            .args(["-c", HOLD, &thread.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("readable");
        assert_eq!(line, "held\n");
        Self(child)
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        // The kernel lets go of what a dead tracer held.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The thread of a process by its name.
pub fn thread_named(process: u32, name: &str) -> u32 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let mut found = tasks.filter_map(Result::ok).filter(|task| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    });
    let task = found.next().unwrap_or_else(|| panic!("no thread {name}"));
    task.file_name().to_str().and_then(|id| id.parse().ok()).expect("a number")
}

/// A folder whose disk does not answer, as one of a file server that is gone, as long as this lives:
/// a file system whose server never replies.
pub struct Hung(Child);

impl Hung {
    /// Puts it over a folder, in the eyes of this process alone.
    pub fn over(folder: &Path, process: u32) -> Self {
        const HANG: &str = "import ctypes, os, struct, sys\n\
            libc = ctypes.CDLL(None, use_errno=True)\n\
            fuse = os.open('/dev/fuse', os.O_RDWR)\n\
            options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()\n\
            done = libc.mount(b'hung', sys.argv[1].encode(), b'fuse', 6, options)\n\
            assert done == 0, os.strerror(ctypes.get_errno())\n\
            request = os.read(fuse, 1 << 17)\n\
            unique = struct.unpack_from('<IIQ', request)[2]\n\
            init = struct.pack('<IIIIHHI', 7, 31, 0, 0, 1, 1, 4096).ljust(64, b'\\0')\n\
            os.write(fuse, struct.pack('<IiQ', 16 + len(init), 0, unique) + init)\n\
            print('hung', flush=True)\n\
            sys.stdin.read()\n";
        let mut child = Command::new("nsenter")
            .args([&format!("--mount=/proc/{process}/ns/mnt"), "python3", "-c", HANG])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("readable");
        assert_eq!(line, "hung\n");
        Self(child)
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // Without its server the file system answers with errors.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
