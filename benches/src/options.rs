//! Command line of every benchmark.

use std::env;

/// `--check` fails where a target is missed; `--quick` measures for a few seconds only.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Fail where a target is missed.
    pub check: bool,
    /// A few seconds are enough.
    pub quick: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// Names a word that is neither.
    pub fn read() -> Result<Self, String> {
        let mut options = Self::default();
        for word in env::args().skip(1) {
            match word.as_str() {
                "--check" => options.check = true,
                "--quick" => options.quick = true,
                other => {
                    return Err(format!("`{other}`: there are only `--check` and `--quick`"));
                }
            }
        }
        Ok(options)
    }

    /// The same for several targets, with a message for each that was missed.
    ///
    /// # Errors
    /// The messages, under `--check`.
    pub fn all_reached(self, missed: &[String]) -> Result<(), String> {
        if missed.is_empty() {
            return Ok(());
        }
        self.missed(&missed.join("\n"))
    }

    /// An error where a target was missed and that matters.
    ///
    /// # Errors
    /// `message`, under `--check`.
    pub fn missed(self, message: &str) -> Result<(), String> {
        if self.check {
            return Err(message.to_owned());
        }
        println!("{message}");
        Ok(())
    }
}
