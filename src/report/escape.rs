//! Text that is safe inside a page. Names of genes and columns come from users and may hold anything.

use serde_json::Value;

/// Text for HTML, inside elements and inside quoted attributes.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not allowed in HTML, not even as a reference.
            control if control.is_control() && !matches!(control, '\n' | '\t') => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// JSON that may stand inside a script element: still JSON, but without what could end the element.
///
/// KEEPS: slashes and single quotes are escaped too, since programs that read the preview of Baysor 0.7.1 take what
/// follows `//` for a comment and single quotes for those of a text.
pub fn script_json(value: &Value) -> String {
    script_text(&value.to_string())
}

/// JSON text that may stand inside a script element.
pub fn script_text(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '/' => safe.push_str("\\/"),
            '\'' => safe.push_str("\\u0027"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_gene_named_like_a_tag_stays_text() {
        assert_eq!(html(r#"<b a="x">'&"#), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(html("α\u{0}β"), "α\u{fffd}β");
    }

    #[test]
    fn json_in_a_script_cannot_end_it_and_reads_back() {
        let value = json!({"gene": "</script><!--\u{2028}&\"", "n": 1.5});
        let text = script_json(&value);
        assert!(!text.contains('<') && !text.contains('\u{2028}'));
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
        let name = json!({"gene": "5'//n/*t*/", "schema": "https://a"});
        let text = script_json(&name);
        assert!(!text.contains('\'') && !text.contains("//") && !text.contains("*/"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(name));
    }
}
