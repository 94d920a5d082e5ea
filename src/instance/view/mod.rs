//! What hosts show: a view for the tenant and one for admins (W1, W2).
//!
//! *Decides* nothing; it reads the record.
//!
//! *Guarantees*: whether a command is enabled comes from the table that answers it. All times are absolute, so that a view needs neither
//! a policy nor a clock, and every field is always there, so that a dashboard needs no defaults.

mod actions;
mod admin;
mod disposal;
mod error;
mod progress;
mod user;

pub use actions::{AdminActions, Control, Gate, UserActions};
pub use admin::{AdminView, CallView, Caller, MissingView, RecoveryState, RecoveryView};
pub use disposal::{CopyView, DisposalCause, DisposalView, RetainedView, ThingView};
pub use error::{ErrorKind, ErrorView};
pub use user::UserView;
