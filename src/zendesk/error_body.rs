//! The part of a response that may be shown if it is not a page: the error fields that the API documents.
//!
//! The rest of the body stays hidden. Text in these fields is masked unless it is a known word or short,
//! because a server may repeat the request's credentials in any form. This file must not decide what a
//! response means.

use serde_json::Value;

use crate::secret::Redactor;

/// The largest body that is searched for error fields, in bytes.
const LARGEST: usize = 64 << 10;
/// The length to which a field is truncated, in bytes.
const SHOWN: usize = 200;
/// The largest number of errors of an array that are shown.
const MOST_ERRORS: usize = 3;

/// Describes a body on one line: its error fields, or its kind.
#[must_use]
pub fn describe(body: &[u8], secrets: &Redactor) -> String {
    let size = body.len();
    let start = body.trim_ascii_start();
    if start.is_empty() {
        return "empty".to_owned();
    }
    if size <= LARGEST
        && let Ok(json) = serde_json::from_slice::<Value>(body)
    {
        let fields = fields(&json);
        if fields.is_empty() {
            return format!("JSON without an error field, {size} bytes");
        }
        let shown = fields.into_iter().map(|(name, text)| format!("{name} {:?}", cut(secrets.sentence(text))));
        return shown.collect::<Vec<_>>().join(", ");
    }
    let kind = match start[0] {
        b'<' => "HTML or XML",
        b'{' | b'[' => "incomplete or large JSON",
        _ => "not JSON",
    };
    format!("{kind}, {size} bytes")
}

fn cut(mut text: String) -> String {
    if text.len() > SHOWN {
        text.truncate(text.floor_char_boundary(SHOWN));
        text.push('…');
    }
    text
}

/// Returns the error fields of the documented shapes, with their displayed names.
fn fields(json: &Value) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    collect(json, &["error", "title", "message", "description", "error_description"], &mut found);
    collect(&json["error"], &["title", "message", "code"], &mut found);
    let errors = json["errors"].as_array().into_iter().flatten().take(MOST_ERRORS);
    for error in errors {
        collect(error, &["code", "title", "detail", "message"], &mut found);
    }
    let details = json["details"].as_object().into_iter().flat_map(|details| details.values());
    for detail in details.filter_map(Value::as_array).flatten().take(MOST_ERRORS) {
        collect(detail, &["error", "description"], &mut found);
    }
    found
}

fn collect<'j>(object: &'j Value, names: &[&'static str], found: &mut Vec<(&'static str, &'j str)>) {
    found.extend(names.iter().filter_map(|name| Some((*name, object.get(name)?.as_str()?))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(body: &str) -> String {
        let secrets = Redactor::default();
        secrets.add("s3cr3t-0123456789");
        describe(body.as_bytes(), &secrets)
    }

    #[test]
    fn the_error_fields_of_each_documented_shape_are_shown() {
        for (body, shown) in [
            (
                r#"{"error":"InvalidValue","description":"Invalid filter[created_at] specified"}"#,
                r#"error "InvalidValue", description "Invalid filter[created_at] specified""#,
            ),
            (
                r#"{"error":"invalid_token","error_description":"The access token expired"}"#,
                r#"error "invalid_token", error_description "The access token expired""#,
            ),
            (
                r#"{"error":{"title":"Forbidden","message":"You do not have access to this page."}}"#,
                r#"title "Forbidden", message "You do not have access to this page.""#,
            ),
            (
                r#"{"errors":[{"code":"InvalidPaginationParameter","title":"Invalid page","detail":"not valid"}]}"#,
                r#"code "InvalidPaginationParameter", title "Invalid page", detail "not valid""#,
            ),
            (
                r#"{"error":"RecordInvalid","description":"Record validation errors","details":{"qwzxkvbp":[{"description":"Start time is not valid","error":"InvalidValue"}]}}"#,
                r#"error "RecordInvalid", description "Record validation errors", error "InvalidValue", description "Start time is not valid""#,
            ),
        ] {
            assert_eq!(described(body), shown);
        }
    }

    #[test]
    fn the_rest_of_a_body_is_hidden() {
        for (body, shown) in [
            ("", "empty"),
            (" \n", "empty"),
            ("<html><title>hello</title></html>", "HTML or XML, 33 bytes"),
            ("Number of allowed API requests", "not JSON, 30 bytes"),
            (r#"{"audit_logs":[{"id":1,"message":"hello"}]}"#, "JSON without an error field, 43 bytes"),
            (r#"{"error":7,"errors":{"code":"x"},"details":["y"]}"#, "JSON without an error field, 49 bytes"),
            (r#"["error"]"#, "JSON without an error field, 9 bytes"),
            (r#"{"error":"hel"#, "incomplete or large JSON, 13 bytes"),
        ] {
            assert_eq!(described(body), shown);
        }
        let large = format!(r#"{{"error":"Forbidden","x":"{}"}}"#, "x".repeat(LARGEST));
        assert!(described(&large).starts_with("incomplete or large JSON"));
    }

    #[test]
    fn a_field_is_masked_and_truncated() {
        assert_eq!(
            described(r#"{"error":"invalid token s3cr3t-0123456789, qwzxkvbp"}"#),
            r#"error "invalid token (redacted), (masked)""#
        );
        assert_eq!(described(r#"{"error":"in\n\"valid\""}"#), r#"error "in\n\"valid\"""#);
        let long = described(&format!(r#"{{"error":"{}"}}"#, "invalid ".repeat(100)));
        assert!(long.len() < SHOWN + 20 && long.ends_with("…\""), "{long}");
        let many = format!(r#"{{"errors":[{}]}}"#, [r#"{"code":"invalid"}"#; 10].join(","));
        assert_eq!(described(&many).matches("invalid").count(), MOST_ERRORS);
    }
}
