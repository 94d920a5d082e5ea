//! What is asked for on the command line. What is not asked for is as the peer has it by itself.

use std::error::Error;
use std::time::Duration;

/// In the pool of its provider.
pub(crate) const CONNECTIONS: usize = 5;

/// `FILE --orchestrations N --workers N --poll-us N --connections N --full --no-timer`, all but the first as one likes.
pub(crate) struct Wish {
    pub(crate) file: String,
    /// Orchestrations that are taken a step further at once.
    pub(crate) orchestrations: usize,
    /// Activities that run at once.
    pub(crate) workers: usize,
    /// How long a dispatcher that has found nothing rests.
    pub(crate) poll: Duration,
    /// Whether commits are on the disk when they are answered.
    pub(crate) full: bool,
    pub(crate) timer: bool,
    /// Of the connections in its pool those that it may use.
    pub(crate) connections: usize,
}

impl Wish {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let file = words.next().ok_or("which file?")?;
        let mut wish = Self {
            file,
            orchestrations: 2,
            workers: 2,
            poll: Duration::from_millis(100),
            full: false,
            timer: true,
            connections: CONNECTIONS,
        };
        while let Some(word) = words.next() {
            let mut number = || Ok::<u64, Box<dyn Error>>(words.next().ok_or("how many?")?.parse()?);
            match word.as_str() {
                "--orchestrations" => wish.orchestrations = usize::try_from(number()?)?,
                "--workers" => wish.workers = usize::try_from(number()?)?,
                "--poll-us" => wish.poll = Duration::from_micros(number()?),

                "--connections" => wish.connections = usize::try_from(number()?)?,
                "--full" => wish.full = true,
                "--no-timer" => wish.timer = false,
                _ => return Err(format!("unknown: {word}").into()),
            }
        }
        if !(1..=CONNECTIONS).contains(&wish.connections) {
            return Err(format!("there are {CONNECTIONS} connections").into());
        }
        Ok(wish)
    }
}
