//! A CGI response, read back (RFC 3875, 6).

/// A response as a CGI program writes it.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    reason: Vec<u8>,
    /// Fields other than `Status`, as lines.
    fields: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Response {
    /// Takes a program's output apart.
    ///
    /// # Errors
    /// Why it is no response.
    pub(super) fn parse(output: &[u8]) -> Result<Self, String> {
        if output.is_empty() {
            return Err("it is empty".to_owned());
        }
        let mut response =
            Self { status: 200, reason: b"OK".to_vec(), fields: Vec::new(), body: Vec::new() };
        let (mut rest, mut status_seen, mut location, mut typed) = (output, false, false, false);
        loop {
            let end = rest
                .iter()
                .position(|&byte| byte == b'\n')
                .ok_or("its head does not end with an empty line")?;
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            rest = &rest[end + 1..];
            if line.is_empty() {
                break;
            }
            let (name, value) = field(line)?;
            match &name.to_ascii_lowercase()[..] {
                b"status" => {
                    (response.status, response.reason) = status(value)?;
                    status_seen = true;
                    continue;
                }
                b"location" => location = true,
                b"content-type" => typed = true,
                _ => {}
            }
            response.fields.push(line.to_vec());
        }
        if !(status_seen || location || typed) {
            return Err("it has neither Content-Type nor Location nor Status".to_owned());
        }
        if location && !status_seen {
            (response.status, response.reason) = (302, b"Found".to_vec());
        }
        response.body = rest.to_vec();
        Ok(response)
    }

    /// Status, fields, an empty line and the body, for people.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut shown = format!("{} ", self.status).into_bytes();
        shown.extend_from_slice(&self.reason);
        shown.push(b'\n');
        for line in &self.fields {
            shown.extend_from_slice(line);
            shown.push(b'\n');
        }
        shown.push(b'\n');
        shown.extend_from_slice(&self.body);
        shown
    }
}

fn field(line: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let colon = line.iter().position(|&byte| byte == b':').filter(|&at| at > 0);
    let colon = colon.ok_or_else(|| {
        let shown: String = line.escape_ascii().to_string().chars().take(60).collect();
        format!("a line of its head is no field: {shown}")
    })?;
    Ok((&line[..colon], line[colon + 1..].trim_ascii()))
}

fn status(value: &[u8]) -> Result<(u16, Vec<u8>), String> {
    let (digits, reason) = value.split_at(value.len().min(3));
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    match number.filter(|number| (100..1000).contains(number)) {
        Some(number) if matches!(reason.first(), None | Some(b' ')) => {
            Ok((number, reason.trim_ascii().to_vec()))
        }
        _ => Err(format!("its status is none: {}", value.escape_ascii())),
    }
}
