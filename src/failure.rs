//! The explanation of a failure for the user: the fact, the remedy, and who can act.
//!
//! Each module defines its own failures and explains them with these types. This file must not name a
//! particular failure, and it must not know how a failure is reported.

use std::borrow::Cow;
use std::fmt;

/// Who can act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The user, by changing the configuration, the account or its permissions.
    Configuration,
    /// No action is needed: the next sync may succeed.
    Transient,
    /// The operator of the machine, or the maintainers of this connector.
    System,
}

/// A failure as sentences. Its `Display` form is the message for the user: the fact, then the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Who can act.
    pub category: Category,
    /// What happened, as one or more whole sentences.
    pub fact: Cow<'static, str>,
    /// How to resolve it, as one or more whole sentences, unless the fact includes it.
    pub remedy: Option<Cow<'static, str>>,
}

impl Explanation {
    /// Explains a failure without a remedy.
    #[must_use]
    pub fn new(category: Category, fact: impl Into<Cow<'static, str>>) -> Self {
        Self { category, fact: fact.into(), remedy: None }
    }

    /// Explains a defect of this connector.
    #[must_use]
    pub fn defect() -> Self {
        Self::new(Category::System, "The connector failed because of a defect.")
            .remedy("Report it with the technical details.")
    }

    /// Adds the remedy.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fact)?;
        match &self.remedy {
            Some(remedy) => write!(f, " {remedy}"),
            None => Ok(()),
        }
    }
}
