//! Generates a stream's JSON schema from the fields of its records, in the form that Airbyte expects.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Generates the JSON schema of a record type: draft 7, no required fields, unknown fields allowed.
pub fn json_schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
        schema.remove("description");
    }
    airbyte_properties(&mut schema);
    schema
}

/// Converts the properties of an object, also of nested objects, to Airbyte's form.
fn airbyte_properties(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|all| all.values_mut()) {
        // Airbyte's convention is null first. A Rust integer's width is not a JSON schema format.
        if property["type"][1] == "null" {
            property["type"] = json!(["null", property["type"][0]]);
        }
        if property["format"] == "int64"
            && let Some(property) = property.as_object_mut()
        {
            property.remove("format");
        }
        airbyte_properties(property);
    }
}
