//! JSON in one form: keys sorted by their UTF-8 bytes, no white space, the shortest number that reads
//! back the same, the fewest escapes.

use serde_json::Value;

/// The canonical text of `value`.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            // Sorted here: a `serde_json` built with `preserve_order` keeps insertion order.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            list(out, ('{', '}'), entries.into_iter(), |out, (key, value)| {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
            });
        }
        Value::Array(items) => {
            list(out, ('[', ']'), items.iter(), |out, item| write(item, out));
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn list<I: Iterator>(
    out: &mut String,
    (open, close): (char, char),
    items: I,
    mut write_item: impl FnMut(&mut String, I::Item),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_item(out, item);
    }
    out.push(close);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_one_text_and_reads_back_the_same() {
        let loose = r#"{ "b": [1.50, 1e0, 10, -0.0, 1e-7], "a": {"é": "\u00e9\n\u001f"} }"#;
        let value: Value = serde_json::from_str(loose).unwrap();
        let once = text(&value);
        assert_eq!(once, "{\"a\":{\"é\":\"é\\n\\u001f\"},\"b\":[1.5,1.0,10,-0.0,1e-7]}");
        assert_eq!(text(&serde_json::from_str(&once).unwrap()), once);
    }
}
