//! Tells what an input stood for when it ends badly.

/// Prints a text when what it stands for panics: the form in which a finding is kept as a seed. (libFuzzer ends the process in the panic
/// itself; the test that replays seeds does not.)
pub(super) struct Told<F: Fn() -> String>(pub(super) F);

impl<F: Fn() -> String> Drop for Told<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was: {}", (self.0)());
        }
    }
}
