//! Texts one behind another, and the values that the codes of a column stand for.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::{Buffer, of_number};
use crate::catalogue::{Element, Type, Value};
use crate::symbol::Symbol;

/// Many texts in one piece of memory: a million keys are two allocations, or none if they lie in a file.
#[derive(Clone, Default, Debug)]
pub struct Texts {
    /// Where each ends; the first begins at 0.
    ends: Buffer<u64>,
    bytes: Buffer<u8>,
}

impl Texts {
    /// Texts that lie one behind another. `None` if an end lies before the one before it or behind all bytes.
    pub fn new(ends: Buffer<u64>, bytes: Buffer<u8>) -> Option<Texts> {
        let last = ends.last().copied().unwrap_or(0);
        (ends.is_sorted() && last == bytes.len() as u64).then_some(Texts { ends, bytes })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of a text.
    pub fn bytes(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[index] as usize]
    }

    /// A text; empty if its bytes are none.
    pub fn get(&self, index: usize) -> &str {
        std::str::from_utf8(self.bytes(index)).unwrap_or_default()
    }

    /// The two pieces of memory: the ends, and the texts.
    pub fn parts(&self) -> (&Buffer<u64>, &Buffer<u8>) {
        (&self.ends, &self.bytes)
    }
}

impl<'t> FromIterator<&'t [u8]> for Texts {
    fn from_iter<I: IntoIterator<Item = &'t [u8]>>(texts: I) -> Texts {
        let (mut ends, mut bytes) = (Vec::new(), Vec::new());
        for text in texts {
            bytes.extend_from_slice(text);
            ends.push(bytes.len() as u64);
        }
        Texts { ends: ends.into(), bytes: bytes.into() }
    }
}

/// The value of code 1 and so on. Read from a file it keeps the packed form; all values are made when somebody asks
/// for all of them, one value when somebody asks for one.
#[derive(Clone)]
pub struct Dictionary {
    ty: Type,
    values: OnceLock<Arc<[Value]>>,
    packed: Option<Texts>,
}

impl Dictionary {
    /// These values of the type.
    pub fn new(ty: Type, values: Vec<Value>) -> Dictionary {
        Dictionary { ty, values: OnceLock::from(Arc::from(values)), packed: None }
    }

    /// Values of the type as [`Dictionary::pack`] packed them.
    pub fn packed(ty: Type, packed: Texts) -> Dictionary {
        Dictionary { ty, values: OnceLock::new(), packed: Some(packed) }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.packed.as_ref().map_or_else(|| self.all().len(), Texts::len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of code `index + 1`.
    pub fn value(&self, index: usize) -> Value {
        match (self.values.get(), &self.packed) {
            (None, Some(packed)) => unpack(self.ty, packed.bytes(index)),
            _ => self.all()[index].clone(),
        }
    }

    /// The packed form.
    pub fn pack(&self) -> Texts {
        self.packed.clone().unwrap_or_else(|| {
            let packed: Vec<Vec<u8>> = self.iter().map(pack).collect();
            packed.iter().map(Vec::as_slice).collect()
        })
    }

    fn all(&self) -> &[Value] {
        self.values.get_or_init(|| {
            let packed = self.packed.as_ref().expect("a dictionary has its values or their packed form");
            (0..packed.len()).map(|index| unpack(self.ty, packed.bytes(index))).collect()
        })
    }
}

impl Deref for Dictionary {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.all()
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values of {:?}", self.len(), self.ty)
    }
}

/// A value as bytes: texts and names as they are, numbers as eight bytes, sets as their elements, each behind its
/// length. The least byte first.
fn pack(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Symbol(name) => name.as_str().as_bytes().to_vec(),
        Value::Bool(truth) => vec![u8::from(*truth)],
        Value::Int(n) | Value::Decimal(n) | Value::Money(n) => n.to_le_bytes().to_vec(),
        Value::Set(elements) => {
            let mut bytes = Vec::new();
            for element in elements.iter().map(pack) {
                bytes.extend((element.len() as u64).to_le_bytes());
                bytes.extend(element);
            }
            bytes
        }
        Value::Date(_) | Value::Instant(_) | Value::Duration(_) => {
            unreachable!("dates and instants are numbers in their columns, and no field is a duration")
        }
    }
}

fn unpack(ty: Type, mut bytes: &[u8]) -> Value {
    let text = |bytes: &[u8]| Value::text(std::str::from_utf8(bytes).unwrap_or_default());
    let name = |bytes: &[u8]| Value::Symbol(Symbol::new(std::str::from_utf8(bytes).unwrap_or_default()));
    match ty {
        Type::Bool => Value::Bool(bytes == [1]),
        Type::Int | Type::Decimal | Type::Money => {
            of_number(ty, bytes.try_into().map(i64::from_le_bytes).unwrap_or_default())
        }
        Type::Enum(_) | Type::Name(_) => name(bytes),
        Type::Set(of) => {
            let mut elements = Vec::new();
            while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
                let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
                let (element, rest) = rest.split_at(length);
                elements.push(if of == Element::Text { text(element) } else { name(element) });
                bytes = rest;
            }
            Value::Set(elements.into())
        }
        _ => text(bytes),
    }
}

/// So few values are looked through rather than looked up.
const FEW: usize = 16;

/// A dictionary that grows.
pub(super) struct GrowingDictionary {
    ty: Type,
    values: Vec<Value>,
    /// Of all values, once they are more than a few.
    index: HashMap<Value, u32>,
}

impl GrowingDictionary {
    pub fn new(ty: Type) -> GrowingDictionary {
        GrowingDictionary { ty, values: Vec::new(), index: HashMap::new() }
    }

    /// The code of a value; a new one for a new value.
    pub fn code(&mut self, value: &Value) -> u32 {
        let known = match self.values.len() {
            ..=FEW => self.values.iter().position(|known| known == value).map(|index| index as u32 + 1),
            _ => self.index.get(value).copied(),
        };
        known.unwrap_or_else(|| self.add(value))
    }

    fn add(&mut self, value: &Value) -> u32 {
        self.values.push(value.clone());
        let code = |count: usize| u32::try_from(count).expect("fewer than 2^32 different values");
        match self.values.len() {
            ..=FEW => {}
            count if count == FEW + 1 => {
                self.index = self.values.iter().cloned().zip(1..).collect();
            }
            count => drop(self.index.insert(value.clone(), code(count))),
        }
        code(self.values.len())
    }

    pub fn finish(self) -> Dictionary {
        Dictionary::new(self.ty, self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::EnumId;

    #[test]
    fn values_come_back_from_their_packed_form() {
        let name = |text: &str| Value::Symbol(Symbol::new(text));
        let set = |elements: &[Value]| Value::Set(elements.into());
        for (ty, values) in [
            (Type::Text, vec![Value::text(""), Value::text("Élodie"), Value::text("a\nb")]),
            (Type::Bool, vec![Value::Bool(false), Value::Bool(true)]),
            (Type::Int, vec![Value::Int(-3), Value::Int(i64::MAX)]),
            (Type::Money, vec![Value::Money(1_250)]),
            (Type::Decimal, vec![Value::Decimal(-1)]),
            (Type::Enum(EnumId(0)), vec![name("central"), name("J-FIC")]),
            (Type::Set(Element::Text), vec![set(&[]), set(&[Value::text("x"), Value::text("")])]),
            (Type::Set(Element::Enum(EnumId(0))), vec![set(&[name("games"), name("history")])]),
        ] {
            let packed = Dictionary::packed(ty, Dictionary::new(ty, values.clone()).pack());
            assert_eq!(packed.len(), values.len());
            let one_by_one: Vec<Value> = (0..values.len()).map(|index| packed.value(index)).collect();
            assert_eq!((one_by_one, packed.to_vec()), (values.clone(), values));
        }
    }

    /// Few values and many are found in two ways.
    #[test]
    fn a_value_has_one_code() {
        let mut growing = GrowingDictionary::new(Type::Int);
        let numbers = (0..3 * FEW as i64).flat_map(|n| [n, n / 2]);
        let codes: Vec<(i64, u32)> = numbers.map(|n| (n, growing.code(&Value::Int(n)))).collect();
        assert!(codes.iter().all(|(n, code)| i64::from(*code) == n + 1), "{codes:?}");
        assert_eq!(growing.finish().len(), 3 * FEW);
    }

    #[test]
    fn ends_in_no_order_are_refused() {
        let texts = |ends: Vec<u64>| Texts::new(ends.into(), b"abc".to_vec().into());
        assert_eq!(texts(vec![1, 3]).map(|texts| texts.get(1).to_owned()), Some("bc".to_owned()));
        assert!(texts(vec![2, 1, 3]).is_none());
        assert!(texts(vec![1, 4]).is_none());
        assert!(texts(vec![1, 2]).is_none());
        assert!(Texts::new(Buffer::default(), Buffer::default()).is_some_and(|texts| texts.is_empty()));
    }
}
