//! Distinguished names (RFC 5280 section 4.1.2.4): compared with case and white
//! space folded, across string types (section 7.1), and shown without harm.

use super::words::identifier;
use crate::crypto::der::{Der, NotDer, Value, tag};
use std::borrow::Cow;

/// A Name: a SEQUENCE of SETs of attributes, walked once and known to be whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    content: &'a [u8],
}

pub(super) const EMAIL_ADDRESS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";
pub(super) const COMMON_NAME: &[u8] = b"\x55\x04\x03";

impl<'a> Name<'a> {
    /// From a whole Name, tag and length included.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, NotDer> {
        let mut outer = Der::new(bytes);
        let content = outer.content(tag::SEQUENCE)?;
        outer.finish()?;
        let mut names = Der::new(content);
        while !names.is_empty() {
            let mut set = names.inside(tag::SET)?;
            attribute(&mut set)?;
            while !set.is_empty() {
                attribute(&mut set)?;
            }
        }
        Ok(Self { content })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// Each attribute: its type's object identifier and its value.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        let mut names = Der::new(self.content);
        let mut set = Der::new(&[]);
        std::iter::from_fn(move || {
            if set.is_empty() {
                set = names.inside(tag::SET).ok()?;
            }
            attribute(&mut set).ok()
        })
    }

    /// A form in which equal names are equal octets, and a name that begins
    /// with the relative names of another begins with its octets.
    pub(super) fn folded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * self.content.len());
        let mut names = Der::new(self.content);
        while let Ok(set) = names.inside(tag::SET) {
            fold_set(&mut out, set);
        }
        out
    }

    /// The name for a person, such as `CN=example.com, O=Example`.
    pub(super) fn text(&self) -> String {
        const ATTRIBUTES: usize = 8;
        if self.is_empty() {
            return "(no name)".into();
        }
        let mut words: Vec<String> = self
            .attributes()
            .take(ATTRIBUTES)
            .map(|(oid, value)| {
                let kind = match oid {
                    COMMON_NAME => "CN".into(),
                    b"\x55\x04\x05" => "serialNumber".into(),
                    b"\x55\x04\x06" => "C".into(),
                    b"\x55\x04\x07" => "L".into(),
                    b"\x55\x04\x08" => "ST".into(),
                    b"\x55\x04\x0a" => "O".into(),
                    b"\x55\x04\x0b" => "OU".into(),
                    b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" => "DC".into(),
                    EMAIL_ADDRESS => "emailAddress".into(),
                    _ => identifier(oid),
                };
                let text =
                    decoded(value).unwrap_or_else(|| format!("#{}", hex::encode(value.content)).into());
                format!("{kind}={}", shown(&text, 80))
            })
            .collect();
        if self.attributes().nth(ATTRIBUTES).is_some() {
            words.push("…".into());
        }
        words.join(", ")
    }
}

/// The folded form of a relative name, given as the contents of its SET: the
/// name that it completes, folded, and this one are the whole one.
pub(super) fn relative(set: &[u8]) -> Result<Vec<u8>, NotDer> {
    let mut attributes = Der::new(set);
    attribute(&mut attributes)?;
    while !attributes.is_empty() {
        attribute(&mut attributes)?;
    }
    let mut out = Vec::with_capacity(set.len());
    fold_set(&mut out, Der::new(set));
    Ok(out)
}

fn fold_set(out: &mut Vec<u8>, mut set: Der<'_>) {
    counted(out, |out| {
        let Ok(first) = attribute(&mut set) else { return };
        if set.is_empty() {
            return fold_attribute(out, first);
        }
        let mut attributes = vec![first];
        attributes.extend(std::iter::from_fn(|| attribute(&mut set).ok()));
        let mut folded: Vec<Vec<u8>> = attributes
            .into_iter()
            .map(|attribute| {
                let mut one = Vec::new();
                fold_attribute(&mut one, attribute);
                one
            })
            .collect();
        // A SET has no order.
        folded.sort_unstable();
        out.extend(folded.concat());
    });
}

/// A string's text, if the value is a string (RFC 5280 section 4.1.2.4).
pub(super) fn decoded(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.tag {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString
        0x0c | 0x12 | 0x13 | 0x16 | 0x1a => std::str::from_utf8(value.content).ok().map(Cow::Borrowed),
        // TeletexString, in practice Latin-1
        0x14 => Some(value.content.iter().map(|&octet| char::from(octet)).collect()),
        // BMPString: UCS-2
        0x1e => {
            let (pairs, rest) = value.content.as_chunks::<2>();
            let decoded = char::decode_utf16(pairs.iter().map(|&pair| u16::from_be_bytes(pair)));
            let text = decoded.collect::<Result<_, _>>().ok();
            text.filter(|_| rest.is_empty())
        }
        // UniversalString: UCS-4
        0x1c => {
            let (quads, rest) = value.content.as_chunks::<4>();
            let text = quads.iter().map(|&quad| char::from_u32(u32::from_be_bytes(quad))).collect();
            if rest.is_empty() { text } else { None }
        }
        _ => None,
    }
}

/// Text of a stranger's for a person's eyes: what could move the cursor, hide
/// or turn the direction is escaped; no longer than `most` characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        let hidden = matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
            | '\u{e0000}'..);
        if c.is_control() || hidden {
            out.extend(c.escape_unicode());
        } else {
            // What separates names in their written form (RFC 4514 section 2.4).
            if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

fn attribute<'a>(set: &mut Der<'a>) -> Result<(&'a [u8], Value<'a>), NotDer> {
    let mut pair = set.inside(tag::SEQUENCE)?;
    let oid = pair.oid()?;
    let value = pair.any()?;
    pair.finish()?;
    Ok((oid, value))
}

fn fold_attribute(out: &mut Vec<u8>, (oid, value): (&[u8], Value<'_>)) {
    counted(out, |out| out.extend_from_slice(oid));
    match decoded(value) {
        Some(text) => {
            out.push(0);
            counted(out, |out| fold(out, &text));
        }
        None => {
            out.push(value.tag);
            counted(out, |out| out.extend_from_slice(value.content));
        }
    }
}

/// Octets after their number, so that what follows cannot be taken for them.
fn counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let place = out.len();
    out.extend([0; 8]);
    let start = out.len();
    write(out);
    let count = (out.len() - start) as u64;
    if let Some(number) = out.get_mut(place..start) {
        number.copy_from_slice(&count.to_be_bytes());
    }
}

/// Lower case, and one space for each run of white space within.
fn fold(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    if text.is_ascii() && is_tidy(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        out.iter_mut().skip(start).for_each(|octet| octet.make_ascii_lowercase());
        return;
    }
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = out.len() > start;
            continue;
        }
        if std::mem::take(&mut gap) {
            out.push(b' ');
        }
        for lower in c.to_lowercase() {
            out.extend(lower.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// Whether the only white space is single spaces within.
fn is_tidy(text: &[u8]) -> bool {
    let mut last = b' ';
    for &octet in text {
        if matches!(octet, b'\t'..=b'\r') || (octet == b' ' && last == b' ') {
            return false;
        }
        last = octet;
    }
    text.is_empty() || last != b' '
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::der::tlv;

    fn rdn(oid: &[u8], string: u8, text: &[u8]) -> Vec<u8> {
        let value = tlv(string, &[text]);
        tlv(tag::SET, &[&tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[oid]), &value])])
    }

    fn name(parts: &[Vec<u8>]) -> Vec<u8> {
        tlv(tag::SEQUENCE, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn folded(bytes: &[u8]) -> Vec<u8> {
        Name::read(bytes).unwrap().folded()
    }

    #[test]
    fn case_space_and_string_type_do_not_matter() {
        let one = name(&[rdn(COMMON_NAME, 0x0c, b"Example  Root ")]);
        let same = name(&[rdn(COMMON_NAME, 0x13, b" example ROOT")]);
        let wide = name(&[rdn(COMMON_NAME, 0x1e, b"\0E\0x\0a\0m\0p\0l\0e\0 \0r\0o\0o\0t")]);
        let other = name(&[rdn(COMMON_NAME, 0x0c, b"ExampleRoot")]);
        let kind = name(&[rdn(b"\x55\x04\x0a", 0x0c, b"Example  Root ")]);
        assert_eq!(folded(&one), folded(&same));
        assert_eq!(folded(&one), folded(&wide));
        assert_ne!(folded(&one), folded(&other));
        assert_ne!(folded(&one), folded(&kind));
        let umlaut = name(&[rdn(COMMON_NAME, 0x0c, "ÄRGER".as_bytes())]);
        let latin = name(&[rdn(COMMON_NAME, 0x14, b"\xe4rger")]);
        assert_eq!(folded(&umlaut), folded(&latin));
        // What is no text of its type is compared as it is.
        let broken = name(&[rdn(COMMON_NAME, 0x0c, b"\xff")]);
        let broken_too = name(&[rdn(COMMON_NAME, 0x0c, b"\xfe")]);
        assert_ne!(folded(&broken), folded(&broken_too));
    }

    /// Tidy text of ASCII goes a way of its own, to the same end.
    #[test]
    fn white_space_and_case_are_folded_alike_in_every_text() {
        let fold = |text: &str| {
            let mut out = Vec::new();
            super::fold(&mut out, text);
            String::from_utf8(out).unwrap()
        };
        for (text, folded) in [
            ("", ""),
            (" \t\r\n\u{b}\u{c} ", ""),
            ("  A\u{b} \tB  ", "a b"),
            ("A\u{1c}B", "a\u{1c}b"),
            ("A\0B", "a\0b"),
            ("A B c", "a b c"),
            ("A  B", "a b"),
            (" A", "a"),
            ("A ", "a"),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
            // The same among letters that are not ASCII.
            assert_eq!(fold(&format!("Ä {text}")), format!("ä {folded}").trim_end(), "{text:?}");
        }
        assert_eq!(fold("\u{2003}ÄRGER\u{a0} \u{85}Straße\u{3000}"), "ärger straße");
        assert_eq!(fold("İ"), "i\u{307}");
    }

    #[test]
    fn a_set_has_no_order_and_a_sequence_has() {
        let a = rdn(COMMON_NAME, 0x0c, b"a");
        let b = rdn(COMMON_NAME, 0x0c, b"b");
        let set = |one: &[u8], two: &[u8]| tlv(tag::SET, &[&one[2..], &two[2..]]);
        assert_eq!(folded(&name(&[set(&a, &b)])), folded(&name(&[set(&b, &a)])));
        let ab = name(&[a.clone(), b.clone()]);
        assert_ne!(folded(&ab), folded(&name(&[b.clone(), a.clone()])));
        assert_ne!(folded(&ab), folded(&name(&[set(&a, &b)])));
        assert_eq!(
            folded(&ab),
            [folded(&name(std::slice::from_ref(&a))), relative(&b[2..]).unwrap()].concat()
        );
        assert!(relative(&[]).is_err() && relative(&b).is_err());
        assert!(folded(&ab).starts_with(&folded(&name(&[a]))));
        assert!(!folded(&ab).starts_with(&folded(&name(&[b]))));
    }

    #[test]
    fn shapes_other_than_a_name_are_refused() {
        assert!(Name::read(&name(&[])).unwrap().is_empty());
        assert!(Name::read(&name(&[tlv(tag::SET, &[])])).is_err(), "an empty SET");
        let mut trailing = name(&[rdn(COMMON_NAME, 0x0c, b"a")]);
        trailing.extend([5, 0]);
        assert!(Name::read(&trailing).is_err());
        let oid = tlv(tag::OID, &[COMMON_NAME]);
        let bare = tlv(tag::SEQUENCE, &[&oid]);
        assert!(Name::read(&name(&[tlv(tag::SET, &[&bare])])).is_err(), "no value");
        let three = tlv(tag::SEQUENCE, &[&oid, &[5, 0], &[5, 0]]);
        assert!(Name::read(&name(&[tlv(tag::SET, &[&three])])).is_err(), "two values");
    }

    #[test]
    fn hostile_text_is_shown_without_harm() {
        let evil = "\x1b[2J\u{202e}gpj\u{200b},CN=bank\u{1f600}";
        let text = Name::read(&name(&[rdn(COMMON_NAME, 0x0c, evil.as_bytes())])).unwrap().text();
        assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{200b}'));
        assert!(text.starts_with("CN=\\u{1b}[2J\\u{202e}gpj\\u{200b}\\,CN=bank"), "{text}");
        let long = "x".repeat(1000);
        let many = vec![rdn(COMMON_NAME, 0x0c, long.as_bytes()); 50];
        let text = Name::read(&name(&many)).unwrap().text();
        assert!(text.len() < 1000 && text.ends_with('…'), "{}", text.len());
        let odd = name(&[rdn(b"\x2a\x03", 0x04, b"\x01\x02")]);
        assert_eq!(Name::read(&odd).unwrap().text(), "1.2.3=#0102");
    }
}
