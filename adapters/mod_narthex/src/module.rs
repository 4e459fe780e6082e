//! What httpd sees: the record of the module, and every function that it calls.
#![allow(unsafe_code, reason = "httpd calls functions of C")]

use std::{
    cell::UnsafeCell,
    ffi::{c_char, c_int, c_ulong, c_void},
    ptr,
};

use crate::{
    auth::{self, Verdict},
    config::Kind,
    dispatch::{self, Step},
    ffi,
    httpd::{Request, Server, callback::callbacks, configuration, pool::Pool, text},
    life,
    place::Outcome,
};

/// Something that httpd alone writes to, and only while it has one thread.
#[repr(transparent)]
pub(crate) struct Given<T>(UnsafeCell<T>);

// SAFETY: httpd writes to it only while it reads its configuration, by one thread; the strings that it
// points to never change.
unsafe impl<T> Sync for Given<T> {}

/// By this name `LoadModule narthex_module` finds it.
// SAFETY: no other symbol of a process has this name.
#[unsafe(no_mangle)]
pub(crate) static narthex_module: Given<ffi::module> = Given(UnsafeCell::new(ffi::module {
    version: ffi::MODULE_MAGIC_NUMBER_MAJOR.cast_signed(),
    minor_version: ffi::MODULE_MAGIC_NUMBER_MINOR.cast_signed(),
    module_index: -1,
    name: c"mod_narthex.c".as_ptr(),
    dynamic_load_handle: ptr::null_mut(),
    next: ptr::null_mut(),
    magic: ffi::MODULE_MAGIC_COOKIE as c_ulong,
    rewrite_args: None,
    create_dir_config: Some(configuration::create_place),
    merge_dir_config: Some(configuration::merge_places),
    create_server_config: Some(configuration::create_server),
    merge_server_config: None,
    cmds: DIRECTIVES.0.get().cast(),
    register_hooks: Some(register_hooks),
    flags: 0,
}));

/// The directives, and where httpd lets them stand.
static DIRECTIVES: Given<[ffi::command_rec; Kind::ALL.len() + 1]> = Given(UnsafeCell::new({
    let end = ffi::command_rec {
        name: ptr::null(),
        func: ffi::cmd_func { take_argv: None },
        cmd_data: ptr::null_mut(),
        req_override: 0,
        args_how: ffi::cmd_how_TAKE_ARGV,
        errmsg: ptr::null(),
    };
    let mut all = [end; Kind::ALL.len() + 1];
    let mut index = 0;
    while index < Kind::ALL.len() {
        let kind = Kind::ALL[index];
        all[index] = ffi::command_rec {
            name: kind.c_name().as_ptr(),
            func: ffi::cmd_func { take_argv: Some(configuration::directive) },
            cmd_data: ptr::without_provenance_mut(index),
            req_override: places(kind).cast_signed(),
            args_how: ffi::cmd_how_TAKE_ARGV,
            errmsg: kind.usage().as_ptr(),
        };
        index += 1;
    }
    all
}));

/// Where httpd lets a directive stand.
const fn places(kind: Kind) -> u32 {
    match kind {
        Kind::Python | Kind::Group | Kind::Reload => ffi::RSRC_CONF,
        Kind::App | Kind::Process | Kind::Option | Kind::Debug => ffi::OR_FILEINFO,
        Kind::Auth | Kind::Access => ffi::OR_AUTHCFG,
    }
}

/// A list of names of modules, with a null behind. httpd keeps the pointer until it sorts hooks.
type Modules<const N: usize> = Given<[*const c_char; N]>;

/// Those that map paths.
static MAPPERS: Modules<5> = Given(UnsafeCell::new([
    c"mod_alias.c".as_ptr(),
    c"mod_rewrite.c".as_ptr(),
    c"mod_userdir.c".as_ptr(),
    c"mod_proxy.c".as_ptr(),
    ptr::null(),
]));

/// Those that map whatever is left.
static MAPPERS_OF_THE_REST: Modules<2> =
    Given(UnsafeCell::new([c"mod_vhost_alias.c".as_ptr(), ptr::null()]));

/// Those that guess by the name of a file.
static GUESSERS: Modules<4> = Given(UnsafeCell::new([
    c"mod_mime.c".as_ptr(),
    c"mod_mime_magic.c".as_ptr(),
    c"mod_negotiation.c".as_ptr(),
    ptr::null(),
]));

/// The record, as functions of httpd want it.
pub(crate) fn record() -> *mut ffi::module {
    narthex_module.0.get()
}

/// The number of the module, by which httpd finds the level of its log.
pub(crate) fn index() -> c_int {
    // SAFETY: written when the module was loaded.
    unsafe { (*record()).module_index }
}

callbacks! {
    fn register_hooks(pool: *mut ffi::apr_pool_t) -> (), else () => {
        const FIRST: c_int = ffi::APR_HOOK_FIRST.cast_signed();
        const MIDDLE: c_int = ffi::APR_HOOK_MIDDLE.cast_signed();
        const LAST: c_int = ffi::APR_HOOK_LAST.cast_signed();
        let none = ptr::null();
        let (mappers, of_the_rest) = (MAPPERS.0.get(), MAPPERS_OF_THE_REST.0.get());
        let guessers = GUESSERS.0.get();
        // SAFETY: httpd takes hooks now; the lists are there as long as the module.
        unsafe {
            ffi::ap_hook_pre_config(Some(pre_config), none, none, MIDDLE);
            ffi::ap_hook_check_config(Some(check_config), none, none, MIDDLE);
            ffi::ap_hook_post_config(Some(post_config), none, none, MIDDLE);
            ffi::ap_hook_child_init(Some(child_init), none, none, MIDDLE);
            ffi::ap_hook_translate_name(
                Some(translate_name), mappers.cast(), of_the_rest.cast(), MIDDLE,
            );
            ffi::ap_hook_map_to_storage(Some(map_to_storage), none, none, LAST);
            ffi::ap_hook_type_checker(Some(type_checker), none, guessers.cast(), FIRST);
            ffi::ap_hook_fixups(Some(fixups), none, none, FIRST);
            ffi::ap_hook_handler(Some(handler), none, none, MIDDLE);
        }
        register(pool, ffi::AUTHN_PROVIDER_GROUP, ffi::AUTHN_PROVIDER_VERSION, PASSWORDS.0.get().cast());
        register(pool, ffi::AUTHZ_PROVIDER_GROUP, ffi::AUTHZ_PROVIDER_VERSION, ACCESS.0.get().cast());
    }

    fn pre_config(
        _pool: *mut ffi::apr_pool_t, _log: *mut ffi::apr_pool_t, _passing: *mut ffi::apr_pool_t,
    ) -> c_int, else FAILED => {
        status(life::pre_config())
    }

    fn check_config(
        _pool: *mut ffi::apr_pool_t, _log: *mut ffi::apr_pool_t, _passing: *mut ffi::apr_pool_t,
        main: *mut ffi::server_rec,
    ) -> c_int, else FAILED => {
        // SAFETY: the main server, whose configuration has been read.
        status(life::check_config(unsafe { Server::new(main) }))
    }

    fn post_config(
        pool: *mut ffi::apr_pool_t, _log: *mut ffi::apr_pool_t, _passing: *mut ffi::apr_pool_t,
        main: *mut ffi::server_rec,
    ) -> c_int, else FAILED => {
        // SAFETY: the main server, and the pool of its configuration.
        life::post_config(unsafe { Server::new(main) }, unsafe { Pool::new(pool) });
        DONE
    }

    fn child_init(pool: *mut ffi::apr_pool_t, main: *mut ffi::server_rec) -> (), else () => {
        // SAFETY: the main server, and the pool of this child.
        life::child_init(unsafe { Server::new(main) }, unsafe { Pool::new(pool) });
    }

    fn translate_name(request: *mut ffi::request_rec) -> c_int, else FAILED => {
        // SAFETY: a request that this thread serves.
        step(dispatch::translate(&unsafe { Request::new(request) }))
    }

    fn map_to_storage(request: *mut ffi::request_rec) -> c_int, else FAILED => {
        // SAFETY: a request that this thread serves.
        step(dispatch::map_to_storage(&unsafe { Request::new(request) }))
    }

    fn type_checker(request: *mut ffi::request_rec) -> c_int, else FAILED => {
        // SAFETY: a request that this thread serves.
        step(dispatch::check_type(&unsafe { Request::new(request) }))
    }

    fn fixups(request: *mut ffi::request_rec) -> c_int, else FAILED => {
        // SAFETY: a request that this thread serves.
        step(dispatch::fix_up(&unsafe { Request::new(request) }))
    }

    fn handler(request: *mut ffi::request_rec) -> c_int, else FAILED => {
        // SAFETY: a request that this thread serves.
        match dispatch::handle(&unsafe { Request::new(request) }) {
            Outcome::Answered => DONE,
            Outcome::Status(status) => c_int::from(status),
            Outcome::Declined => ffi::DECLINED,
        }
    }
}

/// What `AuthBasicProvider narthex` means.
static PASSWORDS: Given<ffi::authn_provider> = Given(UnsafeCell::new(ffi::authn_provider {
    check_password: Some(check_password),
    get_realm_hash: None,
}));

/// What `Require narthex` means.
static ACCESS: Given<ffi::authz_provider> = Given(UnsafeCell::new(ffi::authz_provider {
    check_authorization: Some(check_access),
    parse_require_line: None,
}));

/// Has httpd know a provider by our name.
fn register(pool: *mut ffi::apr_pool_t, group: &[u8], version: &[u8], provider: *const c_void) {
    // SAFETY: httpd takes providers now; the group and the version end in a NUL, and all but the pool are
    // there as long as the module.
    unsafe {
        ffi::ap_register_auth_provider(
            pool,
            group.as_ptr().cast(),
            c"narthex".as_ptr(),
            version.as_ptr().cast(),
            provider,
            ffi::AP_AUTH_INTERNAL_PER_CONF.cast_signed(),
        );
    }
}

callbacks! {
    fn check_password(
        request: *mut ffi::request_rec, user: *const c_char, password: *const c_char,
    ) -> ffi::authn_status, else ffi::authn_status_AUTH_GENERAL_ERROR => {
        // SAFETY: a request that this thread serves, and strings that are good for the call.
        let (request, user, password) =
            unsafe { (Request::new(request), text::bytes(user), text::bytes(password)) };
        let (user, password) = (user.unwrap_or_default(), password.unwrap_or_default());
        match auth::check_password(&request, user, password) {
            Verdict::Granted => ffi::authn_status_AUTH_GRANTED,
            Verdict::Denied => ffi::authn_status_AUTH_DENIED,
            Verdict::Unknown => ffi::authn_status_AUTH_USER_NOT_FOUND,
            Verdict::Failed => ffi::authn_status_AUTH_GENERAL_ERROR,
        }
    }

    fn check_access(
        request: *mut ffi::request_rec, _line: *const c_char, _parsed: *const c_void,
    ) -> ffi::authz_status, else ffi::authz_status_AUTHZ_GENERAL_ERROR => {
        // SAFETY: a request that this thread serves.
        let request = unsafe { Request::new(request) };
        match auth::check_access(&request) {
            Verdict::Granted => ffi::authz_status_AUTHZ_GRANTED,
            // httpd asks who it is, and then this again.
            Verdict::Denied if request.user().is_none() && request.may_log_in() => {
                ffi::authz_status_AUTHZ_DENIED_NO_USER
            }
            Verdict::Denied => ffi::authz_status_AUTHZ_DENIED,
            Verdict::Unknown | Verdict::Failed => ffi::authz_status_AUTHZ_GENERAL_ERROR,
        }
    }
}

/// `OK`
const DONE: c_int = ffi::OK.cast_signed();

/// `HTTP_INTERNAL_SERVER_ERROR`, which is also what makes httpd not start.
const FAILED: c_int = ffi::HTTP_INTERNAL_SERVER_ERROR.cast_signed();

fn status(good: bool) -> c_int {
    if good { DONE } else { FAILED }
}

fn step(step: Step) -> c_int {
    match step {
        Step::Done => DONE,
        Step::Declined => ffi::DECLINED,
        Step::Status(status) => c_int::from(status),
    }
}
