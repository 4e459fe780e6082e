//! What a connection goes through.

use super::*;

#[test]
fn phases() {
    let mut guard = Guard::new(&Limits::default());
    assert_eq!(guard.phase(), Phase::Idle);
    let mut hold = |bytes: &[u8], pass, phase| {
        assert_eq!(guard.inspect(bytes).pass, pass, "{}", bytes.escape_ascii());
        assert_eq!(guard.phase(), phase, "{}", bytes.escape_ascii());
    };
    hold(b"\r", 0, Phase::Idle);
    hold(b"\r\n", 0, Phase::Idle);
    hold(b"\r\nP", 0, Phase::Head);
    let head = with(b"Content-Length: 2");
    hold(&join(&[b"\r\n", &head]), head.len() + 2, Phase::Body);
    hold(b"a", 1, Phase::Body);
    hold(b"b", 1, Phase::Idle);
    hold(&head[..20], 0, Phase::Head);
    hold(&join(&[&head, b"ab"]), head.len() + 2, Phase::Idle);
    let head = chunked(b"");
    hold(&head, head.len(), Phase::Body);
    hold(b"1\r", 0, Phase::Body);
    hold(b"1\r\n", 3, Phase::Body);
    hold(b"x\r", 1, Phase::Body);
    hold(b"\r\n0\r\nX: y", 5, Phase::Body);
    hold(b"X: y\r\n\r\n", 8, Phase::Idle);
    assert_eq!(guard.heads(), 3);
}

#[test]
fn underscores_are_remembered() {
    assert!(!judge(&with(b"X-Y: a_b")).underscores);
    assert!(!judge(b"GET_IT /_ HTTP/1.1\r\nHost: _\r\n\r\n").underscores);
    for message in [
        with(b"X_Y: a"),
        with(b"Content_Length: 5"),
        chunked(b"0\r\nX_: y\r\n\r\n"),
        join(&[&with(b"_: a"), &of(b"/")]),
    ] {
        assert!(judge(&message).underscores, "{}", message.escape_ascii());
    }
}

#[test]
fn nothing_passes_after_a_refusal() {
    let good = of(b"/good");
    for bad in [of(b"bad"), with(b"Content-Length: 5, 5"), b"GET / HTTP/1.1\nHost: a\n\n".to_vec()]
    {
        let outcome = judge(&join(&[&good, &bad, &good]));
        assert_eq!((outcome.passed, outcome.heads), (good.clone(), 1));
        assert!(outcome.refusal.is_some());
    }
}

#[test]
fn mutations_change_no_rule() {
    let mut random = Random(7);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..800 {
        match judge(&mutate(&mut random)).refusal {
            Some(_) => refused += 1,
            None => passed += 1,
        }
    }
    assert!(passed > 200 && refused > 200, "{passed} {refused}");
}

#[test]
fn garbage_does_no_harm() {
    let mut random = Random(11);
    for _ in 0..800 {
        let size = random.below(60) + 1;
        let bytes: Vec<_> = (0..size).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        judge(&bytes);
        judge(&chunked(&bytes));
    }
}
