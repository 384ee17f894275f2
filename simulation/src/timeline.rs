//! What happened in a run, for people, and a fingerprint of it that tells two runs apart.
//!
//! It must not influence a run: with or without the lines, the fingerprint is the same.

use crate::scenario::mix;

/// The account of a run.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    lines: Option<Vec<String>>,
    fingerprint: u64,
}

impl Timeline {
    /// An account with lines for people, or only with a fingerprint.
    #[must_use]
    pub fn new(with_lines: bool) -> Self {
        Self { lines: with_lines.then(Vec::new), fingerprint: 0 }
    }

    /// Takes what happened at a time, in milliseconds since the first sync began. `what` and `figure` make up the
    /// fingerprint, `words` are only asked for where there are lines.
    pub fn note(&mut self, at: i64, what: &str, figure: u64, words: impl FnOnce() -> String) {
        let mut mixed = mix(self.fingerprint, at.cast_unsigned()) ^ figure;
        for byte in what.bytes() {
            mixed = mixed.rotate_left(5) ^ u64::from(byte);
        }
        self.fingerprint = mix(mixed, figure);
        if let Some(lines) = &mut self.lines {
            let (seconds, milliseconds) = (at.div_euclid(1_000), at.rem_euclid(1_000));
            lines.push(format!("{seconds:>9}.{milliseconds:03}  {what:<9} {}", words()));
        }
    }

    /// Returns what tells this run from another one.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Returns the lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
