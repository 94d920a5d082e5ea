//! One instance for each situation that the views tell apart.

use crate::script::*;
