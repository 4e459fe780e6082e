//! What an application can ask and tell httpd beside HTTP.

use narthex_abi::{Matter, Status};

use super::host::Carried;
use crate::httpd::{Request, Table, facts};

/// Hands what is asked for to `put`.
pub(super) fn ask(
    request: &Request<'_>,
    matter: Matter,
    name: &[u8],
    put: &mut dyn FnMut(&[u8]),
) -> Status {
    let answer = match matter {
        Matter::NOTE => request.notes().first(name),
        Matter::VARIABLE => request.subprocess_env().first(name),
        Matter::USER => request.user(),
        Matter::AUTHENTICATION => request.authentication(),
        Matter::TLS => request.tls(name),
        Matter::SERVER => return of_server(request, name, put),
        Matter::REQUEST => of_request(request, name),
        Matter::LOOKUP => return look_up(request, name, put),
        Matter::NOTES => return names(request.notes(), put),
        Matter::VARIABLES => return names(request.subprocess_env(), put),
        _ => None,
    };
    given(answer, put)
}

/// Changes something.
pub(super) fn tell(carried: &mut Carried<'_>, matter: Matter, name: &[u8], value: &[u8]) -> Status {
    let request = &carried.request;
    let done = match matter {
        Matter::NOTE => change(request.notes(), name, value),
        Matter::VARIABLE => change(request.subprocess_env(), name, value),
        Matter::USER => request.set_user(value),
        Matter::AUTHENTICATION => request.set_authentication(value),
        Matter::REDIRECT => {
            let possible = carried.unseen.is_none()
                && !carried.outgoing.is_started()
                && value.starts_with(b"/")
                && !value.contains(&0);
            if possible {
                carried.redirect = Some(value.to_vec());
            }
            possible
        }
        _ => return Status::UNKNOWN,
    };
    if done { Status::DONE } else { Status::FAILED }
}

fn given(answer: Option<&[u8]>, put: &mut dyn FnMut(&[u8])) -> Status {
    let Some(answer) = answer else { return Status::UNKNOWN };
    put(answer);
    Status::DONE
}

fn change(table: Table<'_>, name: &[u8], value: &[u8]) -> bool {
    if value.is_empty() {
        table.remove(name);
        return true;
    }
    table.set(name, value)
}

fn names(table: Table<'_>, put: &mut dyn FnMut(&[u8])) -> Status {
    table.entries().for_each(|(name, _)| put(name));
    Status::DONE
}

fn of_server(request: &Request<'_>, name: &[u8], put: &mut dyn FnMut(&[u8])) -> Status {
    let server = request.server();
    let answer = match name {
        b"name" => server.name(),
        b"port" => {
            put(request.server_port().to_string().as_bytes());
            return Status::DONE;
        }
        b"admin" => server.admin(),
        b"document_root" => request.document_root(),
        b"software" => Some(facts::software()),
        b"built" => Some(facts::built()),
        b"mpm" => Some(facts::mpm()),
        b"root" => Some(facts::root()),
        b"error_log" => server.error_log(),
        _ => None,
    };
    given(answer, put)
}

fn of_request<'r>(request: &Request<'r>, name: &[u8]) -> Option<&'r [u8]> {
    match name {
        b"filename" => request.filename(),
        b"handler" => request.handler(),
        b"uri" => request.uri(),
        b"log_id" => request.log_id(),
        b"path_info" => request.path_info(),
        _ => None,
    }
}

fn look_up(request: &Request<'_>, path: &[u8], put: &mut dyn FnMut(&[u8])) -> Status {
    let Some(found) = request.look_up(path) else { return Status::UNKNOWN };
    put(format!("status={}", found.status).as_bytes());
    put(format!("exists={}", u8::from(found.exists)).as_bytes());
    let texts = [
        ("filename", found.filename),
        ("content_type", found.content_type),
        ("handler", found.handler),
        ("path_info", found.path_info),
    ];
    for (key, value) in texts {
        put(&[key.as_bytes(), b"=", &value].concat());
    }
    Status::DONE
}
