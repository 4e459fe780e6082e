//! Variables in one piece.

use bytes::Bytes;

/// Variables one behind the other, as a web server has sent them.
///
/// What stands before a pair tells how long its name and its value are: where bytes are the same,
/// so are the pairs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Packed {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
}

/// Where a name begins, where it ends and its value begins, and where that ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Pair {
    start: usize,
    middle: usize,
    end: usize,
}

impl Packed {
    /// None so far, with room for as many pairs as most web servers send.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Vec::new(), pairs: Vec::with_capacity(32) }
    }

    /// Says of the bytes to be appended that, behind the last pair and `before` bytes more, there
    /// are a name and a value of these lengths.
    #[inline]
    pub fn add(&mut self, before: usize, name: usize, value: usize) {
        let start = self.pairs.last().map_or(0, |last| last.end) + before;
        let middle = start + name;
        self.pairs.push(Pair { start, middle, end: middle + value });
    }

    /// Appends the bytes of the pairs that were [added](Self::add).
    pub fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes they are.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The names and values.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|pair| self.pair(pair))
    }

    /// Calls `change` for each pair of `next` that has another value; `false` when it says so, or
    /// when not all names are the same.
    pub(super) fn compare(
        &self,
        next: &Self,
        mut change: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> bool {
        if self.pairs.len() != next.pairs.len() {
            return false;
        }
        let mut at = 0;
        loop {
            let start = self.end(at);
            let (ours, theirs) = (&self.bytes[start..], &next.bytes[next.end(at)..]);
            if ours == theirs {
                return true;
            }
            let same = start + in_common(ours, theirs);
            at += self.pairs[at..].partition_point(|pair| pair.end <= same);
            loop {
                let (Some(ours), Some(theirs)) = (self.pairs.get(at), next.pairs.get(at)) else {
                    return false;
                };
                at += 1;
                let ((known, before), (name, value)) = (self.pair(ours), next.pair(theirs));
                if known != name {
                    return false;
                }
                if before != value {
                    if !change(name, value) {
                        return false;
                    }
                    break;
                }
            }
        }
    }

    fn pair(&self, &Pair { start, middle, end }: &Pair) -> (&[u8], &[u8]) {
        (&self.bytes[start..middle], &self.bytes[middle..end])
    }

    /// Where so many pairs end.
    fn end(&self, count: usize) -> usize {
        count.checked_sub(1).map_or(0, |last| self.pairs[last].end)
    }
}

/// How many bytes are the same at least: whole words of them.
fn in_common(ours: &[u8], theirs: &[u8]) -> usize {
    const WORD: usize = size_of::<u64>();
    let (ours, _) = ours.as_chunks::<WORD>();
    let (theirs, _) = theirs.as_chunks::<WORD>();
    WORD * ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count()
}

impl IntoIterator for Packed {
    type Item = (Bytes, Bytes);
    type IntoIter = Unpacked;

    fn into_iter(self) -> Unpacked {
        Unpacked { bytes: self.bytes.into(), pairs: self.pairs.into_iter() }
    }
}

/// The pairs, one after the other.
#[derive(Debug)]
pub struct Unpacked {
    bytes: Bytes,
    pairs: std::vec::IntoIter<Pair>,
}

impl Iterator for Unpacked {
    type Item = (Bytes, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        let Pair { start, middle, end } = self.pairs.next()?;
        Some((self.bytes.slice(start..middle), self.bytes.slice(middle..end)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pairs.size_hint()
    }
}
