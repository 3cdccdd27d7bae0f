//! The reader and the writer held to serde_json and to the standard library.

use ferrule_base::DType;
use serde_json::Value;

use super::{Cursor, Element, Fault, Kind, write_str, write_tensor_values};

/// A small seeded generator (splitmix64), so that a failure repeats.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn skip(text: &[u8]) -> Result<(), Fault> {
    let mut cursor = Cursor::new(text, 64)?;
    cursor.skip()?;
    cursor.end()
}

fn read<T: Element>(text: &str) -> Option<T> {
    let mut cursor = Cursor::new(text.as_bytes(), 8).ok()?;
    let number = cursor.number("a number").ok()?;
    cursor.end().ok()?;
    T::from_number(&number)
}

#[test]
fn floats_read_to_the_bits_that_the_standard_library_reads() {
    let mut seeded = Seeded(1);
    for _ in 0..200_000 {
        let value = f64::from_bits(seeded.next());
        if !value.is_finite() {
            continue;
        }
        let digits = seeded.below(20) as usize;
        for text in
            [format!("{value:?}"), format!("{value:.digits$e}"), format!("{}", value as i64)]
        {
            let expected: f64 = text.parse().unwrap();
            let expected = Some(expected.to_bits()).filter(|_| expected.is_finite());
            assert_eq!(read::<f64>(&text).map(f64::to_bits), expected, "{text}");
            let single: f32 = text.parse().unwrap();
            let single = Some(single.to_bits()).filter(|_| single.is_finite());
            assert_eq!(read::<f32>(&text).map(f32::to_bits), single, "{text}");
        }
    }
}

#[test]
fn short_decimals_read_to_the_bits_that_the_standard_library_reads() {
    let mut seeded = Seeded(2);
    for _ in 0..200_000 {
        let whole = seeded.below(100_000);
        let places = 1 + seeded.below(12) as usize;
        let fraction = seeded.below(10u64.pow(places as u32));
        let text = format!("-{whole}.{fraction:0places$}");
        assert_eq!(read::<f64>(&text), text.parse().ok(), "{text}");
        assert_eq!(read::<f32>(&text), text.parse().ok(), "{text}");
    }
}

#[test]
fn numbers_beyond_the_type_are_refused_and_tiny_ones_round_to_zero() {
    assert_eq!(read::<f64>("1e400"), None);
    assert_eq!(read::<f64>("-1e99999999999999999999"), None);
    assert_eq!(read::<f32>("1e39"), None);
    assert_eq!(read::<f64>("1e-400"), Some(0.0));
    assert_eq!(read::<f64>("1e-99999999999999999999"), Some(0.0));
    assert_eq!(read::<f64>("-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
    assert_eq!(read::<f64>(&format!("0.{}1", "0".repeat(400))), Some(0.0));
}

#[test]
fn what_json_forbids_is_refused() {
    let refused: &[&[u8]] = &[
        b"",
        b"01",
        b"-",
        b"+1",
        b".5",
        b"1.",
        b"1e",
        b"1e+",
        b"0x10",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"nul",
        b"nulll",
        b"tru",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1",
        b"]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{'a':1}",
        b"\"a",
        b"\"\x01\"",
        b"\"\\x\"",
        b"\"\\u12\"",
        b"\"\\u12g4\"",
        b"\"\\ud800\"",
        b"\"\\ud800\\u0041\"",
        b"\"\\udc00\"",
        b"\"\\",
        b"1 1",
        b"[1] x",
        b"\xff",
        b"\"\xc3\"",
        b"\xef\xbb\xbf1",
    ];
    for text in refused {
        assert!(skip(text).is_err(), "{}", text.escape_ascii());
        assert!(serde_json::from_slice::<Value>(text).is_err(), "{}", text.escape_ascii());
    }
}

#[test]
fn nesting_beyond_the_limit_is_refused_before_it_is_entered() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(skip(deep(64).as_bytes()).is_ok());
    let fault = skip(deep(65).as_bytes()).unwrap_err().to_string();
    assert!(fault.contains("nested too deeply"), "{fault}");
    assert!(skip("[".repeat(1 << 20).as_bytes()).is_err());
    assert!(skip("{\"a\":".repeat(1 << 20).as_bytes()).is_err());
}

#[test]
fn mutated_texts_are_accepted_exactly_where_serde_json_accepts_them() {
    let seeds: [&[u8]; 4] = [
        br#"{"id":"a\u00e9\n","inputs":[{"name":"X","shape":[1,2],"data":[1.5e3,-0.25]}]}"#,
        br#"[true,false,null,"\ud83d\ude00",{"a":{"b":[[],{}]}},1E-7]"#,
        br#"  { "instances" : [ [ 1 , 2 ] , [ 3.0 , 4e1 ] ] }  "#,
        "\"πλ \\\"x\\\"\"".as_bytes(),
    ];
    let alphabet = b"{}[]\",:0123456789eE+-.\\ntfu\x00\x80 a";
    let mut seeded = Seeded(3);
    for round in 0..200_000 {
        let mut text = seeds[round % seeds.len()].to_vec();
        for _ in 0..1 + seeded.below(3) {
            let at = seeded.below(text.len() as u64) as usize;
            let byte = alphabet[seeded.below(alphabet.len() as u64) as usize];
            match seeded.below(3) {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        // serde_json refuses a number beyond a double even where nobody reads it: not a rule of JSON.
        let peer = serde_json::from_slice::<Value>(&text);
        if peer.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range")) {
            continue;
        }
        assert_eq!(skip(&text).is_ok(), peer.is_ok(), "{}", text.escape_ascii());
    }
}

#[test]
fn strings_read_and_write_as_serde_json_does() {
    let mut seeded = Seeded(4);
    for _ in 0..20_000 {
        let length = seeded.below(12);
        let text: String = (0..length)
            .filter_map(|_| {
                let range = [0x30, 0x80, 0x3000, 0x11_0000][seeded.below(4) as usize];
                char::from_u32(seeded.below(range) as u32)
            })
            .collect();
        let mut written = Vec::new();
        write_str(&mut written, &text);
        assert_eq!(serde_json::from_slice::<String>(&written).unwrap(), text);
        let theirs = serde_json::to_vec(&text).unwrap();
        let read = Cursor::new(&theirs, 1).unwrap().string("a string").unwrap();
        assert_eq!(read, text);
    }
}

#[test]
fn written_numbers_read_back_to_the_same_bits_and_no_non_finite_is_written() {
    let values = [0.0, -0.0, 1.0, 0.1, 1e300, -1e-300, f64::MAX, f64::MIN_POSITIVE, 5e-324];
    let bytes: Vec<u8> = values.iter().flat_map(|value: &f64| value.to_le_bytes()).collect();
    let mut out = b"[".to_vec();
    assert!(write_tensor_values(&mut out, DType::Fp64, &bytes));
    out.push(b']');
    let back: Vec<f64> = serde_json::from_slice(&out).unwrap();
    assert_eq!(back.map_bits(), values.to_vec().map_bits());

    let nan = f32::NAN.to_le_bytes();
    assert!(!write_tensor_values(&mut Vec::new(), DType::Fp32, &nan));
    assert!(!write_tensor_values(&mut Vec::new(), DType::Fp64, &f64::INFINITY.to_le_bytes()));
    let mut out = Vec::new();
    assert!(write_tensor_values(&mut out, DType::Int32, &[255, 255, 255, 255, 7, 0, 0, 0]));
    assert_eq!(out, b"-1,7");
}

trait MapBits {
    fn map_bits(self) -> Vec<u64>;
}

impl MapBits for Vec<f64> {
    fn map_bits(self) -> Vec<u64> {
        self.into_iter().map(f64::to_bits).collect()
    }
}

#[test]
fn a_fault_names_the_field_and_what_was_got() {
    let mut cursor = Cursor::new(br#"{"inputs":[{"shape":"2"}]}"#, 8).unwrap();
    let fault = cursor
        .object("an object", |cursor, name| {
            cursor
                .array("an array", |cursor, _| {
                    cursor.object("an object", |cursor, name| {
                        cursor
                            .expect(Kind::Array, "an array of integers")
                            .map_err(|fault| fault.in_member(&name))
                    })
                })
                .map(drop)
                .map_err(|fault| fault.in_member(&name))
        })
        .unwrap_err();
    assert_eq!(fault.to_string(), "`inputs[0].shape`: expected an array of integers, got a string");
}
