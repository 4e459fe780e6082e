//! Records written, each to the end of a buffer.

use super::{
    ABORT_REQUEST, BEGIN_REQUEST, END_REQUEST, GET_VALUES, GET_VALUES_RESULT, HEADER_LENGTH,
    LARGEST_GATHERED, ProtocolStatus, Stream, UNKNOWN_TYPE, VERSION,
};
use crate::fastcgi::pairs::pair;

/// The most content that [`stream`] puts into a record: what needs no padding to end on 8 bytes.
pub const LARGEST_CONTENT: usize = 65528;

/// Writes that a request begins.
pub fn begin(out: &mut Vec<u8>, id: u16, role: u16, keep: bool) {
    let [role_1, role_0] = role.to_be_bytes();
    header(out, BEGIN_REQUEST, id, 8, 0);
    out.extend_from_slice(&[role_1, role_0, keep.into(), 0, 0, 0, 0, 0]);
}

/// Writes that the answer to a request is not wanted any more.
pub fn abort(out: &mut Vec<u8>, id: u16) {
    header(out, ABORT_REQUEST, id, 0, 0);
}

/// Writes that a request has ended.
pub fn end(out: &mut Vec<u8>, id: u16, application_status: u32, status: ProtocolStatus) {
    header(out, END_REQUEST, id, 8, 0);
    out.extend_from_slice(&application_status.to_be_bytes());
    out.extend_from_slice(&[status.into(), 0, 0, 0]);
}

/// Writes part of a stream, in as many records as it takes: none for no content, since an empty
/// record is the end of the stream.
pub fn stream(out: &mut Vec<u8>, kind: Stream, id: u16, content: &[u8]) {
    for piece in content.chunks(LARGEST_CONTENT) {
        padded(out, kind as u8, id, piece);
    }
}

/// Writes the header of a record whose content, `length` bytes without padding, is sent from where
/// it lies.
pub fn stream_header(out: &mut Vec<u8>, kind: Stream, id: u16, length: u16) {
    debug_assert!(length > 0, "an empty record is the end of a stream");
    header(out, kind as u8, id, length, 0);
}

/// Writes the end of a stream.
pub fn stream_end(out: &mut Vec<u8>, kind: Stream, id: u16) {
    header(out, kind as u8, id, 0, 0);
}

/// Writes a question for variables, as far as their names fit into the record.
pub fn get_values(out: &mut Vec<u8>, names: &[&[u8]]) {
    management_pairs(out, GET_VALUES, names.iter().map(|&name| (name, &b""[..])));
}

/// Writes the values of variables, as far as they fit into the record.
pub fn get_values_result(out: &mut Vec<u8>, values: &[(&[u8], &[u8])]) {
    management_pairs(out, GET_VALUES_RESULT, values.iter().copied());
}

/// Writes that a type of management record is not known.
pub fn unknown_type(out: &mut Vec<u8>, kind: u8) {
    header(out, UNKNOWN_TYPE, 0, 8, 0);
    out.extend_from_slice(&[kind, 0, 0, 0, 0, 0, 0, 0]);
}

fn management_pairs<'a>(
    out: &mut Vec<u8>,
    kind: u8,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) {
    let mut content = Vec::new();
    for (name, value) in pairs {
        let before = content.len();
        pair(&mut content, name, value);
        if content.len() > LARGEST_GATHERED {
            content.truncate(before);
            break;
        }
    }
    padded(out, kind, 0, &content);
}

/// Writes a record, padded to 8 bytes.
fn padded(out: &mut Vec<u8>, kind: u8, id: u16, content: &[u8]) {
    debug_assert!(content.len() <= LARGEST_CONTENT);
    #[allow(clippy::cast_possible_truncation, reason = "it is no longer than the largest")]
    let length = content.len() as u16;
    #[allow(clippy::cast_possible_truncation, reason = "it is less than 8")]
    let padding = (length.wrapping_neg() % 8) as u8;
    out.reserve(HEADER_LENGTH + content.len() + usize::from(padding));
    header(out, kind, id, length, padding);
    out.extend_from_slice(content);
    out.resize(out.len() + usize::from(padding), 0);
}

pub(super) fn header(out: &mut Vec<u8>, kind: u8, id: u16, length: u16, padding: u8) {
    let [id_1, id_0] = id.to_be_bytes();
    let [length_1, length_0] = length.to_be_bytes();
    out.extend_from_slice(&[VERSION, kind, id_1, id_0, length_1, length_0, padding, 0]);
}
