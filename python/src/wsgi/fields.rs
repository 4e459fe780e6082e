//! Response heads from what Python gives `start_response`; those that come again are made only once.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use narthex_core::ResponseHead;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyList, PyString, PyTuple},
};

use super::hot;

/// Heads of this many kinds are remembered.
const PLACES: usize = 8;

/// A head with more fields than this is not.
const FIELDS: usize = 16;

/// Nor is one with a longer value.
const VALUE: usize = 256;

/// Heads made before. What is compared is text, so it does not matter whose strings they are.
#[derive(Default)]
pub(super) struct Heads {
    places: [Option<Box<Made>>; PLACES],
    /// The place that the last head was in.
    recent: usize,
}

struct Made {
    status: Box<[u8]>,
    /// The names as they were spelt.
    names: Vec<Box<[u8]>>,
    head: ResponseHead,
}

impl Heads {
    /// The head of a status line and a list of pairs.
    ///
    /// # Errors
    /// They are something else, or may not be sent.
    pub(super) fn head(
        &mut self,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
    ) -> PyResult<ResponseHead> {
        let Ok(list) = headers.cast_exact::<PyList>() else {
            return gather(status, headers.try_iter()?, None);
        };
        let made = |made: &&Made| made.is(status, list);
        if let Some(made) = self.places[self.recent].as_deref().filter(made) {
            return Ok(made.head.clone());
        }
        self.recent = Self::place(list);
        let place = &mut self.places[self.recent];
        if let Some(made) = place.as_deref().filter(made) {
            return Ok(made.head.clone());
        }
        let head = gather(status, list.iter().map(Ok), place.as_deref())?;
        *place = Made::of(status, list, &head);
        Ok(head)
    }

    /// Where a head with such fields is kept: the length of the first value tells kinds of content
    /// apart.
    fn place(list: &Bound<'_, PyList>) -> usize {
        let first = list.iter().next();
        let length = first
            .as_ref()
            .and_then(pair)
            .and_then(|(_, value)| hot::bytes_of(&value).map(<[u8]>::len));
        (list.len() + length.unwrap_or_default()) % PLACES
    }
}

impl Made {
    fn of(
        status: &Bound<'_, PyAny>,
        list: &Bound<'_, PyList>,
        head: &ResponseHead,
    ) -> Option<Box<Self>> {
        let headers = &head.headers;
        let small = headers.len() <= FIELDS && headers.values().all(|value| value.len() <= VALUE);
        if !small || headers.len() != headers.keys_len() {
            return None;
        }
        let status = hot::bytes_of(status.cast().ok()?)?.into();
        let name = |item| hot::bytes_of(&pair(&item)?.0).map(Into::into);
        let names = list.iter().map(name).collect::<Option<_>>()?;
        Some(Box::new(Self { status, names, head: head.clone() }))
    }

    /// Whether it was made of the same.
    fn is(&self, status: &Bound<'_, PyAny>, list: &Bound<'_, PyList>) -> bool {
        let headers = &self.head.headers;
        let same = |text: &Bound<'_, PyString>, bytes: &[u8]| hot::bytes_of(text) == Some(bytes);
        list.len() == headers.len()
            && status.cast().is_ok_and(|status| same(status, &self.status))
            && list.iter().zip(self.fields()).all(|(item, known)| {
                pair(&item).is_some_and(|(name, value)| {
                    same(&name, known.spelt) && same(&value, known.value.as_bytes())
                })
            })
    }

    fn fields(&self) -> impl Iterator<Item = Known<'_>> {
        let fields = self.names.iter().zip(&self.head.headers);
        fields.map(|(spelt, (name, value))| Known { spelt, name, value })
    }
}

/// A field as it was spelt and as it was parsed.
struct Known<'a> {
    spelt: &'a [u8],
    name: &'a HeaderName,
    value: &'a HeaderValue,
}

/// The two strings of a tuple.
fn pair<'a, 'py>(
    item: &'a Bound<'py, PyAny>,
) -> Option<(Borrowed<'a, 'py, PyString>, Borrowed<'a, 'py, PyString>)> {
    let pair = item.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2)?;
    let name = pair.get_borrowed_item(0).ok()?.cast::<PyString>().ok()?;
    let value = pair.get_borrowed_item(1).ok()?.cast::<PyString>().ok()?;
    Some((name, value))
}

/// The head of a status line and pairs, with what `like` has in the same places already.
fn gather<'py>(
    status: &Bound<'py, PyAny>,
    items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    like: Option<&Made>,
) -> PyResult<ResponseHead> {
    let (status, reason) = status_line(status)?;
    let mut headers = HeaderMap::new();
    let mut known = like.into_iter().flat_map(Made::fields);
    for item in items {
        let (name, value) = field(&item?, known.next().as_ref())?;
        headers.append(name, value);
    }
    Ok(ResponseHead { status, reason, headers })
}

/// The header that a pair of strings is; `known` may be the same.
fn field(
    item: &Bound<'_, PyAny>,
    known: Option<&Known<'_>>,
) -> PyResult<(HeaderName, HeaderValue)> {
    let Some((name, value)) = pair(item) else {
        return Err(PyTypeError::new_err(format!("header {item:?} is no tuple of two strings")));
    };
    let parsed_name = hot::bytes_of(&name).and_then(|text| match known {
        Some(known) if known.spelt == text => Some(known.name.clone()),
        _ => HeaderName::from_bytes(text).ok(),
    });
    let Some(parsed_name) = parsed_name else {
        return Err(PyValueError::new_err(format!("{name:?} is no header name")));
    };
    let parsed_value = hot::bytes_of(&value).and_then(|text| match known {
        Some(known) if known.value.as_bytes() == text => Some(known.value.clone()),
        _ => HeaderValue::from_bytes(text).ok(),
    });
    let Some(parsed_value) = parsed_value else {
        return Err(PyValueError::new_err(format!(
            "the value of header {name:?} has control characters or is not Latin-1: {value:?}"
        )));
    };
    Ok((parsed_name, parsed_value))
}

fn status_line(status: &Bound<'_, PyAny>) -> PyResult<(StatusCode, Option<Bytes>)> {
    let status =
        status.cast::<PyString>().map_err(|_| PyTypeError::new_err("the status is no str"))?;
    let bad = || PyValueError::new_err(format!("{status:?} is no status such as '200 OK'"));
    let text = hot::bytes_of(status).ok_or_else(bad)?;
    let (code, reason) = match text {
        [_, _, _] => (text, &text[..0]),
        [_, _, _, b' ', reason @ ..] => (&text[..3], reason),
        _ => return Err(bad()),
    };
    if !reason.iter().all(|&byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
        return Err(bad());
    }
    let status = StatusCode::from_bytes(code).map_err(|_| bad())?;
    let usual = status.canonical_reason().unwrap_or_default().as_bytes() == reason;
    let reason = (!usual && text.len() > 3).then(|| Bytes::copy_from_slice(reason));
    Ok((status, reason))
}
