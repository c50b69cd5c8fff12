//! Parts of HTML: text, numbers, tables. Every string from outside goes through [`Text`]. It must
//! not know what is shown.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::{self, Display, Write as _};

/// Begins a page. `root` leads from it to the start page, relative so that a proxy may put all pages
/// under a path of its own: empty, or `../` for each folder.
pub(super) fn open_page(out: &mut String, title: &str, root: &str) -> fmt::Result {
    let title = Text(title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"{root}static/style.css\">\n\
         </head>\n<body>\n<h1>{title}</h1>\n",
    )
}

/// Ends a page.
pub(super) fn close_page(out: &mut String) -> fmt::Result {
    out.write_str("</body>\n</html>\n")
}

/// A page as an answer.
pub(super) fn page(status: StatusCode, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

/// A row of a list of facts: what it is, and what is said of it.
pub(super) fn fact(out: &mut String, name: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "<dt>{name}</dt><dd>{value}</dd>")
}

/// Heads that begin with `#` are above numbers.
pub(super) fn open_table(out: &mut String, heads: &[&str]) -> fmt::Result {
    out.write_str("<div class=\"wide\"><table><thead><tr>")?;
    for head in heads {
        match head.strip_prefix('#') {
            Some(head) => write!(out, "<th class=\"number\">{head}</th>")?,
            None => write!(out, "<th>{head}</th>")?,
        }
    }
    out.write_str("</tr></thead><tbody>\n")
}

/// A number's cell.
pub(super) struct Number(pub(super) u64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<td class=\"number\">{}</td>", self.0)
    }
}

/// A string as text of an element, or of an attribute in double quotes.
pub(super) struct Text<'t>(pub(super) &'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Directional marks could make one name look like another.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_str("\u{fffd}")?,
                c if c.is_control() => f.write_str("\u{fffd}")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A string as the value of a query's key, or as a segment of a path.
pub(super) struct InUrl<'t>(pub(super) &'t str);

impl Display for InUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0.bytes() {
            if octet.is_ascii_alphanumeric() || b"-._~:".contains(&octet) {
                f.write_char(char::from(octet))?;
            } else {
                write!(f, "%{octet:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_string_can_open_a_tag_or_leave_an_attribute(text in any::<String>()) {
            let escaped = Text(&text).to_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.chars().any(char::is_control));
            let escaped = InUrl(&text).to_string();
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:%".contains(&b);
            prop_assert!(escaped.bytes().all(is_plain));
        }
    }

    #[test]
    fn text_is_readable_still() {
        assert_eq!(
            Text("Küche <TV> & \"co\"").to_string(),
            "Küche &lt;TV&gt; &amp; &quot;co&quot;"
        );
        assert_eq!(InUrl("br 0/é:1").to_string(), "br%200%2F%C3%A9:1");
        assert_eq!(Text("a\u{202e}b\n").to_string(), "a\u{fffd}b\u{fffd}");
    }
}
