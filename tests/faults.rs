//! The system refuses a call, each in turn: a full disk at every write, and files that cannot be made, brought to the
//! disk, closed, or get their names. The command then says so, earlier results are as they were, and the next try gets
//! it right.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{Folder, Outcome, Tissue};

/// Refuses the call `FAULT_CALL` for files below `FAULT_FOLDER` from the `FAULT_FIRST`th on, or only that one, and makes a
/// file `FAULT_MARK` then.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int refuses(const char *call, const char *path) {
    static atomic_long seen;
    const char *wanted = getenv("FAULT_CALL"), *folder = getenv("FAULT_FOLDER");
    if (!wanted || !folder || strcmp(wanted, call) || strncmp(path, folder, strlen(folder)) || strstr(path, "_log.log"))
        return 0;
    long n = ++seen, first = atol(getenv("FAULT_FIRST"));
    if (n < first || (n > first && !getenv("FAULT_STAYS"))) return 0;
    if (n == first) REAL(mkdir)(getenv("FAULT_MARK"), 0700);
    errno = !strcmp(call, "write") ? ENOSPC : EIO;
    return 1;
}

static int refuses_fd(const char *call, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return refuses(call, path);
}

static int refuses_at(const char *call, const char *path) {
    char whole[8192];
    if (path[0] == '/') return refuses(call, path);
    if (!getcwd(whole, 4096)) return 0;
    strcat(whole, "/");
    strncat(whole, path, 4000);
    return refuses(call, whole);
}

ssize_t write(int fd, const void *from, size_t n) { return refuses_fd("write", fd) ? -1 : REAL(write)(fd, from, n); }
ssize_t writev(int fd, const struct iovec *from, int n) { return refuses_fd("write", fd) ? -1 : REAL(writev)(fd, from, n); }
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
    return refuses_fd("write", fd) ? -1 : REAL(pwrite64)(fd, from, n, at);
}
int fsync(int fd) { return refuses_fd("fsync", fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return refuses_fd("fsync", fd) ? -1 : REAL(fdatasync)(fd); }
/* The data are refused as late as that, and the file is cut, as servers and quotas do. */
int close(int fd) {
    if (!refuses_fd("close", fd)) return REAL(close)(fd);
    int cut = ftruncate(fd, 10);
    (void)cut;
    REAL(close)(fd);
    errno = EIO;
    return -1;
}
int rename(const char *from, const char *to) {
    return refuses_at("rename", from) ? -1 : REAL(rename)(from, to);
}
int mkdir(const char *path, mode_t mode) {
    return refuses_at("mkdir", path) ? -1 : REAL(mkdir)(path, mode);
}
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if ((flags & O_CREAT) && refuses_at("open", path)) return -1;
    return REAL(open64)(path, flags, mode);
}
"#;

/// Rounds until a command has made all its calls, at most.
const MAX_CALLS: usize = 2000;

struct Faults {
    folder: Folder,
    shim: PathBuf,
}

impl Faults {
    fn new() -> Self {
        let folder = Folder::with("t.csv", Tissue { side: 5, ..Tissue::default() }.csv_with_prior());
        folder.write("shim/shim.c", SHIM);
        let made = folder.command("cc", &["-shared", "-fPIC", "-o", "shim/shim.so", "shim/shim.c", "-ldl"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let shim = folder.path("shim/shim.so");
        Self { folder, shim }
    }

    /// Runs a command of which the `first`th call is refused, or all from there on. Returns whether there were so many
    /// calls.
    fn run(&self, line: &str, call: &str, first: usize, stays: bool) -> (Outcome, bool) {
        let mark = self.folder.path("shim/mark");
        let mut command = Command::new(self.folder.program());
        command.args(line.split_whitespace()).current_dir(self.folder.path("")).env_clear();
        command.env("LD_PRELOAD", &self.shim).env("FAULT_CALL", call).env("FAULT_FIRST", first.to_string());
        command.env("FAULT_FOLDER", self.folder.path("").canonicalize().unwrap()).env("FAULT_MARK", &mark);
        if stays {
            command.env("FAULT_STAYS", "yes");
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let outcome = Outcome {
            arguments: vec![line.to_owned(), format!("{call} {first}")],
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        (outcome, fs::remove_dir(mark).is_ok())
    }

    /// All files but inputs. With logs, since the next command looks into those of earlier ones.
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let names = self.folder.names().into_iter().filter(|name| name != "t.csv" && !name.starts_with("shim/"));
        names.map(|name| (name.clone(), fs::read(self.folder.path(&name)).unwrap())).collect()
    }

    /// Refuses every call in turn. `line` follows an earlier command that has left its results. Returns the number of
    /// calls.
    fn check(&self, line: &str, call: &str, stays: bool) -> usize {
        let (folder, original) = (&self.folder, self.contents());
        let before = timeless(original.clone());
        folder.succeed(line);
        let after = timeless(self.contents());
        assert!(before != after, "{line} must change something");
        for first in 1..=MAX_CALLS {
            self.restore(&original);
            let (outcome, is_refused) = self.run(line, call, first, stays);
            if !is_refused {
                outcome.assert_success();
                assert!(timeless(self.contents()) == after);
                return first - 1;
            }
            let said = &outcome.stderr;
            let what = match call {
                "write" => "No space left",
                _ => "Input/output error",
            };
            let found = timeless(self.contents());
            if outcome.code == Some(0) {
                // What is not needed for the result may fail, with a word about it.
                assert!(said.contains(what) || found == after, "{call} {first} of {line}: {said}");
                continue;
            }
            assert_eq!(outcome.code, Some(1), "{call} {first} of {line}: {said}");
            // The HDF5 library has words of its own.
            let is_told = said.contains(what) || said.contains(" as HDF5");
            assert!(is_told && !said.contains("panicked"), "{call} {first} of {line}: {said}");
            let names = self.folder.names();
            let is_rest = |name: &&String| name.contains(".tmp") || name.contains(".lock");
            let rest: Vec<&String> = names.iter().filter(is_rest).collect();
            assert!(rest.is_empty(), "{call} {first} of {line} leaves {rest:?}: {said}");
            if call != "rename" {
                for group in ["o/", "s/"] {
                    let [was, is, will_be] = [&before, &found, &after].map(|all| result(all, group));
                    // Tables come before boundaries, and with them the earlier result goes.
                    let is_new = is.iter().all(|(name, bytes)| will_be.get(name) == Some(bytes));
                    assert!(is == was || is_new, "{call} {first} of {line} mixes results: {:?}\n{said}", is.keys());
                }
            }
            folder.succeed(line);
            assert!(
                timeless(self.contents()) == after,
                "{call} {first} of {line} leaves something behind: {:?}",
                folder.names()
            );
        }
        panic!("{line} never ends");
    }

    fn restore(&self, contents: &BTreeMap<String, Vec<u8>>) {
        for name in self.contents().keys().filter(|name| !contents.contains_key(*name)) {
            fs::remove_file(self.folder.path(name)).unwrap();
        }
        for (name, bytes) in contents {
            self.folder.write(name, bytes);
        }
    }
}

/// The files of a result below a folder, without what only serves to go on.
fn result<'a>(contents: &'a BTreeMap<String, Vec<u8>>, folder: &str) -> BTreeMap<&'a str, &'a [u8]> {
    let others = ["checkpoint.bin", "UNFINISHED", ".lock"];
    let is_of_result = |name: &str| name.starts_with(folder) && !others.iter().any(|other| name.ends_with(other));
    let files = contents.iter().filter(|(name, _)| is_of_result(name));
    files.map(|(name, bytes)| (&name[..], &bytes[..])).collect()
}

/// Results without logs and times, which differ from run to run.
fn timeless(mut contents: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    contents.retain(|name, _| !name.ends_with("_log.log"));
    for bytes in contents.iter_mut().filter(|(name, _)| name.ends_with("manifest.json")).map(|(_, bytes)| bytes) {
        let mut manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        manifest["timing"] = serde_json::Value::Null;
        *bytes = manifest.to_string().into_bytes();
    }
    contents
}

const MODEL: &str = "-m 8 -s 3 --iters 3 -t 1 --skip-ncv-color";

#[test]
fn a_disk_that_is_full_at_any_write_leaves_the_earlier_result() {
    let faults = Faults::new();
    faults.folder.succeed(&format!("run t.csv {MODEL} -o o/"));
    assert!(faults.check(&format!("run t.csv {MODEL} --seed 2 -o o/"), "write", true) > 5);
}

#[test]
fn any_write_to_a_stage_may_fail() {
    let faults = Faults::new();
    faults.folder.succeed(&format!("run t.csv {MODEL} --stage s"));
    assert!(faults.check(&format!("run t.csv {MODEL} --seed 2 --stage s"), "write", true) > 10);
}

#[test]
fn a_file_that_cannot_be_brought_to_the_disk_is_no_result() {
    let faults = Faults::new();
    faults.folder.succeed(&format!("run t.csv {MODEL} --stage s -o o/"));
    let line = format!("run t.csv {MODEL} --seed 2 --stage s -o o/");
    assert!(faults.check(&line, "fsync", false) > 10);
}

#[test]
fn a_file_that_does_not_get_its_name_gets_it_in_the_next_run() {
    let faults = Faults::new();
    faults.folder.succeed(&format!("run t.csv {MODEL} --stage s -o o/"));
    assert!(faults.check(&format!("run t.csv {MODEL} --seed 2 --stage s -o o/"), "rename", false) > 5);
}

#[test]
fn a_file_that_cannot_be_made_leaves_the_earlier_result() {
    let faults = Faults::new();
    faults.folder.succeed(&format!("run t.csv {MODEL} --stage s -o o/"));
    assert!(faults.check(&format!("run t.csv {MODEL} --seed 2 --stage s -o o/"), "open", false) > 5);
}

#[test]
fn the_segments_of_an_earlier_prior_stay_where_new_ones_cannot_be_written_or_closed() {
    let faults = Faults::new();
    faults.folder.succeed("prior t.csv :cell_id -m 8 -o s -t 1");
    let original = faults.contents();
    for (call, stays, n_least) in [("write", true, 4), ("close", false, 2)] {
        faults.restore(&original);
        assert!(faults.check("prior t.csv :cell_id -m 12 -o s -t 1", call, stays) >= n_least);
    }
}
