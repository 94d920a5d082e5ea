//! No room for what has to be written, or no leave.

use crate::stage::{Stage, run, run_as_nobody, sandboxes};
use serde_json::json;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn on_a_full_disk_nothing_is_promised_and_nothing_is_lost() {
    let stage = Stage::new(&[]).await;
    let all = sandboxes(60);
    let host = stage.host().await;
    host.provision("s-0").await;
    host.command("s-0", "start").await;
    host.reaches("s-0", Some("running")).await;
    host.signal("-TERM");
    assert_eq!(host.ends().await, Some(0));
    // Room for a little more than the first host may have left in its journal: its process may end before the file is closed.
    let host = stage.host_on_a_full_disk(480).await;
    let mut taken = vec!["s-0".to_string()];
    let mut refused = 0;
    for sandbox in &all[1..] {
        let body = json!({ "user": "user-1", "sandbox": sandbox, "app": format!("app-{sandbox}"), "seed": 7 });
        match host.post("/v1/instances", body).await {
            (201, _) => taken.push(sandbox.clone()),
            (500, answer) => {
                assert_eq!(answer["error"]["code"], "failed", "{answer}");
                refused += 1;
            }
            (status, answer) => panic!("{status} {answer}"),
        }
    }
    assert!(refused > 0 && taken.len() > 1, "{refused} were refused, {} taken on", taken.len());
    assert_eq!(host.get("/healthz").await["status"], "ok", "reading goes on");
    stage.stop_all().await;
    sleep(Duration::from_secs(3)).await;
    host.kill().await;
    // There is room again.
    let host = stage.host().await;
    let known = host.get("/v1/instances?limit=1000").await;
    let mut known: Vec<&str> =
        known["instances"].as_array().unwrap().iter().map(|shown| shown["sandbox"].as_str().unwrap()).collect();
    taken.sort();
    known.sort_unstable();
    assert_eq!(known, taken, "what was promised is there, and nothing else");
    host.lives_to_see("s-0", "instance.unexpected_stop_recovery_succeeded").await;
    host.reaches("s-0", Some("running")).await;
    stage.judge(&host, &["s-0".to_string()]).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no database\n").unwrap();
    let fly = "http://127.0.0.1:1";
    for (db, said) in [
        (text.to_str().unwrap(), "notes.txt is not an SQLite database"),
        ("/proc/instances.db", "/proc/instances.db cannot be used: unable to open database file"),
    ] {
        let end = run("host", &["--db", db, "--fly", fly, "--listen", "127.0.0.1:0"]);
        let told = String::from_utf8(end.stderr).unwrap();
        assert_eq!((end.status.code(), end.stdout.len()), (Some(1), 0), "{told}");
        assert!(told.starts_with("host: ") && told.contains(said), "{told}");
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "no database\n");
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_refused_and_stays() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    host.signal("-TERM");
    assert_eq!(host.ends().await, Some(0));
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let db = folder.path().join("instances.db");
    for end in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        if let Ok(bytes) = std::fs::read(name(&stage.db())) {
            std::fs::write(name(&db), bytes).unwrap();
        }
    }
    let before = std::fs::read(&db).unwrap();
    std::fs::set_permissions(&db, Permissions::from_mode(0o444)).unwrap();
    let end =
        run_as_nobody("host", &["--db", db.to_str().unwrap(), "--fly", &stage.fly.url, "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8(end.stderr).unwrap();
    assert_eq!((end.status.code(), end.stdout.len()), (Some(1), 0), "{told}");
    assert_eq!(told, format!("host: {} cannot be used: it is read-only\n", db.display()));
    assert_eq!(std::fs::read(&db).unwrap(), before);
}
