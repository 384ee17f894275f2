//! Generates the specification of the configuration from its types, in the JSON schema dialect of Airbyte's
//! user interface and acceptance tests.
//!
//! It must not name a field: fields are described at their definition.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::Config;

/// Returns the `connectionSpecification` of the SPEC message: JSON schema, draft 7, without references.
#[must_use]
pub fn connection_specification() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    RecursiveTransform(airbyte_dialect).transform(&mut schema);
    schema.insert("additionalProperties".to_owned(), json!(true));
    schema.to_value()
}

/// Converts a schema from the generator's dialect to Airbyte's.
fn airbyte_dialect(schema: &mut Schema) {
    // A form does not use Rust's integer widths.
    let is_width = |format: &str| format.starts_with("uint") || format.starts_with("int");
    if schema.get("format").and_then(Value::as_str).is_some_and(is_width) {
        schema.remove("format");
    }
    // An optional field is missing from `required`; a form has no null.
    if let Some(types) = schema.get("type").and_then(Value::as_array)
        && let Some(only) = types.iter().find(|name| *name != "null").cloned()
    {
        schema.insert("type".to_owned(), only);
    }
    // A choice is an object. The field that distinguishes its options comes first in each option.
    if schema.get("oneOf").is_some() {
        schema.insert("type".to_owned(), json!("object"));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            if property.get("const").is_some() {
                property["order"] = json!(0);
            }
        }
    }
}
