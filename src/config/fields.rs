//! Reads the fields of a JSON object, with errors that name the file and the field.
//!
//! An error must not contain a value: the value may be a secret that was pasted into the wrong field.

use serde_json::{Map, Value};

use super::bounds::Bounds;
use super::failure::{InputError, InputFile, Result};

/// A JSON object in an input file, and its path in the file.
#[derive(Clone)]
pub struct Fields<'v> {
    file: InputFile,
    path: String,
    object: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    /// Wraps the value at this path; the empty path is the whole file.
    ///
    /// # Errors
    /// If the value is not an object.
    pub fn new(file: InputFile, path: impl Into<String>, value: &'v Value) -> Result<Self> {
        let path = path.into();
        match value {
            Value::Object(object) => Ok(Self { file, path, object }),
            other => Err(InputError::Field {
                file,
                field: if path.is_empty() { "the top level".to_owned() } else { path },
                problem: format!("must be a JSON object, not {}", kind(other)),
                remedy: None,
            }),
        }
    }

    /// Returns the path of a field of this object.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Returns `true` if the object has members but none with these names.
    #[must_use]
    pub fn is_none_of(&self, names: &[&str]) -> bool {
        !self.object.is_empty() && names.iter().all(|name| !self.object.contains_key(*name))
    }

    /// Returns the value of a field; `null` counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'v Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Returns the error for the object itself; see [`Fields::error`].
    #[must_use]
    pub fn whole_error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> InputError {
        let (problem, remedy) = (problem.into(), Some(remedy.into()));
        InputError::Field { file: self.file, field: self.path.clone(), problem, remedy }
    }

    /// Returns the error for a field of this object that has an invalid value. `problem` is the predicate
    /// of the sentence, without the period; `remedy` is a sentence.
    #[must_use]
    pub fn error(&self, name: &str, problem: impl Into<String>, remedy: impl Into<String>) -> InputError {
        let (field, problem, remedy) = (self.path(name), problem.into(), Some(remedy.into()));
        InputError::Field { file: self.file, field, problem, remedy }
    }

    /// Returns the error for a field of this object whose type is not `expected`, such as "a string".
    #[must_use]
    pub fn type_error(&self, name: &str, expected: &str, found: &Value) -> InputError {
        let problem = format!("must be {expected}, not {}", kind(found));
        InputError::Field { file: self.file, field: self.path(name), problem, remedy: None }
    }

    /// Returns the value of a field.
    ///
    /// # Errors
    /// If the field is absent; the error contains `remedy`.
    pub fn required(&self, name: &str, remedy: &str) -> Result<&'v Value> {
        self.get(name).ok_or_else(|| self.error(name, "is missing", remedy))
    }

    /// Returns the string in a field, or `None` if the field is absent.
    ///
    /// # Errors
    /// If the value is not a string.
    pub fn string(&self, name: &str) -> Result<Option<&'v str>> {
        self.get(name).map(|value| self.as_string(name, value)).transpose()
    }

    /// Returns the string in a field.
    ///
    /// # Errors
    /// If the field is absent or not a string.
    pub fn required_string(&self, name: &str, remedy: &str) -> Result<&'v str> {
        self.required(name, remedy).and_then(|value| self.as_string(name, value))
    }

    /// Returns the object in a field.
    ///
    /// # Errors
    /// If the field is absent or not an object.
    pub fn required_object(&self, name: &str, remedy: &str) -> Result<Fields<'v>> {
        let value = self.required(name, remedy)?;
        Fields::new(self.file, self.path(name), value)
    }

    /// Returns the object in a field, or `None` if the field is absent.
    ///
    /// # Errors
    /// If the value is not an object.
    pub fn object(&self, name: &str) -> Result<Option<Fields<'v>>> {
        self.get(name).map(|value| Fields::new(self.file, self.path(name), value)).transpose()
    }

    /// Returns the items of the array in a field; none if the field is absent.
    ///
    /// # Errors
    /// If the value is not an array.
    pub fn array(&self, name: &str) -> Result<&'v [Value]> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.type_error(name, "an array", other)),
        }
    }

    /// Returns the integer in a field, or the default if the field is absent. Accepts an integer that is
    /// written as a string or with an empty fraction.
    ///
    /// # Errors
    /// If the value is not an integer, or out of bounds.
    pub fn integer(&self, name: &str, bounds: Bounds) -> Result<u32> {
        let Some(value) = self.get(name) else {
            return Ok(bounds.default);
        };
        let number = match value {
            Value::Number(number) => whole(number),
            Value::String(text) if text.trim().is_empty() => return Ok(bounds.default),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| bounds.range().contains(number)).ok_or_else(|| {
            self.error(
                name,
                format!("must be an integer from {} to {}", bounds.min, bounds.max),
                format!("Omit it to use the default, {}.", bounds.default),
            )
        })
    }

    fn as_string(&self, name: &str, value: &'v Value) -> Result<&'v str> {
        value.as_str().ok_or_else(|| self.type_error(name, "a string", value))
    }
}

fn whole(number: &serde_json::Number) -> Option<u32> {
    if let Some(number) = number.as_u64() {
        return u32::try_from(number).ok();
    }
    let text = number.to_string();
    text.strip_suffix(".0")?.parse().ok()
}

/// Returns the name of a value's type, for an error that must not show the value.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn minutes(value: &Value) -> Result<u32> {
        Fields::new(InputFile::Config, "", &json!({ "minutes": value }))?
            .integer("minutes", Bounds::LOOKBACK_WINDOW_MINUTES)
    }

    #[test]
    fn an_integer_is_accepted_as_a_number_a_string_or_with_an_empty_fraction() {
        for (value, number) in [
            (json!(null), 10),
            (json!(""), 10),
            (json!(" "), 10),
            (json!(0), 0),
            (json!(1440), 1440),
            (json!("15"), 15),
            (json!(" 15 "), 15),
            (json!(15.0), 15),
        ] {
            assert_eq!(minutes(&value).ok(), Some(number), "{value}");
        }
    }

    #[test]
    fn an_invalid_number_is_rejected_without_showing_it() {
        for value in
            [json!(-1), json!(1441), json!(1.5), json!(1e300), json!("s3cr3t"), json!(true), json!([]), json!({})]
        {
            let error = minutes(&value).expect_err("refused");
            assert_eq!(
                error.to_string(),
                "In the config, minutes must be an integer from 0 to 1440. Omit it to use the default, 10."
            );
        }
    }

    #[test]
    fn an_error_names_the_path_of_the_field() {
        let file = json!({ "credentials": { "token": ["s3cr3t"] }, "list": [] });
        let top = Fields::new(InputFile::Config, "", &file).expect("an object");
        let inner = top.required_object("credentials", "").expect("an object");
        assert_eq!(
            inner.string("token").expect_err("no text").to_string(),
            "In the config, credentials.token must be a string, not an array."
        );
        assert_eq!(
            inner.required_string("other", "Enter it.").expect_err("absent").to_string(),
            "In the config, credentials.other is missing. Enter it."
        );
        let error = top.required_object("list", "").map(|_| ()).expect_err("an array");
        assert_eq!(error.to_string(), "In the config, list must be a JSON object, not an array.");
    }
}
