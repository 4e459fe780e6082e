//! Chunked bodies that pass and those that do not.

use super::*;

#[test]
fn chunks() {
    for body in [
        &b"0\r\n\r\n"[..],
        b"5\r\nhello\r\n0\r\n\r\n",
        b"0005\r\nhello\r\n000\r\n\r\n",
        b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        b"2\r\n\r\n\r\n0\r\n\r\n",
        b"0000000000000001\r\nx\r\n0000000000000000\r\n\r\n",
        b"5; some; parameters=stuff\r\nhello\r\n0;last\r\n\r\n",
        b"1 ; a = b\t;c=\"d;\\\"\te\xe9\" ;f\r\nx\r\n0\r\n\r\n",
        b"1;a=\"\"\r\nx\r\n0\r\n\r\n",
        b"0\r\nVary: *\r\nX-Sum:\r\n\r\n",
    ] {
        passes(&chunked(body), 1);
        passes(&join(&[&chunked(body), &chunked(body), &of(b"/next")]), 3);
    }
    for body in [
        &b"\r\n"[..],
        b"\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_0\r\n",
        b"g\r\n",
        b"00000000000000001\r\nx\r\n",
        b"10000000000000000\r\n",
        b"5 \r\nhello\r\n",
        b"5\t\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\n;\r\nhello\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\rx",
        b"5\r\nhello!\r\n",
        b"5;\r\nhello\r\n",
        b"5;;a\r\nhello\r\n",
        b"5;a;\r\nhello\r\n",
        b"5;a \r\nhello\r\n",
        b"5;a=\r\nhello\r\n",
        b"5;=b\r\nhello\r\n",
        b"5;a b\r\nhello\r\n",
        b"5;a=b c\r\nhello\r\n",
        b"5;a@\r\nhello\r\n",
        b"5;a=\"b\r\nhello\r\n",
        b"5;a=\"b\\\"\r\nhello\r\n",
        b"5;a=\"b\"c\r\nhello\r\n",
        b"5;a=\"b\\\r\nhello\r\n",
        b"5 a\r\nhello\r\n",
        b"5,a\r\nhello\r\n",
        b"5;a=\x0bb\r\nhello\r\n",
        b"5;a=b\rc\r\nhello\r\n",
        b"5;a=b\nhello\r\n",
        b"5;a\0\r\nhello\r\n",
        b"0\r\nVary: *\n\r\n",
        b"0\r\n\n",
        b"0\r\n\rx",
        b"0\r\n X: y\r\n\r\n",
        b"0\r\nX: y\r\n z\r\n\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\nX\r\n\r\n",
        b"0\r\nX: \x7f\r\n\r\n",
        b"0\r\nContent-Length: 99\r\n\r\n",
        b"0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"0\r\nHost: a\r\n\r\n",
    ] {
        refuses(&chunked(body), 400, Phase::Body);
    }
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let chunk = |size: usize| format!("1;{}\r\nx\r\n", "a".repeat(size));
    let long = |sizes: &[usize]| {
        let chunks: String = sizes.iter().map(|size| chunk(*size)).collect();
        chunked((chunks + "0\r\n\r\n").as_bytes())
    };
    passes(&long(&[4096 - 4]), 1);
    refuses(&long(&[4096 - 3]), 400, Phase::Body);
    passes(&long(&[4095, 4095, 4095, 4095].map(|size| size - 4)), 1);
    refuses(&long(&[4090, 4090, 4090, 4090, 30]), 400, Phase::Body);
    let trailer = |size: usize| format!("0\r\nX:{}\r\n\r\n", "x".repeat(size - 6));
    passes(&chunked(trailer(16 * 1024 - 1).as_bytes()), 1);
    refuses(&chunked(trailer(16 * 1024).as_bytes()), 400, Phase::Body);
    // Without an end they are held up to the limit only.
    refuses(&chunked(&[b'1'; 4096]), 400, Phase::Body);
}
