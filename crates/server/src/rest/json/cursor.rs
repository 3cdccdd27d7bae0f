//! The pull parser: a position in a text, and what may stand there.

use std::borrow::Cow;
use std::fmt;

use super::{Element, Excerpt, Fault, Number};

/// What a JSON value is, told by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        })
    }
}

/// A position in a JSON text. Copying it marks a place to come back to.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth_left: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `bytes`, with at most `depth_max` arrays and objects open at once.
    ///
    /// # Errors
    /// [`Fault`] where the bytes are not UTF-8.
    pub(crate) fn new(bytes: &'a [u8], depth_max: usize) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            Fault::new(format!(
                "expected JSON in UTF-8, got a byte that is not UTF-8 at offset {}",
                error.valid_up_to()
            ))
        })?;
        Ok(Self { text, at: 0, depth_left: depth_max })
    }

    /// Bytes that are left.
    pub(crate) fn remaining(&self) -> usize {
        self.text.len().saturating_sub(self.at)
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space, which is not consumed.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.advance(1),
                other => return other,
            }
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.advance(usize::from(found));
        found
    }

    /// A fault that says what stands here instead of `expected`.
    #[cold]
    fn unexpected(&mut self, expected: &str) -> Fault {
        let offset = self.at;
        let got = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => "the end of the body".to_owned(),
            Some(_) => format!("`{}`", Excerpt(self.word())),
        };
        Fault::new(format!("not valid JSON at byte {offset}: expected {expected}, got {got}"))
    }

    /// The run of letters and digits that starts here, or else one character.
    fn word(&self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest.get(..end.max(first)).unwrap_or_default()
    }

    /// What kind of value comes next.
    ///
    /// # Errors
    /// [`Fault`] where no JSON value starts here.
    #[inline]
    pub(crate) fn kind(&mut self) -> Result<Kind, Fault> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(b'N' | b'I') => {
                Err(self.unexpected("a finite number (JSON has no NaN, Infinity)"))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Errs unless a value of `kind` comes next; `expected` says what the field holds.
    pub(crate) fn expect(&mut self, kind: Kind, expected: &str) -> Result<(), Fault> {
        match self.kind()? {
            found if found == kind => Ok(()),
            found => Err(Fault::new(format!("expected {expected}, got {found}"))),
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.advance(1);
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(|| {
            Fault::new("the JSON is nested too deeply; see the server's `json_depth_max`")
        })?;
        Ok(())
    }

    /// Reads an array, calling `item` at the start of each value with its index.
    pub(crate) fn array(
        &mut self,
        expected: &str,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<usize, Fault> {
        self.expect(Kind::Array, expected)?;
        self.enter()?;
        let mut count = 0;
        if !self.take(b']') {
            loop {
                item(self, count).map_err(|fault| fault.in_item(count))?;
                count = count.saturating_add(1);
                if !self.take(b',') {
                    break;
                }
            }
            if !self.take(b']') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
        self.depth_left = self.depth_left.saturating_add(1);
        Ok(count)
    }

    /// Whether an array comes next whose first item is an array.
    pub(crate) fn opens_nested_array(mut self) -> bool {
        self.take(b'[') && self.peek() == Some(b'[')
    }

    /// Reads an object, calling `member` at the start of each value with its name.
    pub(crate) fn object(
        &mut self,
        expected: &str,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(Kind::Object, expected)?;
        self.enter()?;
        if !self.take(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("a member name in double quotes"));
                }
                let name = self.string("a member name")?;
                if !self.take(b':') {
                    return Err(self.unexpected("`:`"));
                }
                member(self, name)?;
                if !self.take(b',') {
                    break;
                }
            }
            if !self.take(b'}') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
        self.depth_left = self.depth_left.saturating_add(1);
        Ok(())
    }

    /// Reads a string; it is borrowed from the text where it holds no escape.
    pub(crate) fn string(&mut self, expected: &str) -> Result<Cow<'a, str>, Fault> {
        self.expect(Kind::Text, expected)?;
        self.advance(1);
        let plain = self.plain_run();
        if self.byte() == Some(b'"') {
            self.advance(1);
            return Ok(Cow::Borrowed(plain));
        }
        let mut owned = plain.to_owned();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(Cow::Owned(owned));
                }
                Some(b'\\') => owned.push(self.escape()?),
                _ => return Err(self.unexpected("a closing `\"`")),
            }
            owned.push_str(self.plain_run());
        }
    }

    /// The characters up to the next quote, backslash or control character.
    fn plain_run(&mut self) -> &'a str {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.advance(1);
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<char, Fault> {
        self.advance(1);
        let code = self.byte();
        self.advance(1);
        Ok(match code {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => {
                self.at = self.at.saturating_sub(1);
                return Err(self.unexpected("an escape (one of `\"\\/bfnrtu`)"));
            }
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.four_hex_digits()?;
        let is_high = (0xD800..0xDC00).contains(&first);
        let paired = self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u"));
        let code = if is_high && paired {
            self.advance(2);
            let units = [first, self.four_hex_digits()?];
            char::decode_utf16(units).next().and_then(Result::ok)
        } else {
            char::from_u32(u32::from(first))
        };
        code.ok_or_else(|| self.unexpected("a whole surrogate pair before this place"))
    }

    fn four_hex_digits(&mut self) -> Result<u16, Fault> {
        let digits = self.text.get(self.at..self.at.saturating_add(4));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.advance(4);
        Ok(code)
    }

    /// Reads a number.
    #[inline]
    pub(crate) fn number(&mut self, expected: &str) -> Result<Number<'a>, Fault> {
        self.expect(Kind::Number, expected)?;
        match Number::scan(self.text, self.at) {
            Some((number, end)) => {
                self.at = end;
                Ok(number)
            }
            None => Err(self.unexpected("a number")),
        }
    }

    /// Reads an integer.
    pub(crate) fn integer(&mut self, expected: &str) -> Result<i64, Fault> {
        let number = self.number(expected)?;
        i64::from_number(&number).ok_or_else(|| {
            Fault::new(format!("expected {expected}, got {}", Excerpt(number.text())))
        })
    }

    /// Reads `true` or `false`.
    pub(crate) fn bool(&mut self, expected: &str) -> Result<bool, Fault> {
        self.expect(Kind::Bool, expected)?;
        let value = self.byte() == Some(b't');
        self.literal(if value { "true" } else { "false" })?;
        Ok(value)
    }

    fn literal(&mut self, literal: &str) -> Result<(), Fault> {
        if self.word() != literal {
            return Err(self.unexpected("a value"));
        }
        self.advance(literal.len());
        Ok(())
    }

    /// Reads over a value of any kind, whole and checked.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        match self.kind()? {
            Kind::Object => self
                .object("", |cursor, name| cursor.skip().map_err(|fault| fault.in_member(&name))),
            Kind::Array => self.array("", |cursor, _| cursor.skip()).map(drop),
            Kind::Text => self.string("").map(drop),
            Kind::Number => self.number("").map(drop),
            Kind::Bool => self.bool("").map(drop),
            Kind::Null => self.literal("null"),
        }
    }

    /// Errs unless only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the body")),
        }
    }
}
