//! Lines that show what they hold: nothing in them moves, hides or turns around the rest.

use std::{
    borrow::Cow,
    io::{self, Write},
};

/// Passes lines on, each written at once, with characters escaped that mislead whoever reads
/// them (Unicode UTS #55): as JSON does it, so that a line of JSON still says the same.
pub(super) struct Escaping<W> {
    pub(super) lines: W,
    /// Whether lines are coloured.
    pub(super) colours: bool,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.lines.write_all(escaped(&text, self.colours).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

fn escaped(line: &str, colours: bool) -> Cow<'_, str> {
    let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
    if !text.contains(misleads) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 16);
    for (at, c) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        if !misleads(c) || (colours && COLOURS.iter().any(|colour| rest.starts_with(colour))) {
            shown.push(c);
        } else {
            shown.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    Cow::Owned(shown + end)
}

/// What colours a line, and nothing else that an escape begins.
const COLOURS: [&str; 9] =
    ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[3m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m", "\x1b[35m"];

/// Controls and format characters: bidirectional ones, invisible ones, and what ends a line.
fn misleads(c: char) -> bool {
    let is_format = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    is_format || (c.is_control() && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str, colours: bool) -> String {
        let mut written = Vec::new();
        Escaping { lines: &mut written, colours }.write_all(line.as_bytes()).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn asvs_16_4_1_what_turns_hides_or_ends_text_is_escaped_as_in_json() {
        let misleading = ('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain('\u{200b}'..='\u{200f}')
            .chain('\u{80}'..='\u{9f}')
            .chain(['\u{feff}', '\u{2028}', '\u{2029}', '\u{7f}', '\u{61c}', '\u{e0041}', '\n', '\r', '\0']);
        for c in misleading {
            let line = written(&format!("\"a{c}b\"\n"), false);
            assert!(line.is_ascii() && line.len() > "\"ab\"\n".len(), "{c:?}: {line}");
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), format!("a{c}b"));
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for line in ["", "\n", "plain\n", "Ånn\tשלום 👩🏽 +46•••••••67\n"] {
            assert_eq!(written(line, false), line);
        }
    }

    #[test]
    fn asvs_16_4_1_an_escape_colours_a_line_and_does_nothing_else() {
        let line = "\x1b[32m INFO\x1b[0m cleared \x1b[2J hidden \x1b[8m titled \x1b]0;x\x07\n";
        let shown = "\x1b[32m INFO\x1b[0m cleared \\u001b[2J hidden \\u001b[8m titled \\u001b]0;x\\u0007\n";
        assert_eq!(written(line, true), shown);
        assert!(!written(line, false).contains('\x1b'));
    }
}
