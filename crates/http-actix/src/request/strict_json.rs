//! JSON as it can be read in one way only (RFC 8259, I-JSON of RFC 7493).

use std::{collections::HashSet, fmt};

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

/// The deepest nesting read; the outermost object is the first level.
const MAX_DEPTH: u32 = 32;

/// The bytes are not one JSON object in which every key stands once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads `bytes`, which must be one object and nothing else.
///
/// Looks at every level, also inside fields that nobody reads: another reader
/// in front of or behind us might take the other of two equal keys.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Malformed);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Level(1).deserialize(&mut deserializer).map_err(|_| Malformed)?;
    deserializer.end().map_err(|_| Malformed)?;
    serde_json::from_slice(bytes).map_err(|_| Malformed)
}

/// Any value; an object or array in it stands at this level.
#[derive(Clone, Copy)]
struct Level(u32);

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.0 > MAX_DEPTH { Err(E::custom("nested too deeply")) } else { Ok(Self(self.0 + 1)) }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let below = self.below()?;
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            map.next_value_seed(below)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while seq.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn accepts(text: &[u8]) -> bool {
        read::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn an_object_is_read_whatever_its_fields_hold() {
        for text in [
            r"{}",
            " \t\r\n{\"a\":1,\"b\":[-1,2.5,true,null,\"\\ud83e\\udd80\"]}\n",
            r#"{"a":{"x":1},"b":{"x":1}}"#,
            "{\"nul\":\"\\u0000\"}",
        ] {
            assert!(accepts(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn asvs_15_3_7_what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            " ",
            "null",
            "1",
            "\"a\"",
            "[]",
            "[{}]",
            "{",
            "{}{}",
            "{} x",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":\"\u{1}\"}",
            "\u{feff}{}",
            "{}//",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"ignored":{"b":1,"b":2}}"#,
            r#"{"ignored":[{"b":1,"b":2}]}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":"\x"}"#,
        ] {
            assert!(!accepts(text.as_bytes()), "{text}");
        }
        assert!(!accepts(b"{\"a\":\"\xff\"}"));
        assert!(!accepts(b"{\"\xc0\x80\":1}"));
    }

    #[test]
    fn hx_01_nesting_ends_at_32_levels() {
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(accepts(nested(32).as_bytes()));
        assert!(!accepts(nested(33).as_bytes()));
        assert!(!accepts(nested(8000).as_bytes()));
    }
}
