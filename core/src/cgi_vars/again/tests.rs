//! A head that was made of another is the one that would have been made of its variables.

use super::*;

/// What nginx sends, some of it.
const USUAL: [(&str, &str); 12] = [
    ("PATH_INFO", "/"),
    ("QUERY_STRING", ""),
    ("REQUEST_METHOD", "GET"),
    ("CONTENT_TYPE", ""),
    ("REQUEST_URI", "/"),
    ("DOCUMENT_ROOT", "/usr/share/nginx/html"),
    ("REMOTE_ADDR", "127.0.0.1"),
    ("REMOTE_PORT", "40000"),
    ("SERVER_PORT", "8080"),
    ("SERVER_NAME", "a"),
    ("HTTP_HOST", "a:8080"),
    ("HTTP_X_LAST", "1"),
];

fn packed(all: &[(&str, &str)]) -> Packed {
    let mut packed = Packed::new();
    for (name, value) in all {
        let lengths = [name.len(), value.len()].map(|length| u8::try_from(length).unwrap());
        packed.add(2, name.len(), value.len());
        packed.append(&lengths);
        packed.append(name.as_bytes());
        packed.append(value.as_bytes());
    }
    packed
}

/// [`USUAL`] with other values.
fn with(changes: &[(&str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut all = USUAL.to_vec();
    for (name, value) in changes {
        all.iter_mut().find(|(known, _)| known == name).unwrap().1 = value;
    }
    all
}

/// Everything of a head that can be compared, by its text.
fn text(head: &RequestHead) -> String {
    let RequestHead { method, version, uri, headers, connection, gateway, .. } = head;
    format!("{method} {version:?} {uri} {headers:?} {connection:?} {gateway:?}")
}

/// Whether the head of `second` was made of that of `first`; it is right.
fn follows(first: &[(&str, &str)], second: &[(&str, &str)]) -> bool {
    let mut heads = RequestHeads::responder(None);
    for number in 0..2 {
        let head = heads.next(number, packed(first)).unwrap();
        heads.give_back(number, head);
    }
    let head = heads.next(2, packed(second)).unwrap();
    let fresh = RequestHeads::responder(None).head(packed(second)).unwrap();
    assert_eq!(text(&head), text(&fresh));
    heads.memory.patience == PATIENCE
}

#[test]
fn what_only_stands_there_and_the_client_are_followed() {
    assert!(follows(&USUAL, &USUAL));
    for changes in [
        &[("REMOTE_PORT", "40001")][..],
        &[("REMOTE_PORT", "1")],
        &[("REMOTE_PORT", "")],
        &[("REMOTE_PORT", "no port")],
        &[("REMOTE_ADDR", "[::1]"), ("REMOTE_PORT", "65535")],
        &[("REMOTE_ADDR", "::1:80"), ("REMOTE_PORT", "80")],
        &[("REMOTE_ADDR", "")],
        &[("DOCUMENT_ROOT", "")],
        &[("DOCUMENT_ROOT", "/usr/share/nginx/htmlx")],
        &[("DOCUMENT_ROOT", "/"), ("REMOTE_ADDR", "10.0.0.1"), ("REMOTE_PORT", "5")],
    ] {
        assert!(follows(&USUAL, &with(changes)), "{changes:?}");
        assert!(follows(&with(changes), &USUAL), "{changes:?}");
    }
}

#[test]
fn what_others_depend_on_is_not_followed() {
    for change in [
        ("PATH_INFO", "/x"),
        ("QUERY_STRING", "x"),
        ("REQUEST_METHOD", "PUT"),
        ("CONTENT_TYPE", "text/plain"),
        ("REQUEST_URI", "/?x"),
        ("SERVER_PORT", "443"),
        ("SERVER_NAME", "b"),
        ("HTTP_HOST", "b"),
        ("HTTP_X_LAST", "2"),
    ] {
        assert!(!follows(&USUAL, &with(&[change])), "{change:?}");
        assert!(!follows(&with(&[change]), &USUAL), "{change:?}");
    }
    let renamed = USUAL
        .map(|(name, value)| (if name == "DOCUMENT_ROOT" { "DOCUMENT_REST" } else { name }, value));
    assert!(!follows(&USUAL, &renamed));
    assert!(!follows(&USUAL, &USUAL[..11]));
    assert!(!follows(&USUAL[..11], &USUAL));
    let mut swapped = USUAL;
    swapped.swap(5, 6);
    assert!(!follows(&USUAL, &swapped));
    let repeated = |value| [&USUAL[..], &[("DOCUMENT_ROOT", value)]].concat();
    assert!(!follows(&repeated("/"), &repeated("/x")));
    // Where one ends and the next begins.
    let shifted = |name, value| [&USUAL[..], &[(name, value)]].concat();
    assert!(!follows(&shifted("AB", "C"), &shifted("A", "BC")));
}

#[test]
fn a_head_that_is_not_given_back_is_not_followed() {
    let mut heads = RequestHeads::responder(None);
    let mut next = |number| heads.next(number, packed(&USUAL)).unwrap();
    let kept = [next(0), next(1), next(2)];
    let [zero, one, two] = kept;
    // The connection of a head may be its own by now.
    let mut changed = one;
    changed.connection = std::sync::Arc::new(changed.connection.anew());
    heads.give_back(0, zero);
    heads.give_back(2, changed);
    assert!(heads.memory.last.as_ref().is_some_and(|last| last.head.is_none()));
    heads.give_back(2, two);
    assert!(heads.memory.last.as_ref().is_some_and(|last| last.head.is_some()));
}

#[test]
fn what_is_of_no_use_is_left_alone_for_a_while() {
    let mut heads = RequestHeads::responder(None);
    let paths = ["/1", "/2"].map(|path| packed(&with(&[("REQUEST_URI", path)])));
    let remembered: Vec<bool> = (0..120)
        .zip(paths.iter().cycle())
        .map(|(number, path)| {
            let head = heads.next(number, path.clone()).unwrap();
            heads.give_back(number, head);
            heads.memory.last.is_some()
        })
        .collect();
    assert!(!remembered[0], "one request is not worth it");
    assert!(remembered[1..5].iter().all(|&it| it));
    assert!(!remembered[5..105].iter().any(|&it| it));
    assert!(remembered[105]);
}

#[test]
fn large_requests_are_not_remembered() {
    let mut heads = RequestHeads::responder(None);
    let value = "v".repeat(100);
    let all: Vec<_> = USUAL.into_iter().chain(std::iter::repeat_n(("N", &*value), 20)).collect();
    for number in 0..4 {
        let head = heads.next(number, packed(&all)).unwrap();
        heads.give_back(number, head);
    }
    assert!(heads.memory.last.is_none());
    // Nor do those that are remembered grow.
    let long = Box::leak("/long".repeat(400).into_boxed_str());
    let mut grown = Packed::new();
    for (name, value) in with(&[("DOCUMENT_ROOT", long)]) {
        let length = u32::try_from(value.len()).unwrap() | 1 << 31;
        grown.add(5, name.len(), value.len());
        grown.append(&[u8::try_from(name.len()).unwrap()]);
        grown.append(&length.to_be_bytes());
        grown.append(name.as_bytes());
        grown.append(value.as_bytes());
    }
    for (number, packed) in (4..).zip([packed(&USUAL), packed(&USUAL), grown]) {
        let head = heads.next(number, packed).unwrap();
        heads.give_back(number, head);
    }
    assert!(heads.memory.last.is_none());
}

#[test]
fn a_long_series_of_requests_is_read_as_each_by_itself() {
    const VALUES: [&str; 8] = ["", "/", "/a/b", "80", "443", "::1", "a:80", "on"];
    let mut heads = RequestHeads::responder(None);
    let mut all = USUAL.to_vec();
    let (mut state, mut followed) = (1_u32, 0);
    let mut below = |limit: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % limit
    };
    for number in 0..4_000 {
        // Those that can be followed mostly, or none of them ever would be.
        let at = if below(4) > 0 { 5 + below(3) } else { below(all.len()) };
        all[at].1 = if at == 2 { "PUT" } else { VALUES[below(VALUES.len())] };
        let fresh = RequestHeads::responder(None).head(packed(&all));
        let ready = heads.memory.last.as_ref().is_some_and(|last| last.head.is_some());
        match heads.next(number, packed(&all)) {
            Ok(head) => {
                assert_eq!(text(&head), text(&fresh.unwrap()), "{all:?}");
                let kept = heads.memory.last.is_some() && heads.memory.patience == PATIENCE;
                followed += u32::from(ready && kept);
                if below(10) > 0 {
                    heads.give_back(number, head);
                }
            }
            Err(error) => assert_eq!(error.to_string(), fresh.unwrap_err().to_string()),
        }
    }
    assert!(followed > 100, "{followed}");
}
