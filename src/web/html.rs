//! Parts of HTML: text, numbers, tables. Every string from outside goes through [`Text`]. It must
//! not know what is shown.

use std::fmt::{self, Display, Write as _};

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
        }
    }

    #[test]
    fn text_is_readable_still() {
        assert_eq!(
            Text("Küche <TV> & \"co\"").to_string(),
            "Küche &lt;TV&gt; &amp; &quot;co&quot;"
        );
        assert_eq!(Text("a\u{202e}b\n").to_string(), "a\u{fffd}b\u{fffd}");
    }
}
