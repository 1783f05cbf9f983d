//! The real program in a folder of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::table::Table;

/// A temporary folder to run the program in.
pub struct Folder {
    folder: tempfile::TempDir,
}

/// How the program ended.
pub struct Outcome {
    pub arguments: Vec<String>,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A folder with one file.
    pub fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write(name, content);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a written file");
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn table(&self, name: &str) -> Table {
        Table::parse(&self.text(name), ',')
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs the program here, with a bare environment.
    pub fn baysor(&self, arguments: &[&str]) -> Outcome {
        self.baysor_in("", arguments)
    }

    /// Runs the program in a folder below this one.
    pub fn baysor_in(&self, below: &str, arguments: &[&str]) -> Outcome {
        let output = bare(self.program(), arguments).current_dir(self.path(below)).output();
        Outcome::new(arguments, output.expect("the program starts"))
    }

    /// Runs another program here, which is found in the usual places.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Outcome {
        let output = bare(program, arguments).current_dir(self.path("")).env("PATH", "/usr/bin:/bin").output();
        Outcome::new(arguments, output.expect("the program starts"))
    }

    /// Starts the program here and kills it as soon as its log has a text.
    pub fn baysor_killed_at(&self, text: &str, log: &str, arguments: &[&str]) {
        let mut command = bare(self.program(), arguments);
        let mut child = command.current_dir(self.path("")).stderr(Stdio::null()).spawn().expect("the program starts");
        for _ in 0..2000 {
            if std::fs::read_to_string(self.path(log)).is_ok_and(|log| log.contains(text)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        child.kill().expect("it still runs");
        let status = child.wait().expect("a status");
        assert!(!status.success() && self.text(log).contains(text), "{status}");
    }

    /// Where the program is.
    pub fn program(&self) -> &'static str {
        env!("CARGO_BIN_EXE_baysor")
    }

    /// Runs the program with arguments that must work, written as in a shell without quotes.
    pub fn succeed(&self, line: &str) -> Outcome {
        let outcome = self.baysor(&line.split_whitespace().collect::<Vec<_>>());
        outcome.assert_success();
        outcome
    }

    /// Names of all files, with their folders, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(self.folder.path(), "", &mut names);
        names.sort();
        names
    }

    /// Content of all files but inputs and the log, by name.
    pub fn results(&self, inputs: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let names = self.names().into_iter().filter(|name| !inputs.contains(&&name[..]) && !name.ends_with("_log.log"));
        names.map(|name| (name.clone(), std::fs::read(self.path(&name)).expect("a file"))).collect()
    }
}

impl Outcome {
    fn new(arguments: &[&str], output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Self {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Asserts exit status 0 and an empty stdout.
    pub fn assert_success(&self) {
        assert_eq!(self.code, Some(0), "{:?}: {}", self.arguments, self.stderr);
        assert_eq!(self.stdout, "", "{:?}", self.arguments);
        assert!(!self.stderr.contains("panicked"), "{:?}: {}", self.arguments, self.stderr);
    }

    /// Asserts a failure with one `error: ` line that has every text, and no trace of a crash.
    pub fn assert_failure(&self, code: i32, texts: &[&str]) {
        let all = &self.stderr;
        assert_eq!(self.code, Some(code), "{:?}: {all}", self.arguments);
        assert_eq!(self.stdout, "", "{:?}", self.arguments);
        for word in ["panicked", "backtrace", "unwrap", "src/"] {
            assert!(!all.contains(word), "{:?}: {all}", self.arguments);
        }
        let at = all.find("error: ").unwrap_or_else(|| panic!("{:?}: no error line in {all}", self.arguments));
        for text in texts {
            assert!(all[at..].contains(text), "{:?} lacks '{text}': {}", self.arguments, &all[at..]);
        }
    }

    /// Asserts a warning that has every text.
    pub fn assert_warning(&self, texts: &[&str]) {
        let is_it = |line: &str| line.contains("Warning: ") && texts.iter().all(|text| line.contains(text));
        assert!(self.stderr.lines().any(is_it), "{:?}: no warning with {texts:?} in {}", self.arguments, self.stderr);
    }
}

fn bare(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("RUST_BACKTRACE", "1");
    command
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a type").is_dir() {
            collect(&entry.path(), &format!("{name}/"), names);
        } else {
            names.push(name);
        }
    }
}
