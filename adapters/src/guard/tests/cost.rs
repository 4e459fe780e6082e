//! What a head costs.

use super::*;

/// To be run under `valgrind --tool=callgrind` with `GUARD_HEAD` 1 or 2 and two values of
/// `GUARD_COUNT`: the difference is what so many heads cost, without what the process costs.
#[test]
#[ignore = "a measurement"]
fn cost() {
    let number = |name: &str| std::env::var(name).map_or(1, |text| text.parse().unwrap());
    let heads: [&[u8]; 2] = [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        b"GET /articles/2026/11?page=2 HTTP/1.1\r\n\
          Host: www.example.com\r\n\
          User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
          Chrome/131.0.0.0 Safari/537.36\r\n\
          Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
          image/apng,*/*;q=0.8\r\n\
          Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7\r\n\
          Accept-Encoding: gzip, deflate, br, zstd\r\n\
          Referer: https://www.example.com/articles/2026/11?page=1\r\n\
          Cookie: sessionid=7d4f2a91c05e4b5f8a3c6d7e9f01b2c3; csrftoken=Zk3vQ8mN1xR5tY7uW9pL2sD4fG6\
          hJ0kB; theme=dark; consent=1; _ga=GA1.2.1234567890.1700000000\r\n\
          Connection: keep-alive\r\n\r\n",
    ];
    let head = heads[number("GUARD_HEAD") - 1];
    let mut guard = Guard::new(&Limits::default());
    let count = number("GUARD_COUNT");
    for _ in 0..count {
        let pass = guard.inspect(std::hint::black_box(head)).pass;
        assert_eq!(std::hint::black_box(pass), head.len());
    }
}
