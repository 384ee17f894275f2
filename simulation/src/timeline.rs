//! The events of a run as text, and a fingerprint that distinguishes runs.
//!
//! It must not influence a run: the fingerprint does not depend on the text.

use crate::scenario::mix;

/// The timeline of a run.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    lines: Option<Vec<String>>,
    fingerprint: u64,
}

impl Timeline {
    /// Creates a timeline with text, or only with a fingerprint.
    #[must_use]
    pub fn new(with_lines: bool) -> Self {
        Self { lines: with_lines.then(Vec::new), fingerprint: 0 }
    }

    /// Records an event at a time, in milliseconds since the first sync began. `what` and `figure` determine
    /// the fingerprint; `text` is only called if the timeline has text.
    pub fn note(&mut self, at: i64, what: &str, figure: u64, text: impl FnOnce() -> String) {
        let mut mixed = mix(self.fingerprint, at.cast_unsigned()) ^ figure;
        for byte in what.bytes() {
            mixed = mixed.rotate_left(5) ^ u64::from(byte);
        }
        self.fingerprint = mix(mixed, figure);
        if let Some(lines) = &mut self.lines {
            let (seconds, milliseconds) = (at.div_euclid(1_000), at.rem_euclid(1_000));
            lines.push(format!("{seconds:>9}.{milliseconds:03}  {what:<9} {}", text()));
        }
    }

    /// Returns the fingerprint of the run.
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
