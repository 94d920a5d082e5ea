//! Processes, and what is asked of them.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::{Instant, sleep};

/// How much faster times are.
pub(crate) const SCALE: u32 = 60;
/// Everything here has come to its end by then, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the examples are. A run of this test alone has not built them.
fn examples() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps").to_path_buf();
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet"]);
        build.args(["--example", "host", "--example", "fly_emulator"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the examples are built");
        folder.join("examples")
    })
}

/// The example, run to its end.
pub(crate) fn run(example: &str, args: &[&str]) -> Output {
    Command::new(examples().join(example)).args(args).env_remove("FLY_API_TOKEN").output().unwrap()
}

/// The example, begun, with an output that takes nothing. Killed when it is dropped.
pub(crate) fn unheard(example: &str, args: &[&str]) -> Child {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = tokio::process::Command::new(examples().join(example));
    command.args(args).env_remove("FLY_API_TOKEN").stdout(full).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap()
}

/// The example as a user who may write nothing there, run to its end.
pub(crate) fn run_as_nobody(example: &str, args: &[&str]) -> Output {
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let program = folder.path().join(example);
    std::fs::copy(examples().join(example), &program).unwrap();
    // For root there is nothing that is read-only.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    let is_root = std::fs::metadata(folder.path()).unwrap().uid() == 0;
    let mut command = if is_root { command } else { Command::new(&program) };
    command.args(args).output().unwrap()
}

/// A process that serves. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    async fn start(command: Command) -> Self {
        let mut command = tokio::process::Command::from(command);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it begins in time").unwrap();
        let line = line.expect("it says where it listens");
        let url = line.strip_prefix("listening on ").expect("it says where it listens").to_string();
        Self { child, url }
    }

    /// As `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for its end; brings its exit status.
    pub(crate) async fn ends(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap().code()
    }

    pub(crate) async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let client = reqwest::Client::new();
        let mut request = client.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(30));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(reqwest::Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(reqwest::Method::POST, path, Some(body)).await
    }

    pub(crate) async fn does(&self, path: &str, body: Value) {
        let (status, answer) = self.post(path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
    }

    pub(crate) async fn provision(&self, sandbox: &str) {
        let body = json!({ "user": "user-1", "sandbox": sandbox, "app": format!("app-{sandbox}"), "seed": 7 });
        self.does("/v1/instances", body).await;
    }

    pub(crate) async fn command(&self, sandbox: &str, command: &str) -> (u16, Value) {
        self.post(&format!("/v1/instances/{sandbox}/{command}"), json!({})).await
    }

    /// Taken on by now, or as soon as a recovery that nobody has waited for is over: until then it is refused.
    pub(crate) async fn destroy(&self, sandbox: &str) {
        let begun = Instant::now();
        loop {
            let (status, answer) = self.command(sandbox, "destroy").await;
            if status == 200 {
                return;
            }
            assert_eq!((status, &answer["error"]["code"]), (409, &json!("recovering")), "{sandbox}: {answer}");
            assert!(begun.elapsed() < PATIENCE, "{sandbox} is recovering still: {}", self.admin(sandbox).await);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// `None` for one that there is not.
    pub(crate) async fn status(&self, sandbox: &str) -> Option<String> {
        let (status, view) = self.ask(reqwest::Method::GET, &format!("/v1/instances/{sandbox}"), None).await;
        match status {
            404 => None,
            200 => Some(view["status"].as_str().expect("a status").to_string()),
            _ => panic!("{sandbox}: {status} {view}"),
        }
    }

    pub(crate) async fn reaches(&self, sandbox: &str, wanted: Option<&str>) {
        let begun = Instant::now();
        loop {
            let status = self.status(sandbox).await;
            if status.as_deref() == wanted {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let why = self.ask(reqwest::Method::GET, &format!("/v1/instances/{sandbox}/admin"), None).await;
                panic!("{sandbox} is still {status:?}, not {wanted:?}: {}", why.1["said"]);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until this has happened to it.
    pub(crate) async fn lives_to_see(&self, sandbox: &str, event: &str) {
        self.lives_to_see_again(sandbox, event, 1).await;
    }

    /// The same, for so many times.
    pub(crate) async fn lives_to_see_again(&self, sandbox: &str, event: &str, times: usize) {
        let begun = Instant::now();
        while self.life(sandbox).await.iter().filter(|name| *name == event).count() < times {
            if begun.elapsed() > PATIENCE {
                let why = self.ask(reqwest::Method::GET, &format!("/v1/instances/{sandbox}/admin"), None).await;
                panic!("{event} has not happened to {sandbox}: {:?}, {}", self.life(sandbox).await, why.1);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn admin(&self, sandbox: &str) -> Value {
        self.get(&format!("/v1/instances/{sandbox}/admin")).await["view"].clone()
    }

    /// The names of what has happened to it, in order.
    pub(crate) async fn life(&self, sandbox: &str) -> Vec<String> {
        let events = self.get("/v1/events?limit=1000").await;
        let of_it = events["events"].as_array().unwrap().iter().map(|logged| &logged["event"]);
        let of_it = of_it.filter(|event| event["sandbox"] == sandbox);
        let names = of_it.map(|event| event["event"].as_str().unwrap().to_string());
        names.filter(|name| name.starts_with("instance.")).collect()
    }
}

async fn emulator(listen: &str, weather: &[&str]) -> Server {
    let mut command = Command::new(examples().join("fly_emulator"));
    command.args(["--listen", listen, "--time-scale", &SCALE.to_string()]).args(weather);
    Server::start(command).await
}

/// An emulator, and a file for the instances.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) fly: Server,
}

impl Stage {
    pub(crate) async fn new(weather: &[&str]) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), fly: emulator("127.0.0.1:0", weather).await }
    }

    /// The emulator is gone, with its world; another one takes its place.
    pub(crate) async fn replace_fly(&mut self) {
        let address = self.fly.url.strip_prefix("http://").expect("an address").to_string();
        self.fly.signal("-KILL");
        // It takes its port along, which is free again when it has ended.
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_secs(2)).await;
        self.fly = emulator(&address, &[]).await;
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.folder.path().join("instances.db")
    }

    fn host_command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--db").arg(self.db()).args(["--fly", &self.fly.url, "--listen", "127.0.0.1:0"]);
        command.args(["--time-scale", &SCALE.to_string()]);
        command
    }

    pub(crate) async fn host(&self) -> Server {
        Server::start(self.host_command(examples().join("host").to_str().unwrap())).await
    }

    /// A host whose files may not grow beyond so many blocks of 512 bytes: for it the disk is full.
    pub(crate) async fn host_on_a_full_disk(&self, blocks: u32) -> Server {
        let host = self.host_command(examples().join("host").to_str().unwrap());
        let mut shell = Command::new("sh");
        // The signal that would end the process is one more error that way.
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        shell.arg(host.get_program()).args(host.get_args());
        Server::start(shell).await
    }

    pub(crate) async fn world(&self) -> Value {
        self.fly.get("/_control/world").await
    }

    /// What is there of a kind, by id.
    pub(crate) async fn live(&self, kind: &str) -> BTreeMap<String, Value> {
        let world = self.world().await;
        let things = world[kind].as_object().expect("things by id").clone();
        let dead = |thing: &Value| {
            let state = thing["state"].as_str().unwrap_or_default();
            thing["gone"] == true || ["destroyed", "destroying", "pending_destroy"].contains(&state)
        };
        things.into_iter().filter(|(_, thing)| !dead(thing)).collect()
    }

    /// Each machine that runs stops by itself.
    pub(crate) async fn stop_all(&self) {
        for (id, machine) in self.live("machines").await {
            if machine["runs"] == true {
                // It may have been destroyed in the meantime.
                let path = format!("/_control/machines/{id}/stop");
                let (status, answer) = self.fly.ask(reqwest::Method::POST, &path, None).await;
                assert!([200, 409].contains(&status), "{status} {answer}");
            }
        }
    }

    /// In the end nothing is there that no instance knows of, and what each knows as its data holds the last of its writes.
    pub(crate) async fn judge(&self, host: &Server, sandboxes: &[String]) {
        self.comes_true(async || {
            let lost = self.lost(host, sandboxes).await;
            if lost.is_some() { lost } else { self.leaked(host, sandboxes).await }
        })
        .await;
    }

    /// In the end nothing is there that no instance knows of.
    pub(crate) async fn judge_leaks(&self, host: &Server, sandboxes: &[String]) {
        self.comes_true(async || self.leaked(host, sandboxes).await).await;
    }

    /// What an instance knows and what there is are looked at one after the other: meanwhile it may have gone on.
    async fn comes_true(&self, wrong: impl AsyncFn() -> Option<String>) {
        let begun = Instant::now();
        while let Some(what) = wrong().await {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn lost(&self, host: &Server, sandboxes: &[String]) -> Option<String> {
        let world = self.world().await;
        let volumes = world["volumes"].as_object().unwrap();
        for sandbox in sandboxes {
            let admin = host.admin(sandbox).await;
            let Some(volume) = admin["volume"].as_str() else {
                return Some(format!("{sandbox} has no volume: {admin}"));
            };
            let Some(kept) = volumes.get(volume) else { return Some(format!("{sandbox}: there is no {volume}")) };
            if kept["intact"] != true || kept["gone"] != false {
                return Some(format!("{sandbox}: {volume} is {kept}"));
            }
            let of_it = volumes.values().filter(|volume| volume["app"] == format!("app-{sandbox}"));
            let newest = of_it.filter_map(|volume| volume["generation"].as_u64()).max();
            if kept["generation"].as_u64() != newest {
                return Some(format!("{sandbox}: {volume} does not hold the newest data of {volumes:#?}"));
            }
        }
        None
    }

    async fn leaked(&self, host: &Server, sandboxes: &[String]) -> Option<String> {
        let live = [self.live("machines").await, self.live("volumes").await];
        let mut known = String::new();
        for sandbox in sandboxes {
            known.push_str(&host.admin(sandbox).await.to_string());
        }
        let unknown = live.into_iter().flatten().find(|(id, _)| !known.contains(&format!("\"{id}\"")));
        unknown.map(|(id, thing)| format!("nobody knows of {id}: {thing}"))
    }
}

pub(crate) fn sandboxes(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("s-{number}")).collect()
}

/// That no event was told twice: the keys of all.
pub(crate) async fn keys(host: &Server) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after = json!(0);
    loop {
        let page = host.get(&format!("/v1/events?after={after}&limit=1000")).await;
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            break;
        }
        keys.extend(events.iter().map(|logged| logged["event"]["key"].as_str().unwrap().to_string()));
        after = page["next"].clone();
    }
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "each event once");
    keys
}
