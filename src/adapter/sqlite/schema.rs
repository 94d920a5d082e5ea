//! The tables, and how an older form of them is brought up to date.

use rusqlite::{Connection, TransactionBehavior};

/// `KCLW`: says that the file is this library's.
pub(super) const APPLICATION_ID: i32 = 0x4B43_4C57;

/// What leads from each form of the file to the next. The form is its `user_version`: the number of steps that were taken.
const STEPS: [&str; 1] = ["
    CREATE TABLE instance (
        id       INTEGER PRIMARY KEY,
        sandbox  TEXT NOT NULL UNIQUE,
        -- Counts the commits, and goes on when the record is deleted and made anew.
        revision INTEGER NOT NULL,
        -- NULL: forgotten.
        record   TEXT,
        -- Milliseconds since 1970. NULL: no alarm.
        due      INTEGER
    ) STRICT;
    -- Holds all that a look for due alarms has to bring.
    CREATE INDEX instance_due ON instance (due, sandbox) WHERE due IS NOT NULL;
    CREATE TABLE outbox (
        id      INTEGER PRIMARY KEY,
        sandbox TEXT NOT NULL,
        key     TEXT NOT NULL,
        event   TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_sandbox ON outbox (sandbox, id);
"];

/// The form that this version of the library reads and writes.
pub(super) const VERSION: i32 = STEPS.len() as i32;

/// What the file says of itself.
pub(super) struct Form {
    pub(super) application_id: i32,
    pub(super) version: i32,
    empty: bool,
}

impl Form {
    /// Nobody has written to it.
    pub(super) fn is_new(&self) -> bool {
        self.application_id == 0 && self.version == 0 && self.empty
    }

    /// There are steps to be taken.
    fn is_older(&self) -> bool {
        self.is_new() || (self.application_id == APPLICATION_ID && self.version < VERSION)
    }
}

/// Reads it in one transaction: another process may be making the file.
pub(super) fn form(connection: &Connection) -> rusqlite::Result<Form> {
    read(&*connection.unchecked_transaction()?)
}

fn read(transaction: &Connection) -> rusqlite::Result<Form> {
    Ok(Form {
        application_id: transaction.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: transaction.pragma_query_value(None, "user_version", |row| row.get(0))?,
        empty: transaction.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?,
    })
}

/// Takes the steps that are missing, all of them or none. Another process may have taken them in the meantime, or newer ones, or have made
/// the file its own: then nothing is written.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if !form(connection)?.is_older() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let form = read(&transaction)?;
    if !form.is_older() {
        return Ok(());
    }
    for step in STEPS.iter().skip(usize::try_from(form.version).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
