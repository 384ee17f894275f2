//! Reading fields out of a JSON object with errors that name the file and the field.
//!
//! It never puts a value into an error: it may be a secret that was pasted into the wrong field.

use serde_json::{Map, Value};

use super::failure::{InputError, InputFile, Result};

/// An object of one of the files, and where in the file it stands.
#[derive(Clone)]
pub struct Fields<'v> {
    file: InputFile,
    path: String,
    object: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    /// The object at this path; the empty path is the whole file.
    ///
    /// # Errors
    /// If it is something else than an object.
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

    /// The path of a field below this object.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field's value; `null` counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'v Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Returns the error for a field of this object that has an invalid value. `problem` is the predicate
    /// of the sentence, without the period; `remedy` is a sentence.
    #[must_use]
    pub fn error(&self, name: &str, problem: impl Into<String>, remedy: impl Into<String>) -> InputError {
        let (field, problem, remedy) = (self.path(name), problem.into(), Some(remedy.into()));
        InputError::Field { file: self.file, field, problem, remedy }
    }

    /// Returns the error for a field of this object that has another type than `expected`, such as "a string".
    #[must_use]
    pub fn type_error(&self, name: &str, expected: &str, found: &Value) -> InputError {
        let problem = format!("must be {expected}, not {}", kind(found));
        InputError::Field { file: self.file, field: self.path(name), problem, remedy: None }
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// If it is absent; `remedy` says what to do.
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

    /// An object that must be there.
    ///
    /// # Errors
    /// If it is absent or something else than an object.
    pub fn required_object(&self, name: &str, remedy: &str) -> Result<Fields<'v>> {
        let value = self.required(name, remedy)?;
        Fields::new(self.file, self.path(name), value)
    }

    /// An object, if the field is there.
    ///
    /// # Errors
    /// If it is something else than an object.
    pub fn object(&self, name: &str) -> Result<Option<Fields<'v>>> {
        self.get(name).map(|value| Fields::new(self.file, self.path(name), value)).transpose()
    }

    /// The items of a list; none if the field is absent.
    ///
    /// # Errors
    /// If it is something else than a list.
    pub fn list(&self, name: &str) -> Result<&'v [Value]> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.type_error(name, "an array", other)),
        }
    }

    /// A whole number within a range, or the default if the field is absent. A number that is
    /// written as a text or with an empty fraction is understood.
    ///
    /// # Errors
    /// If it is something else, or outside.
    pub fn whole_number(&self, name: &str, range: std::ops::RangeInclusive<u32>, default: u32) -> Result<u32> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let number = match value {
            Value::Number(number) => whole(number),
            Value::String(text) if text.trim().is_empty() => return Ok(default),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            self.error(
                name,
                format!("must be an integer from {} to {}", range.start(), range.end()),
                format!("Omit it to use the default, {default}."),
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

/// What a value is, for an error that must not show it.
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
        Fields::new(InputFile::Config, "", &json!({ "minutes": value }))?.whole_number("minutes", 0..=1440, 10)
    }

    #[test]
    fn a_whole_number_is_understood_as_people_and_tools_write_it() {
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
    fn another_number_is_refused_without_being_shown() {
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
    fn an_error_names_the_way_to_the_field() {
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
