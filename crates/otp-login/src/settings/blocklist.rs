//! The file of passwords that nobody may choose.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    iter,
};

use domain::PasswordBlocklist;

use super::reader::Reader;

const KEY: &str = "password.blocklist_file";

/// No password that may be chosen is longer, in any normalisation form.
const LONGEST_LINE: u64 = 4096;

/// The passwords of the file, if one is named.
pub(crate) fn read(reader: &mut Reader) -> Option<PasswordBlocklist> {
    let path = reader.text(KEY);
    if path.is_empty() {
        return None;
    }
    let passwords = File::open(&path).and_then(|file| passwords(BufReader::new(file)));
    match passwords {
        Ok(Some(passwords)) => return Some(passwords),
        Ok(None) => reader.problem(
            KEY,
            format!("{path:?} holds no password of 8 to 128 characters; write UTF-8, one password a line"),
        ),
        Err(error) => reader.problem(
            KEY,
            format!("{path:?} cannot be read ({error}); name a UTF-8 file with one password a line"),
        ),
    }
    None
}

/// Reads line by line, so that nothing but fingerprints is held. What no password can be, such as
/// a line that is not UTF-8, is passed over.
fn passwords(mut file: impl BufRead) -> io::Result<Option<PasswordBlocklist>> {
    let mut failure = None;
    let lines = iter::from_fn(|| line(&mut file).transpose());
    let lines = lines.map_while(|line| line.map_err(|error| failure = Some(error)).ok());
    let list = PasswordBlocklist::of(lines.filter_map(|line| String::from_utf8(line).ok()));
    failure.map_or(Ok(list), Err)
}

/// The next line without its end; empty when it is too long. `None` at the end.
fn line(file: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 == LONGEST_LINE {
        file.skip_until(b'\n')?;
        line.clear();
    }
    line.pop_if(|last| *last == b'\r');
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &[u8]) -> Option<usize> {
        passwords(text).unwrap().map(|list| list.len())
    }

    #[test]
    fn lines_end_as_on_any_system_and_the_last_one_need_not() {
        let list = passwords(&b"four words\nfive words\r\n\nsix words"[..]).unwrap();
        assert_eq!(list, PasswordBlocklist::of(["four words", "five words", "six words"].into_iter()));
    }

    #[test]
    fn what_no_password_can_be_is_passed_over() {
        assert_eq!(count(b"short\n\n"), None);
        assert_eq!(count(b"\xff\xff\xff\xff\xff\xff\xff\xff\nfour words\n"), Some(1));
        let line = |length| "x".repeat(length);
        let long = format!("{}\nfour words\n{}\nfive words\n", line(100_000), line(4096));
        assert_eq!(count(long.as_bytes()), Some(2));
        assert_eq!(count(line(5000).as_bytes()), None);
    }
}
