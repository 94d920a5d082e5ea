//! A handle on the peer of the durable workload, which runs in a process of its own.

use serde_json::Value;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// Built when it is needed first, with its own lock file.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(build);

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").expect("cargo runs this");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("duroxide");
    println!("building duroxide, which takes minutes the first time");
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "--message-format=json", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/duroxide/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(built.status.success(), "duroxide is built");
    let said = String::from_utf8(built.stdout).expect("text");
    let mut programs = said.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).expect("JSON lines");
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    programs.next_back().expect("a program")
}

pub(crate) struct Peer {
    process: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// On a new database at `file`.
    pub(crate) fn start(file: &Path, wishes: &[&str]) -> Self {
        let mut process = Command::new(&*PROGRAM)
            .arg(file)
            .args(wishes)
            // It writes its log to where the answers come from.
            .env("RUST_LOG", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let answers = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, answers }
    }

    /// How long `count` workloads take, so many at once.
    pub(crate) fn run(&mut self, at_once: u64, count: u64) -> Duration {
        let input = self.process.stdin.as_mut().expect("a pipe");
        writeln!(input, "{at_once} {count}").expect("it listens");
        let answer = self.answers.next().expect("it answers").expect("text");
        Duration::from_nanos(answer.parse().expect("nanoseconds"))
    }
}

impl Drop for Peer {
    /// It ends with its input.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let ended = self.process.wait().expect("it ends");
        assert!(ended.success() || std::thread::panicking(), "it ends well");
    }
}
