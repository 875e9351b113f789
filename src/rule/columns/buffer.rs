//! The memory of a column: its own, or a part of a file that is mapped into memory.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;

/// Numbers of one kind, read as a slice wherever they lie.
#[derive(Clone)]
pub struct Buffer<T>(Memory<T>);

#[derive(Clone)]
enum Memory<T> {
    Owned(Vec<T>),
    Mapped { map: Arc<Mmap>, bytes: Range<usize>, of: PhantomData<T> },
}

impl<T: Pod> Buffer<T> {
    /// The numbers that lie in `bytes` of the map. `None` if there are not so many bytes, or if they are not aligned
    /// for such numbers or end within one.
    pub fn mapped(map: &Arc<Mmap>, bytes: Range<usize>) -> Option<Buffer<T>> {
        let found = map.get(bytes.clone())?;
        bytemuck::try_cast_slice::<u8, T>(found).ok()?;
        Some(Buffer(Memory::Mapped { map: map.clone(), bytes, of: PhantomData }))
    }

    /// The bytes, in the order of this machine.
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Memory::Owned(numbers) => numbers,
            Memory::Mapped { map, bytes, .. } => bytemuck::cast_slice(&map[bytes.clone()]),
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(numbers: Vec<T>) -> Buffer<T> {
        Buffer(Memory::Owned(numbers))
    }
}

impl<T> Default for Buffer<T> {
    fn default() -> Buffer<T> {
        Vec::new().into()
    }
}

impl<T> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Buffer<T> {
        Vec::from_iter(numbers).into()
    }
}

impl<T: Pod> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if matches!(self.0, Memory::Owned(_)) { "owned" } else { "mapped" };
        write!(f, "{} numbers of {} bytes, {place}", self.len(), size_of::<T>())
    }
}
