//! Opening the file.
//!
//! *Decides* whether it is ours to write to. Nothing is written before that is known.

use super::schema;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::time::Duration;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io, thread};

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// In bytes.
const SMALLEST_PAGE: u64 = 512;
/// Between two tries of what another process is in the way of, and SQLite does not wait for by itself.
const PAUSE: Duration = Duration::from_millis(10);

/// Why the file was not opened. It is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is no SQLite file.
    #[error("{} is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// It is a database that something else has made.
    #[error("{} is a database of another application", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this library has written it.
    #[error("{} has form {found}; this version knows forms up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i32,
        /// The newest form that is known here.
        known: i32,
    },
    /// It could not be read or written.
    #[error("{} cannot be used: {detail}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
}

pub(super) fn unusable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unusable { path: path.to_path_buf(), detail: error.to_string() }
}

fn told(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, detail) = (path.to_path_buf(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, detail },
        Some(_) | None => OpenError::Unusable { path, detail },
    }
}

/// The connection that writes.
pub(super) fn writing(path: &Path, patience: Duration) -> Result<Connection, OpenError> {
    begins_well(path)?;
    let told = |error: rusqlite::Error| told(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags, patience)?;
    // Where SQLite may only read it says so no sooner than at the first commit.
    if connection.is_readonly("main").map_err(told)? {
        return Err(OpenError::Unusable { path: path.to_path_buf(), detail: "it is read-only".to_string() });
    }
    is_ours(path, &connection)?;
    is_whole(path, &connection)?;
    write_ahead(path, &connection, patience)?;
    schema::migrate(&mut connection).map_err(told)?;
    // Another process may have brought it to a newer form just now, or made it its own.
    is_ours(path, &connection)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(told)?;
    Ok(connection)
}

/// The connection that reads, beside the one that writes.
pub(super) fn reading(path: &Path, patience: Duration) -> Result<Connection, OpenError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX, patience)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| told(path, &error))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(plain(path), flags).map_err(|error| told(path, &error))?;
    connection.busy_timeout(patience).map_err(|error| told(path, &error))?;
    Ok(connection)
}

/// SQLite takes a name that begins like that for an address, with options that are nobody's business here.
fn plain(path: &Path) -> Cow<'_, Path> {
    match path.as_os_str().as_encoded_bytes().starts_with(b"file:") {
        true => Path::new(".").join(path).into(),
        false => path.into(),
    }
}

/// SQLite takes a file that is shorter than its smallest page for a new one, and would write over it. A longer one is left to SQLite: to
/// close any other handle on it would take away the locks of whoever has it open in this process.
fn begins_well(path: &Path) -> Result<(), OpenError> {
    let unusable = |error: io::Error| unusable(path, &error);
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
    };
    if !(1..SMALLEST_PAGE).contains(&length) {
        return Ok(());
    }
    let cut_off = fs::read(path).map_err(unusable)?.starts_with(MAGIC);
    let path = path.to_path_buf();
    Err(if cut_off {
        OpenError::Damaged { path, detail: "it is cut off".to_string() }
    } else {
        OpenError::NotADatabase { path }
    })
}

/// Which file that is, whatever it is called. Where it cannot be told apart an open file cannot be taken away either.
#[cfg(unix)]
pub(super) fn which(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Which file that is, whatever it is called. Where it cannot be told apart an open file cannot be taken away either.
#[cfg(not(unix))]
pub(super) fn which(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|_| (0, 0))
}

fn is_ours(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let form = schema::form(connection).map_err(|error| told(path, &error))?;
    let path = path.to_path_buf();
    if !form.is_new() && form.application_id != schema::APPLICATION_ID {
        return Err(OpenError::NotOurs { path });
    }
    if form.version > schema::VERSION {
        return Err(OpenError::Newer { path, found: form.version, known: schema::VERSION });
    }
    Ok(())
}

/// Reads the whole file once: what is damaged is found now, and not when an instance needs it.
fn is_whole(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| told(path, &error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged { path: path.to_path_buf(), detail: verdict })
}

/// While another process does the same, SQLite says that it is busy without having waited; in the way of a reader it has.
fn write_ahead(path: &Path, connection: &Connection, patience: Duration) -> Result<(), OpenError> {
    let begun = Instant::now();
    loop {
        let mode = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let detail = alloc::format!("it cannot be written ahead (journal mode {mode})");
                return Err(OpenError::Unusable { path: path.to_path_buf(), detail });
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < patience => {
                thread::sleep(PAUSE);
            }
            Err(error) => return Err(told(path, &error)),
        }
    }
}
