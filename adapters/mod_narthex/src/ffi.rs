//! The declarations of httpd and APR that the module uses, made from their headers.
//!
//! After a use of another one, `tests/bindings/run --write`.

#[repr(C)]
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct __BindgenBitfieldUnit<Storage> {
    storage: Storage,
}
impl<Storage> __BindgenBitfieldUnit<Storage> {
    #[inline]
    pub const fn new(storage: Storage) -> Self {
        Self { storage }
    }
}
impl<Storage> __BindgenBitfieldUnit<Storage>
where
    Storage: AsRef<[u8]> + AsMut<[u8]>,
{
    #[inline]
    fn extract_bit(byte: u8, index: usize) -> bool {
        let bit_index = if cfg!(target_endian = "big") {
            7 - (index % 8)
        } else {
            index % 8
        };
        let mask = 1 << bit_index;
        byte & mask == mask
    }
    #[inline]
    pub fn get_bit(&self, index: usize) -> bool {
        debug_assert!(index / 8 < self.storage.as_ref().len());
        let byte_index = index / 8;
        let byte = self.storage.as_ref()[byte_index];
        Self::extract_bit(byte, index)
    }
    #[inline]
    pub unsafe fn raw_get_bit(this: *const Self, index: usize) -> bool {
        debug_assert!(index / 8 < core::mem::size_of::<Storage>());
        let byte_index = index / 8;
        let byte = unsafe {
            *(core::ptr::addr_of!((*this).storage) as *const u8)
                .offset(byte_index as isize)
        };
        Self::extract_bit(byte, index)
    }
    #[inline]
    fn change_bit(byte: u8, index: usize, val: bool) -> u8 {
        let bit_index = if cfg!(target_endian = "big") {
            7 - (index % 8)
        } else {
            index % 8
        };
        let mask = 1 << bit_index;
        if val { byte | mask } else { byte & !mask }
    }
    #[inline]
    pub fn set_bit(&mut self, index: usize, val: bool) {
        debug_assert!(index / 8 < self.storage.as_ref().len());
        let byte_index = index / 8;
        let byte = &mut self.storage.as_mut()[byte_index];
        *byte = Self::change_bit(*byte, index, val);
    }
    #[inline]
    pub unsafe fn raw_set_bit(this: *mut Self, index: usize, val: bool) {
        debug_assert!(index / 8 < core::mem::size_of::<Storage>());
        let byte_index = index / 8;
        let byte = unsafe {
            (core::ptr::addr_of_mut!((*this).storage) as *mut u8)
                .offset(byte_index as isize)
        };
        unsafe { *byte = Self::change_bit(*byte, index, val) };
    }
    #[inline]
    pub fn get(&self, bit_offset: usize, bit_width: u8) -> u64 {
        debug_assert!(bit_width <= 64);
        debug_assert!(bit_offset / 8 < self.storage.as_ref().len());
        debug_assert!(
            (bit_offset + (bit_width as usize)) / 8 <= self.storage.as_ref().len(),
        );
        let mut val = 0;
        for i in 0..(bit_width as usize) {
            if self.get_bit(i + bit_offset) {
                let index = if cfg!(target_endian = "big") {
                    bit_width as usize - 1 - i
                } else {
                    i
                };
                val |= 1 << index;
            }
        }
        val
    }
    #[inline]
    pub unsafe fn raw_get(this: *const Self, bit_offset: usize, bit_width: u8) -> u64 {
        debug_assert!(bit_width <= 64);
        debug_assert!(bit_offset / 8 < core::mem::size_of::<Storage>());
        debug_assert!(
            (bit_offset + (bit_width as usize)) / 8 <= core::mem::size_of::<Storage>(),
        );
        let mut val = 0;
        for i in 0..(bit_width as usize) {
            if unsafe { Self::raw_get_bit(this, i + bit_offset) } {
                let index = if cfg!(target_endian = "big") {
                    bit_width as usize - 1 - i
                } else {
                    i
                };
                val |= 1 << index;
            }
        }
        val
    }
    #[inline]
    pub fn set(&mut self, bit_offset: usize, bit_width: u8, val: u64) {
        debug_assert!(bit_width <= 64);
        debug_assert!(bit_offset / 8 < self.storage.as_ref().len());
        debug_assert!(
            (bit_offset + (bit_width as usize)) / 8 <= self.storage.as_ref().len(),
        );
        for i in 0..(bit_width as usize) {
            let mask = 1 << i;
            let val_bit_is_set = val & mask == mask;
            let index = if cfg!(target_endian = "big") {
                bit_width as usize - 1 - i
            } else {
                i
            };
            self.set_bit(index + bit_offset, val_bit_is_set);
        }
    }
    #[inline]
    pub unsafe fn raw_set(this: *mut Self, bit_offset: usize, bit_width: u8, val: u64) {
        debug_assert!(bit_width <= 64);
        debug_assert!(bit_offset / 8 < core::mem::size_of::<Storage>());
        debug_assert!(
            (bit_offset + (bit_width as usize)) / 8 <= core::mem::size_of::<Storage>(),
        );
        for i in 0..(bit_width as usize) {
            let mask = 1 << i;
            let val_bit_is_set = val & mask == mask;
            let index = if cfg!(target_endian = "big") {
                bit_width as usize - 1 - i
            } else {
                i
            };
            unsafe { Self::raw_set_bit(this, index + bit_offset, val_bit_is_set) };
        }
    }
}
pub const APR_TIMEUP: u32 = 70007;
pub const APR_INCOMPLETE: u32 = 70008;
pub const APR_EOF: u32 = 70014;
pub const APR_HOOK_FIRST: u32 = 0;
pub const APR_HOOK_MIDDLE: u32 = 10;
pub const APR_HOOK_LAST: u32 = 20;
pub const MODULE_MAGIC_COOKIE: u32 = 1095774772;
pub const MODULE_MAGIC_NUMBER_MAJOR: u32 = 20120211;
pub const MODULE_MAGIC_NUMBER_MINOR: u32 = 142;
pub const APR_FOPEN_READ: u32 = 1;
pub const APR_SENDFILE_ENABLED: u32 = 4096;
pub const APR_BUCKET_BUFF_SIZE: u32 = 8000;
pub const APR_OC_REASON_DEATH: u32 = 0;
pub const APR_OC_REASON_RESTART: u32 = 2;
pub const APR_OC_REASON_LOST: u32 = 4;
pub const OK: u32 = 0;
pub const DECLINED: i32 = -1;
pub const AP_FILTER_ERROR: i32 = -102;
pub const HTTP_CONTINUE: u32 = 100;
pub const HTTP_INTERNAL_SERVER_ERROR: u32 = 500;
pub const AP_REQ_REJECT_PATH_INFO: u32 = 1;
pub const OR_FILEINFO: u32 = 4;
pub const OR_AUTHCFG: u32 = 8;
pub const RSRC_CONF: u32 = 128;
pub const OPT_EXECCGI: u32 = 8;
pub const AP_SQ_MAIN_STATE: u32 = 0;
pub const AP_SQ_RUN_MODE: u32 = 1;
pub const AP_SQ_MS_CREATE_CONFIG: u32 = 4;
pub const AP_SQ_RM_NORMAL: u32 = 2;
pub const AP_SQ_RM_CONFIG_TEST: u32 = 3;
pub const APLOG_ERR: u32 = 3;
pub const APLOG_STARTUP: u32 = 64;
pub const AP_AUTH_INTERNAL_PER_CONF: u32 = 1;
pub const AP_MPMQ_STOPPING: u32 = 2;
pub const AP_MPMQ_IS_THREADED: u32 = 2;
pub const AP_MPMQ_IS_FORKED: u32 = 3;
pub const AP_MPMQ_MAX_DAEMONS: u32 = 12;
pub const AP_MPMQ_MPM_STATE: u32 = 13;
pub const AP_MPMQ_GENERATION: u32 = 15;
pub const AUTHN_PROVIDER_GROUP: &[u8; 6] = b"authn\0";
pub const AUTHZ_PROVIDER_GROUP: &[u8; 6] = b"authz\0";
pub const AUTHN_PROVIDER_VERSION: &[u8; 2] = b"0\0";
pub const AUTHZ_PROVIDER_VERSION: &[u8; 2] = b"0\0";
pub type __dev_t = ::std::os::raw::c_ulong;
pub type __uid_t = ::std::os::raw::c_uint;
pub type __gid_t = ::std::os::raw::c_uint;
pub type __ino_t = ::std::os::raw::c_ulong;
pub type __off_t = ::std::os::raw::c_long;
pub type __pid_t = ::std::os::raw::c_int;
pub type __rlim_t = ::std::os::raw::c_ulong;
pub type __socklen_t = ::std::os::raw::c_uint;
pub type ino_t = __ino_t;
pub type dev_t = __dev_t;
pub type gid_t = __gid_t;
pub type uid_t = __uid_t;
pub type off_t = __off_t;
pub type pid_t = __pid_t;
pub type socklen_t = __socklen_t;
pub type sa_family_t = ::std::os::raw::c_ushort;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct sockaddr_storage {
    pub ss_family: sa_family_t,
    pub __ss_padding: [::std::os::raw::c_char; 118usize],
    pub __ss_align: ::std::os::raw::c_ulong,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sockaddr_storage"][::std::mem::size_of::<sockaddr_storage>() - 128usize];
    [
        "Alignment of sockaddr_storage",
    ][::std::mem::align_of::<sockaddr_storage>() - 8usize];
    [
        "Offset of field: sockaddr_storage::ss_family",
    ][::std::mem::offset_of!(sockaddr_storage, ss_family) - 0usize];
    [
        "Offset of field: sockaddr_storage::__ss_padding",
    ][::std::mem::offset_of!(sockaddr_storage, __ss_padding) - 2usize];
    [
        "Offset of field: sockaddr_storage::__ss_align",
    ][::std::mem::offset_of!(sockaddr_storage, __ss_align) - 120usize];
};
pub type apr_uint16_t = ::std::os::raw::c_ushort;
pub type apr_int32_t = ::std::os::raw::c_int;
pub type apr_uint32_t = ::std::os::raw::c_uint;
pub type apr_int64_t = i64;
pub type apr_uint64_t = u64;
pub type apr_size_t = usize;
pub type apr_off_t = off_t;
pub type apr_socklen_t = socklen_t;
pub type apr_ino_t = ino_t;
pub type apr_status_t = ::std::os::raw::c_int;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_pool_t {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_thread_mutex_t {
    _unused: [u8; 0],
}
pub type apr_time_t = apr_int64_t;
pub type apr_interval_time_t = apr_int64_t;
unsafe extern "C" {
    pub fn apr_palloc(
        p: *mut apr_pool_t,
        size: apr_size_t,
    ) -> *mut ::std::os::raw::c_void;
}
unsafe extern "C" {
    pub fn apr_pool_userdata_set(
        data: *const ::std::os::raw::c_void,
        key: *const ::std::os::raw::c_char,
        cleanup: ::std::option::Option<
            unsafe extern "C" fn(arg1: *mut ::std::os::raw::c_void) -> apr_status_t,
        >,
        pool: *mut apr_pool_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_pool_userdata_get(
        data: *mut *mut ::std::os::raw::c_void,
        key: *const ::std::os::raw::c_char,
        pool: *mut apr_pool_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_pool_cleanup_register(
        p: *mut apr_pool_t,
        data: *const ::std::os::raw::c_void,
        plain_cleanup: ::std::option::Option<
            unsafe extern "C" fn(arg1: *mut ::std::os::raw::c_void) -> apr_status_t,
        >,
        child_cleanup: ::std::option::Option<
            unsafe extern "C" fn(arg1: *mut ::std::os::raw::c_void) -> apr_status_t,
        >,
    );
}
unsafe extern "C" {
    pub fn apr_pool_cleanup_null(data: *mut ::std::os::raw::c_void) -> apr_status_t;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_table_t {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_array_header_t {
    pub pool: *mut apr_pool_t,
    pub elt_size: ::std::os::raw::c_int,
    pub nelts: ::std::os::raw::c_int,
    pub nalloc: ::std::os::raw::c_int,
    pub elts: *mut ::std::os::raw::c_char,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of apr_array_header_t",
    ][::std::mem::size_of::<apr_array_header_t>() - 32usize];
    [
        "Alignment of apr_array_header_t",
    ][::std::mem::align_of::<apr_array_header_t>() - 8usize];
    [
        "Offset of field: apr_array_header_t::pool",
    ][::std::mem::offset_of!(apr_array_header_t, pool) - 0usize];
    [
        "Offset of field: apr_array_header_t::elt_size",
    ][::std::mem::offset_of!(apr_array_header_t, elt_size) - 8usize];
    [
        "Offset of field: apr_array_header_t::nelts",
    ][::std::mem::offset_of!(apr_array_header_t, nelts) - 12usize];
    [
        "Offset of field: apr_array_header_t::nalloc",
    ][::std::mem::offset_of!(apr_array_header_t, nalloc) - 16usize];
    [
        "Offset of field: apr_array_header_t::elts",
    ][::std::mem::offset_of!(apr_array_header_t, elts) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_table_entry_t {
    pub key: *mut ::std::os::raw::c_char,
    pub val: *mut ::std::os::raw::c_char,
    pub key_checksum: apr_uint32_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_table_entry_t"][::std::mem::size_of::<apr_table_entry_t>() - 24usize];
    [
        "Alignment of apr_table_entry_t",
    ][::std::mem::align_of::<apr_table_entry_t>() - 8usize];
    [
        "Offset of field: apr_table_entry_t::key",
    ][::std::mem::offset_of!(apr_table_entry_t, key) - 0usize];
    [
        "Offset of field: apr_table_entry_t::val",
    ][::std::mem::offset_of!(apr_table_entry_t, val) - 8usize];
    [
        "Offset of field: apr_table_entry_t::key_checksum",
    ][::std::mem::offset_of!(apr_table_entry_t, key_checksum) - 16usize];
};
unsafe extern "C" {
    pub fn apr_table_elts(t: *const apr_table_t) -> *const apr_array_header_t;
}
unsafe extern "C" {
    pub fn apr_table_get(
        t: *const apr_table_t,
        key: *const ::std::os::raw::c_char,
    ) -> *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn apr_table_set(
        t: *mut apr_table_t,
        key: *const ::std::os::raw::c_char,
        val: *const ::std::os::raw::c_char,
    );
}
unsafe extern "C" {
    pub fn apr_table_unset(t: *mut apr_table_t, key: *const ::std::os::raw::c_char);
}
unsafe extern "C" {
    pub fn apr_table_addn(
        t: *mut apr_table_t,
        key: *const ::std::os::raw::c_char,
        val: *const ::std::os::raw::c_char,
    );
}
pub type apr_uid_t = uid_t;
pub type apr_gid_t = gid_t;
pub const apr_filetype_e_APR_NOFILE: apr_filetype_e = 0;
pub const apr_filetype_e_APR_REG: apr_filetype_e = 1;
pub const apr_filetype_e_APR_DIR: apr_filetype_e = 2;
pub const apr_filetype_e_APR_CHR: apr_filetype_e = 3;
pub const apr_filetype_e_APR_BLK: apr_filetype_e = 4;
pub const apr_filetype_e_APR_PIPE: apr_filetype_e = 5;
pub const apr_filetype_e_APR_LNK: apr_filetype_e = 6;
pub const apr_filetype_e_APR_SOCK: apr_filetype_e = 7;
pub const apr_filetype_e_APR_UNKFILE: apr_filetype_e = 127;
pub type apr_filetype_e = ::std::os::raw::c_uint;
pub type apr_fileperms_t = apr_int32_t;
pub type apr_dev_t = dev_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_finfo_t {
    pub pool: *mut apr_pool_t,
    pub valid: apr_int32_t,
    pub protection: apr_fileperms_t,
    pub filetype: apr_filetype_e,
    pub user: apr_uid_t,
    pub group: apr_gid_t,
    pub inode: apr_ino_t,
    pub device: apr_dev_t,
    pub nlink: apr_int32_t,
    pub size: apr_off_t,
    pub csize: apr_off_t,
    pub atime: apr_time_t,
    pub mtime: apr_time_t,
    pub ctime: apr_time_t,
    pub fname: *const ::std::os::raw::c_char,
    pub name: *const ::std::os::raw::c_char,
    pub filehand: *mut apr_file_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_finfo_t"][::std::mem::size_of::<apr_finfo_t>() - 120usize];
    ["Alignment of apr_finfo_t"][::std::mem::align_of::<apr_finfo_t>() - 8usize];
    [
        "Offset of field: apr_finfo_t::pool",
    ][::std::mem::offset_of!(apr_finfo_t, pool) - 0usize];
    [
        "Offset of field: apr_finfo_t::valid",
    ][::std::mem::offset_of!(apr_finfo_t, valid) - 8usize];
    [
        "Offset of field: apr_finfo_t::protection",
    ][::std::mem::offset_of!(apr_finfo_t, protection) - 12usize];
    [
        "Offset of field: apr_finfo_t::filetype",
    ][::std::mem::offset_of!(apr_finfo_t, filetype) - 16usize];
    [
        "Offset of field: apr_finfo_t::user",
    ][::std::mem::offset_of!(apr_finfo_t, user) - 20usize];
    [
        "Offset of field: apr_finfo_t::group",
    ][::std::mem::offset_of!(apr_finfo_t, group) - 24usize];
    [
        "Offset of field: apr_finfo_t::inode",
    ][::std::mem::offset_of!(apr_finfo_t, inode) - 32usize];
    [
        "Offset of field: apr_finfo_t::device",
    ][::std::mem::offset_of!(apr_finfo_t, device) - 40usize];
    [
        "Offset of field: apr_finfo_t::nlink",
    ][::std::mem::offset_of!(apr_finfo_t, nlink) - 48usize];
    [
        "Offset of field: apr_finfo_t::size",
    ][::std::mem::offset_of!(apr_finfo_t, size) - 56usize];
    [
        "Offset of field: apr_finfo_t::csize",
    ][::std::mem::offset_of!(apr_finfo_t, csize) - 64usize];
    [
        "Offset of field: apr_finfo_t::atime",
    ][::std::mem::offset_of!(apr_finfo_t, atime) - 72usize];
    [
        "Offset of field: apr_finfo_t::mtime",
    ][::std::mem::offset_of!(apr_finfo_t, mtime) - 80usize];
    [
        "Offset of field: apr_finfo_t::ctime",
    ][::std::mem::offset_of!(apr_finfo_t, ctime) - 88usize];
    [
        "Offset of field: apr_finfo_t::fname",
    ][::std::mem::offset_of!(apr_finfo_t, fname) - 96usize];
    [
        "Offset of field: apr_finfo_t::name",
    ][::std::mem::offset_of!(apr_finfo_t, name) - 104usize];
    [
        "Offset of field: apr_finfo_t::filehand",
    ][::std::mem::offset_of!(apr_finfo_t, filehand) - 112usize];
};
pub type in_addr_t = u32;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct in_addr {
    pub s_addr: in_addr_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of in_addr"][::std::mem::size_of::<in_addr>() - 4usize];
    ["Alignment of in_addr"][::std::mem::align_of::<in_addr>() - 4usize];
    [
        "Offset of field: in_addr::s_addr",
    ][::std::mem::offset_of!(in_addr, s_addr) - 0usize];
};
pub type in_port_t = u16;
#[repr(C)]
#[derive(Copy, Clone)]
pub struct in6_addr {
    pub __in6_u: in6_addr__bindgen_ty_1,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union in6_addr__bindgen_ty_1 {
    pub __u6_addr8: [u8; 16usize],
    pub __u6_addr16: [u16; 8usize],
    pub __u6_addr32: [u32; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of in6_addr__bindgen_ty_1",
    ][::std::mem::size_of::<in6_addr__bindgen_ty_1>() - 16usize];
    [
        "Alignment of in6_addr__bindgen_ty_1",
    ][::std::mem::align_of::<in6_addr__bindgen_ty_1>() - 4usize];
    [
        "Offset of field: in6_addr__bindgen_ty_1::__u6_addr8",
    ][::std::mem::offset_of!(in6_addr__bindgen_ty_1, __u6_addr8) - 0usize];
    [
        "Offset of field: in6_addr__bindgen_ty_1::__u6_addr16",
    ][::std::mem::offset_of!(in6_addr__bindgen_ty_1, __u6_addr16) - 0usize];
    [
        "Offset of field: in6_addr__bindgen_ty_1::__u6_addr32",
    ][::std::mem::offset_of!(in6_addr__bindgen_ty_1, __u6_addr32) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of in6_addr"][::std::mem::size_of::<in6_addr>() - 16usize];
    ["Alignment of in6_addr"][::std::mem::align_of::<in6_addr>() - 4usize];
    [
        "Offset of field: in6_addr::__in6_u",
    ][::std::mem::offset_of!(in6_addr, __in6_u) - 0usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct sockaddr_in {
    pub sin_family: sa_family_t,
    pub sin_port: in_port_t,
    pub sin_addr: in_addr,
    pub sin_zero: [::std::os::raw::c_uchar; 8usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sockaddr_in"][::std::mem::size_of::<sockaddr_in>() - 16usize];
    ["Alignment of sockaddr_in"][::std::mem::align_of::<sockaddr_in>() - 4usize];
    [
        "Offset of field: sockaddr_in::sin_family",
    ][::std::mem::offset_of!(sockaddr_in, sin_family) - 0usize];
    [
        "Offset of field: sockaddr_in::sin_port",
    ][::std::mem::offset_of!(sockaddr_in, sin_port) - 2usize];
    [
        "Offset of field: sockaddr_in::sin_addr",
    ][::std::mem::offset_of!(sockaddr_in, sin_addr) - 4usize];
    [
        "Offset of field: sockaddr_in::sin_zero",
    ][::std::mem::offset_of!(sockaddr_in, sin_zero) - 8usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sockaddr_in6 {
    pub sin6_family: sa_family_t,
    pub sin6_port: in_port_t,
    pub sin6_flowinfo: u32,
    pub sin6_addr: in6_addr,
    pub sin6_scope_id: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sockaddr_in6"][::std::mem::size_of::<sockaddr_in6>() - 28usize];
    ["Alignment of sockaddr_in6"][::std::mem::align_of::<sockaddr_in6>() - 4usize];
    [
        "Offset of field: sockaddr_in6::sin6_family",
    ][::std::mem::offset_of!(sockaddr_in6, sin6_family) - 0usize];
    [
        "Offset of field: sockaddr_in6::sin6_port",
    ][::std::mem::offset_of!(sockaddr_in6, sin6_port) - 2usize];
    [
        "Offset of field: sockaddr_in6::sin6_flowinfo",
    ][::std::mem::offset_of!(sockaddr_in6, sin6_flowinfo) - 4usize];
    [
        "Offset of field: sockaddr_in6::sin6_addr",
    ][::std::mem::offset_of!(sockaddr_in6, sin6_addr) - 8usize];
    [
        "Offset of field: sockaddr_in6::sin6_scope_id",
    ][::std::mem::offset_of!(sockaddr_in6, sin6_scope_id) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct sockaddr_un {
    pub sun_family: sa_family_t,
    pub sun_path: [::std::os::raw::c_char; 108usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sockaddr_un"][::std::mem::size_of::<sockaddr_un>() - 110usize];
    ["Alignment of sockaddr_un"][::std::mem::align_of::<sockaddr_un>() - 2usize];
    [
        "Offset of field: sockaddr_un::sun_family",
    ][::std::mem::offset_of!(sockaddr_un, sun_family) - 0usize];
    [
        "Offset of field: sockaddr_un::sun_path",
    ][::std::mem::offset_of!(sockaddr_un, sun_path) - 2usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_socket_t {
    _unused: [u8; 0],
}
pub type apr_port_t = apr_uint16_t;
#[repr(C)]
#[derive(Copy, Clone)]
pub struct apr_sockaddr_t {
    pub pool: *mut apr_pool_t,
    pub hostname: *mut ::std::os::raw::c_char,
    pub servname: *mut ::std::os::raw::c_char,
    pub port: apr_port_t,
    pub family: apr_int32_t,
    pub salen: apr_socklen_t,
    pub ipaddr_len: ::std::os::raw::c_int,
    pub addr_str_len: ::std::os::raw::c_int,
    pub ipaddr_ptr: *mut ::std::os::raw::c_void,
    pub next: *mut apr_sockaddr_t,
    pub sa: apr_sockaddr_t__bindgen_ty_1,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union apr_sockaddr_t__bindgen_ty_1 {
    pub sin: sockaddr_in,
    pub sin6: sockaddr_in6,
    pub sas: sockaddr_storage,
    pub unx: sockaddr_un,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of apr_sockaddr_t__bindgen_ty_1",
    ][::std::mem::size_of::<apr_sockaddr_t__bindgen_ty_1>() - 128usize];
    [
        "Alignment of apr_sockaddr_t__bindgen_ty_1",
    ][::std::mem::align_of::<apr_sockaddr_t__bindgen_ty_1>() - 8usize];
    [
        "Offset of field: apr_sockaddr_t__bindgen_ty_1::sin",
    ][::std::mem::offset_of!(apr_sockaddr_t__bindgen_ty_1, sin) - 0usize];
    [
        "Offset of field: apr_sockaddr_t__bindgen_ty_1::sin6",
    ][::std::mem::offset_of!(apr_sockaddr_t__bindgen_ty_1, sin6) - 0usize];
    [
        "Offset of field: apr_sockaddr_t__bindgen_ty_1::sas",
    ][::std::mem::offset_of!(apr_sockaddr_t__bindgen_ty_1, sas) - 0usize];
    [
        "Offset of field: apr_sockaddr_t__bindgen_ty_1::unx",
    ][::std::mem::offset_of!(apr_sockaddr_t__bindgen_ty_1, unx) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_sockaddr_t"][::std::mem::size_of::<apr_sockaddr_t>() - 192usize];
    ["Alignment of apr_sockaddr_t"][::std::mem::align_of::<apr_sockaddr_t>() - 8usize];
    [
        "Offset of field: apr_sockaddr_t::pool",
    ][::std::mem::offset_of!(apr_sockaddr_t, pool) - 0usize];
    [
        "Offset of field: apr_sockaddr_t::hostname",
    ][::std::mem::offset_of!(apr_sockaddr_t, hostname) - 8usize];
    [
        "Offset of field: apr_sockaddr_t::servname",
    ][::std::mem::offset_of!(apr_sockaddr_t, servname) - 16usize];
    [
        "Offset of field: apr_sockaddr_t::port",
    ][::std::mem::offset_of!(apr_sockaddr_t, port) - 24usize];
    [
        "Offset of field: apr_sockaddr_t::family",
    ][::std::mem::offset_of!(apr_sockaddr_t, family) - 28usize];
    [
        "Offset of field: apr_sockaddr_t::salen",
    ][::std::mem::offset_of!(apr_sockaddr_t, salen) - 32usize];
    [
        "Offset of field: apr_sockaddr_t::ipaddr_len",
    ][::std::mem::offset_of!(apr_sockaddr_t, ipaddr_len) - 36usize];
    [
        "Offset of field: apr_sockaddr_t::addr_str_len",
    ][::std::mem::offset_of!(apr_sockaddr_t, addr_str_len) - 40usize];
    [
        "Offset of field: apr_sockaddr_t::ipaddr_ptr",
    ][::std::mem::offset_of!(apr_sockaddr_t, ipaddr_ptr) - 48usize];
    [
        "Offset of field: apr_sockaddr_t::next",
    ][::std::mem::offset_of!(apr_sockaddr_t, next) - 56usize];
    [
        "Offset of field: apr_sockaddr_t::sa",
    ][::std::mem::offset_of!(apr_sockaddr_t, sa) - 64usize];
};
pub const apr_read_type_e_APR_BLOCK_READ: apr_read_type_e = 0;
pub const apr_read_type_e_APR_NONBLOCK_READ: apr_read_type_e = 1;
pub type apr_read_type_e = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_bucket_alloc_t {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_bucket_type_t {
    pub name: *const ::std::os::raw::c_char,
    pub num_func: ::std::os::raw::c_int,
    pub is_metadata: apr_bucket_type_t__bindgen_ty_1,
    pub destroy: ::std::option::Option<
        unsafe extern "C" fn(data: *mut ::std::os::raw::c_void),
    >,
    pub read: ::std::option::Option<
        unsafe extern "C" fn(
            b: *mut apr_bucket,
            str_: *mut *const ::std::os::raw::c_char,
            len: *mut apr_size_t,
            block: apr_read_type_e,
        ) -> apr_status_t,
    >,
    pub setaside: ::std::option::Option<
        unsafe extern "C" fn(e: *mut apr_bucket, pool: *mut apr_pool_t) -> apr_status_t,
    >,
    pub split: ::std::option::Option<
        unsafe extern "C" fn(e: *mut apr_bucket, point: apr_size_t) -> apr_status_t,
    >,
    pub copy: ::std::option::Option<
        unsafe extern "C" fn(e: *mut apr_bucket, c: *mut *mut apr_bucket) -> apr_status_t,
    >,
}
pub const apr_bucket_type_t_APR_BUCKET_DATA: apr_bucket_type_t__bindgen_ty_1 = 0;
pub const apr_bucket_type_t_APR_BUCKET_METADATA: apr_bucket_type_t__bindgen_ty_1 = 1;
pub type apr_bucket_type_t__bindgen_ty_1 = ::std::os::raw::c_uint;
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_bucket_type_t"][::std::mem::size_of::<apr_bucket_type_t>() - 56usize];
    [
        "Alignment of apr_bucket_type_t",
    ][::std::mem::align_of::<apr_bucket_type_t>() - 8usize];
    [
        "Offset of field: apr_bucket_type_t::name",
    ][::std::mem::offset_of!(apr_bucket_type_t, name) - 0usize];
    [
        "Offset of field: apr_bucket_type_t::num_func",
    ][::std::mem::offset_of!(apr_bucket_type_t, num_func) - 8usize];
    [
        "Offset of field: apr_bucket_type_t::is_metadata",
    ][::std::mem::offset_of!(apr_bucket_type_t, is_metadata) - 12usize];
    [
        "Offset of field: apr_bucket_type_t::destroy",
    ][::std::mem::offset_of!(apr_bucket_type_t, destroy) - 16usize];
    [
        "Offset of field: apr_bucket_type_t::read",
    ][::std::mem::offset_of!(apr_bucket_type_t, read) - 24usize];
    [
        "Offset of field: apr_bucket_type_t::setaside",
    ][::std::mem::offset_of!(apr_bucket_type_t, setaside) - 32usize];
    [
        "Offset of field: apr_bucket_type_t::split",
    ][::std::mem::offset_of!(apr_bucket_type_t, split) - 40usize];
    [
        "Offset of field: apr_bucket_type_t::copy",
    ][::std::mem::offset_of!(apr_bucket_type_t, copy) - 48usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_bucket {
    pub link: apr_bucket__bindgen_ty_1,
    pub type_: *const apr_bucket_type_t,
    pub length: apr_size_t,
    pub start: apr_off_t,
    pub data: *mut ::std::os::raw::c_void,
    pub free: ::std::option::Option<
        unsafe extern "C" fn(e: *mut ::std::os::raw::c_void),
    >,
    pub list: *mut apr_bucket_alloc_t,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_bucket__bindgen_ty_1 {
    pub next: *mut apr_bucket,
    pub prev: *mut apr_bucket,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of apr_bucket__bindgen_ty_1",
    ][::std::mem::size_of::<apr_bucket__bindgen_ty_1>() - 16usize];
    [
        "Alignment of apr_bucket__bindgen_ty_1",
    ][::std::mem::align_of::<apr_bucket__bindgen_ty_1>() - 8usize];
    [
        "Offset of field: apr_bucket__bindgen_ty_1::next",
    ][::std::mem::offset_of!(apr_bucket__bindgen_ty_1, next) - 0usize];
    [
        "Offset of field: apr_bucket__bindgen_ty_1::prev",
    ][::std::mem::offset_of!(apr_bucket__bindgen_ty_1, prev) - 8usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_bucket"][::std::mem::size_of::<apr_bucket>() - 64usize];
    ["Alignment of apr_bucket"][::std::mem::align_of::<apr_bucket>() - 8usize];
    [
        "Offset of field: apr_bucket::link",
    ][::std::mem::offset_of!(apr_bucket, link) - 0usize];
    [
        "Offset of field: apr_bucket::type_",
    ][::std::mem::offset_of!(apr_bucket, type_) - 16usize];
    [
        "Offset of field: apr_bucket::length",
    ][::std::mem::offset_of!(apr_bucket, length) - 24usize];
    [
        "Offset of field: apr_bucket::start",
    ][::std::mem::offset_of!(apr_bucket, start) - 32usize];
    [
        "Offset of field: apr_bucket::data",
    ][::std::mem::offset_of!(apr_bucket, data) - 40usize];
    [
        "Offset of field: apr_bucket::free",
    ][::std::mem::offset_of!(apr_bucket, free) - 48usize];
    [
        "Offset of field: apr_bucket::list",
    ][::std::mem::offset_of!(apr_bucket, list) - 56usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_bucket_brigade {
    pub p: *mut apr_pool_t,
    pub list: apr_bucket_brigade_apr_bucket_list,
    pub bucket_alloc: *mut apr_bucket_alloc_t,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_bucket_brigade_apr_bucket_list {
    pub next: *mut apr_bucket,
    pub prev: *mut apr_bucket,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of apr_bucket_brigade_apr_bucket_list",
    ][::std::mem::size_of::<apr_bucket_brigade_apr_bucket_list>() - 16usize];
    [
        "Alignment of apr_bucket_brigade_apr_bucket_list",
    ][::std::mem::align_of::<apr_bucket_brigade_apr_bucket_list>() - 8usize];
    [
        "Offset of field: apr_bucket_brigade_apr_bucket_list::next",
    ][::std::mem::offset_of!(apr_bucket_brigade_apr_bucket_list, next) - 0usize];
    [
        "Offset of field: apr_bucket_brigade_apr_bucket_list::prev",
    ][::std::mem::offset_of!(apr_bucket_brigade_apr_bucket_list, prev) - 8usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of apr_bucket_brigade",
    ][::std::mem::size_of::<apr_bucket_brigade>() - 32usize];
    [
        "Alignment of apr_bucket_brigade",
    ][::std::mem::align_of::<apr_bucket_brigade>() - 8usize];
    [
        "Offset of field: apr_bucket_brigade::p",
    ][::std::mem::offset_of!(apr_bucket_brigade, p) - 0usize];
    [
        "Offset of field: apr_bucket_brigade::list",
    ][::std::mem::offset_of!(apr_bucket_brigade, list) - 8usize];
    [
        "Offset of field: apr_bucket_brigade::bucket_alloc",
    ][::std::mem::offset_of!(apr_bucket_brigade, bucket_alloc) - 24usize];
};
pub type apr_brigade_flush = ::std::option::Option<
    unsafe extern "C" fn(
        bb: *mut apr_bucket_brigade,
        ctx: *mut ::std::os::raw::c_void,
    ) -> apr_status_t,
>;
unsafe extern "C" {
    pub fn apr_brigade_create(
        p: *mut apr_pool_t,
        list: *mut apr_bucket_alloc_t,
    ) -> *mut apr_bucket_brigade;
}
unsafe extern "C" {
    pub fn apr_brigade_cleanup(data: *mut ::std::os::raw::c_void) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_brigade_partition(
        b: *mut apr_bucket_brigade,
        point: apr_off_t,
        after_point: *mut *mut apr_bucket,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_brigade_length(
        bb: *mut apr_bucket_brigade,
        read_all: ::std::os::raw::c_int,
        length: *mut apr_off_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_brigade_flatten(
        bb: *mut apr_bucket_brigade,
        c: *mut ::std::os::raw::c_char,
        len: *mut apr_size_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_brigade_write(
        b: *mut apr_bucket_brigade,
        flush: apr_brigade_flush,
        ctx: *mut ::std::os::raw::c_void,
        str_: *const ::std::os::raw::c_char,
        nbyte: apr_size_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_brigade_insert_file(
        bb: *mut apr_bucket_brigade,
        f: *mut apr_file_t,
        start: apr_off_t,
        len: apr_off_t,
        p: *mut apr_pool_t,
    ) -> *mut apr_bucket;
}
unsafe extern "C" {
    pub static apr_bucket_type_eos: apr_bucket_type_t;
}
unsafe extern "C" {
    pub fn apr_bucket_eos_create(list: *mut apr_bucket_alloc_t) -> *mut apr_bucket;
}
unsafe extern "C" {
    pub fn apr_bucket_flush_create(list: *mut apr_bucket_alloc_t) -> *mut apr_bucket;
}
unsafe extern "C" {
    pub fn apr_bucket_transient_create(
        buf: *const ::std::os::raw::c_char,
        nbyte: apr_size_t,
        list: *mut apr_bucket_alloc_t,
    ) -> *mut apr_bucket;
}
unsafe extern "C" {
    pub fn apr_bucket_heap_create(
        buf: *const ::std::os::raw::c_char,
        nbyte: apr_size_t,
        free_func: ::std::option::Option<
            unsafe extern "C" fn(data: *mut ::std::os::raw::c_void),
        >,
        list: *mut apr_bucket_alloc_t,
    ) -> *mut apr_bucket;
}
unsafe extern "C" {
    pub fn apr_bucket_file_enable_mmap(
        b: *mut apr_bucket,
        enabled: ::std::os::raw::c_int,
    ) -> apr_status_t;
}
pub type rlim_t = __rlim_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct rlimit {
    pub rlim_cur: rlim_t,
    pub rlim_max: rlim_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of rlimit"][::std::mem::size_of::<rlimit>() - 16usize];
    ["Alignment of rlimit"][::std::mem::align_of::<rlimit>() - 8usize];
    [
        "Offset of field: rlimit::rlim_cur",
    ][::std::mem::offset_of!(rlimit, rlim_cur) - 0usize];
    [
        "Offset of field: rlimit::rlim_max",
    ][::std::mem::offset_of!(rlimit, rlim_max) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_proc_t {
    pub pid: pid_t,
    pub in_: *mut apr_file_t,
    pub out: *mut apr_file_t,
    pub err: *mut apr_file_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_proc_t"][::std::mem::size_of::<apr_proc_t>() - 32usize];
    ["Alignment of apr_proc_t"][::std::mem::align_of::<apr_proc_t>() - 8usize];
    [
        "Offset of field: apr_proc_t::pid",
    ][::std::mem::offset_of!(apr_proc_t, pid) - 0usize];
    [
        "Offset of field: apr_proc_t::in_",
    ][::std::mem::offset_of!(apr_proc_t, in_) - 8usize];
    [
        "Offset of field: apr_proc_t::out",
    ][::std::mem::offset_of!(apr_proc_t, out) - 16usize];
    [
        "Offset of field: apr_proc_t::err",
    ][::std::mem::offset_of!(apr_proc_t, err) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_thread_t {
    _unused: [u8; 0],
}
unsafe extern "C" {
    pub fn apr_proc_other_child_register(
        proc_: *mut apr_proc_t,
        maintenance: ::std::option::Option<
            unsafe extern "C" fn(
                reason: ::std::os::raw::c_int,
                arg1: *mut ::std::os::raw::c_void,
                status: ::std::os::raw::c_int,
            ),
        >,
        data: *mut ::std::os::raw::c_void,
        write_fd: *mut apr_file_t,
        p: *mut apr_pool_t,
    );
}
unsafe extern "C" {
    pub fn apr_proc_other_child_unregister(data: *mut ::std::os::raw::c_void);
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_regex_t {
    pub re_pcre: *mut ::std::os::raw::c_void,
    pub re_nsub: ::std::os::raw::c_int,
    pub re_erroffset: apr_size_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_regex_t"][::std::mem::size_of::<ap_regex_t>() - 24usize];
    ["Alignment of ap_regex_t"][::std::mem::align_of::<ap_regex_t>() - 8usize];
    [
        "Offset of field: ap_regex_t::re_pcre",
    ][::std::mem::offset_of!(ap_regex_t, re_pcre) - 0usize];
    [
        "Offset of field: ap_regex_t::re_nsub",
    ][::std::mem::offset_of!(ap_regex_t, re_nsub) - 8usize];
    [
        "Offset of field: ap_regex_t::re_erroffset",
    ][::std::mem::offset_of!(ap_regex_t, re_erroffset) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_version_t {
    pub major: ::std::os::raw::c_int,
    pub minor: ::std::os::raw::c_int,
    pub patch: ::std::os::raw::c_int,
    pub add_string: *const ::std::os::raw::c_char,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_version_t"][::std::mem::size_of::<ap_version_t>() - 24usize];
    ["Alignment of ap_version_t"][::std::mem::align_of::<ap_version_t>() - 8usize];
    [
        "Offset of field: ap_version_t::major",
    ][::std::mem::offset_of!(ap_version_t, major) - 0usize];
    [
        "Offset of field: ap_version_t::minor",
    ][::std::mem::offset_of!(ap_version_t, minor) - 4usize];
    [
        "Offset of field: ap_version_t::patch",
    ][::std::mem::offset_of!(ap_version_t, patch) - 8usize];
    [
        "Offset of field: ap_version_t::add_string",
    ][::std::mem::offset_of!(ap_version_t, add_string) - 16usize];
};
unsafe extern "C" {
    pub fn ap_get_server_revision(version: *mut ap_version_t);
}
unsafe extern "C" {
    pub fn ap_get_server_banner() -> *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn ap_get_server_built() -> *const ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_method_list_t {
    pub method_mask: apr_int64_t,
    pub method_list: *mut apr_array_header_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_method_list_t"][::std::mem::size_of::<ap_method_list_t>() - 16usize];
    [
        "Alignment of ap_method_list_t",
    ][::std::mem::align_of::<ap_method_list_t>() - 8usize];
    [
        "Offset of field: ap_method_list_t::method_mask",
    ][::std::mem::offset_of!(ap_method_list_t, method_mask) - 0usize];
    [
        "Offset of field: ap_method_list_t::method_list",
    ][::std::mem::offset_of!(ap_method_list_t, method_list) - 8usize];
};
pub type ap_request_bnotes_t = apr_uint64_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct htaccess_result {
    pub dir: *const ::std::os::raw::c_char,
    pub override_: ::std::os::raw::c_int,
    pub override_opts: ::std::os::raw::c_int,
    pub override_list: *mut apr_table_t,
    pub htaccess: *mut ap_conf_vector_t,
    pub next: *const htaccess_result,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of htaccess_result"][::std::mem::size_of::<htaccess_result>() - 40usize];
    ["Alignment of htaccess_result"][::std::mem::align_of::<htaccess_result>() - 8usize];
    [
        "Offset of field: htaccess_result::dir",
    ][::std::mem::offset_of!(htaccess_result, dir) - 0usize];
    [
        "Offset of field: htaccess_result::override_",
    ][::std::mem::offset_of!(htaccess_result, override_) - 8usize];
    [
        "Offset of field: htaccess_result::override_opts",
    ][::std::mem::offset_of!(htaccess_result, override_opts) - 12usize];
    [
        "Offset of field: htaccess_result::override_list",
    ][::std::mem::offset_of!(htaccess_result, override_list) - 16usize];
    [
        "Offset of field: htaccess_result::htaccess",
    ][::std::mem::offset_of!(htaccess_result, htaccess) - 24usize];
    [
        "Offset of field: htaccess_result::next",
    ][::std::mem::offset_of!(htaccess_result, next) - 32usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_uri_t {
    pub scheme: *mut ::std::os::raw::c_char,
    pub hostinfo: *mut ::std::os::raw::c_char,
    pub user: *mut ::std::os::raw::c_char,
    pub password: *mut ::std::os::raw::c_char,
    pub hostname: *mut ::std::os::raw::c_char,
    pub port_str: *mut ::std::os::raw::c_char,
    pub path: *mut ::std::os::raw::c_char,
    pub query: *mut ::std::os::raw::c_char,
    pub fragment: *mut ::std::os::raw::c_char,
    pub hostent: *mut hostent,
    pub port: apr_port_t,
    pub _bitfield_align_1: [u8; 0],
    pub _bitfield_1: __BindgenBitfieldUnit<[u8; 1usize]>,
    pub __bindgen_padding_0: [u8; 5usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of apr_uri_t"][::std::mem::size_of::<apr_uri_t>() - 88usize];
    ["Alignment of apr_uri_t"][::std::mem::align_of::<apr_uri_t>() - 8usize];
    [
        "Offset of field: apr_uri_t::scheme",
    ][::std::mem::offset_of!(apr_uri_t, scheme) - 0usize];
    [
        "Offset of field: apr_uri_t::hostinfo",
    ][::std::mem::offset_of!(apr_uri_t, hostinfo) - 8usize];
    [
        "Offset of field: apr_uri_t::user",
    ][::std::mem::offset_of!(apr_uri_t, user) - 16usize];
    [
        "Offset of field: apr_uri_t::password",
    ][::std::mem::offset_of!(apr_uri_t, password) - 24usize];
    [
        "Offset of field: apr_uri_t::hostname",
    ][::std::mem::offset_of!(apr_uri_t, hostname) - 32usize];
    [
        "Offset of field: apr_uri_t::port_str",
    ][::std::mem::offset_of!(apr_uri_t, port_str) - 40usize];
    [
        "Offset of field: apr_uri_t::path",
    ][::std::mem::offset_of!(apr_uri_t, path) - 48usize];
    [
        "Offset of field: apr_uri_t::query",
    ][::std::mem::offset_of!(apr_uri_t, query) - 56usize];
    [
        "Offset of field: apr_uri_t::fragment",
    ][::std::mem::offset_of!(apr_uri_t, fragment) - 64usize];
    [
        "Offset of field: apr_uri_t::hostent",
    ][::std::mem::offset_of!(apr_uri_t, hostent) - 72usize];
    [
        "Offset of field: apr_uri_t::port",
    ][::std::mem::offset_of!(apr_uri_t, port) - 80usize];
};
impl apr_uri_t {
    #[inline]
    pub fn is_initialized(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(0usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_is_initialized(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(0usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn is_initialized_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 0usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_is_initialized_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                0usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn dns_looked_up(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(1usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_dns_looked_up(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(1usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn dns_looked_up_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 1usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_dns_looked_up_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                1usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn dns_resolved(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(2usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_dns_resolved(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(2usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn dns_resolved_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 2usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_dns_resolved_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                2usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn new_bitfield_1(
        is_initialized: ::std::os::raw::c_uint,
        dns_looked_up: ::std::os::raw::c_uint,
        dns_resolved: ::std::os::raw::c_uint,
    ) -> __BindgenBitfieldUnit<[u8; 1usize]> {
        let mut __bindgen_bitfield_unit: __BindgenBitfieldUnit<[u8; 1usize]> = Default::default();
        __bindgen_bitfield_unit
            .set(
                0usize,
                1u8,
                {
                    let is_initialized: u32 = unsafe {
                        ::std::mem::transmute(is_initialized)
                    };
                    is_initialized as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                1usize,
                1u8,
                {
                    let dns_looked_up: u32 = unsafe {
                        ::std::mem::transmute(dns_looked_up)
                    };
                    dns_looked_up as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                2usize,
                1u8,
                {
                    let dns_resolved: u32 = unsafe {
                        ::std::mem::transmute(dns_resolved)
                    };
                    dns_resolved as u64
                },
            );
        __bindgen_bitfield_unit
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct process_rec {
    pub pool: *mut apr_pool_t,
    pub pconf: *mut apr_pool_t,
    pub short_name: *const ::std::os::raw::c_char,
    pub argv: *const *const ::std::os::raw::c_char,
    pub argc: ::std::os::raw::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of process_rec"][::std::mem::size_of::<process_rec>() - 40usize];
    ["Alignment of process_rec"][::std::mem::align_of::<process_rec>() - 8usize];
    [
        "Offset of field: process_rec::pool",
    ][::std::mem::offset_of!(process_rec, pool) - 0usize];
    [
        "Offset of field: process_rec::pconf",
    ][::std::mem::offset_of!(process_rec, pconf) - 8usize];
    [
        "Offset of field: process_rec::short_name",
    ][::std::mem::offset_of!(process_rec, short_name) - 16usize];
    [
        "Offset of field: process_rec::argv",
    ][::std::mem::offset_of!(process_rec, argv) - 24usize];
    [
        "Offset of field: process_rec::argc",
    ][::std::mem::offset_of!(process_rec, argc) - 32usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct request_rec {
    pub pool: *mut apr_pool_t,
    pub connection: *mut conn_rec,
    pub server: *mut server_rec,
    pub next: *mut request_rec,
    pub prev: *mut request_rec,
    pub main: *mut request_rec,
    pub the_request: *mut ::std::os::raw::c_char,
    pub assbackwards: ::std::os::raw::c_int,
    pub proxyreq: ::std::os::raw::c_int,
    pub header_only: ::std::os::raw::c_int,
    pub proto_num: ::std::os::raw::c_int,
    pub protocol: *mut ::std::os::raw::c_char,
    pub hostname: *const ::std::os::raw::c_char,
    pub request_time: apr_time_t,
    pub status_line: *const ::std::os::raw::c_char,
    pub status: ::std::os::raw::c_int,
    pub method_number: ::std::os::raw::c_int,
    pub method: *const ::std::os::raw::c_char,
    pub allowed: apr_int64_t,
    pub allowed_xmethods: *mut apr_array_header_t,
    pub allowed_methods: *mut ap_method_list_t,
    pub sent_bodyct: apr_off_t,
    pub bytes_sent: apr_off_t,
    pub mtime: apr_time_t,
    pub range: *const ::std::os::raw::c_char,
    pub clength: apr_off_t,
    pub chunked: ::std::os::raw::c_int,
    pub read_body: ::std::os::raw::c_int,
    pub read_chunked: ::std::os::raw::c_int,
    pub expecting_100: ::std::os::raw::c_uint,
    pub kept_body: *mut apr_bucket_brigade,
    pub body_table: *mut apr_table_t,
    pub remaining: apr_off_t,
    pub read_length: apr_off_t,
    pub headers_in: *mut apr_table_t,
    pub headers_out: *mut apr_table_t,
    pub err_headers_out: *mut apr_table_t,
    pub subprocess_env: *mut apr_table_t,
    pub notes: *mut apr_table_t,
    pub content_type: *const ::std::os::raw::c_char,
    pub handler: *const ::std::os::raw::c_char,
    pub content_encoding: *const ::std::os::raw::c_char,
    pub content_languages: *mut apr_array_header_t,
    pub vlist_validator: *mut ::std::os::raw::c_char,
    pub user: *mut ::std::os::raw::c_char,
    pub ap_auth_type: *mut ::std::os::raw::c_char,
    pub unparsed_uri: *mut ::std::os::raw::c_char,
    pub uri: *mut ::std::os::raw::c_char,
    pub filename: *mut ::std::os::raw::c_char,
    pub canonical_filename: *mut ::std::os::raw::c_char,
    pub path_info: *mut ::std::os::raw::c_char,
    pub args: *mut ::std::os::raw::c_char,
    pub used_path_info: ::std::os::raw::c_int,
    pub eos_sent: ::std::os::raw::c_int,
    pub per_dir_config: *mut ap_conf_vector_t,
    pub request_config: *mut ap_conf_vector_t,
    pub log: *const ap_logconf,
    pub log_id: *const ::std::os::raw::c_char,
    pub htaccess: *const htaccess_result,
    pub output_filters: *mut ap_filter_t,
    pub input_filters: *mut ap_filter_t,
    pub proto_output_filters: *mut ap_filter_t,
    pub proto_input_filters: *mut ap_filter_t,
    pub no_cache: ::std::os::raw::c_int,
    pub no_local_copy: ::std::os::raw::c_int,
    pub invoke_mtx: *mut apr_thread_mutex_t,
    pub parsed_uri: apr_uri_t,
    pub finfo: apr_finfo_t,
    pub useragent_addr: *mut apr_sockaddr_t,
    pub useragent_ip: *mut ::std::os::raw::c_char,
    pub trailers_in: *mut apr_table_t,
    pub trailers_out: *mut apr_table_t,
    pub useragent_host: *mut ::std::os::raw::c_char,
    pub double_reverse: ::std::os::raw::c_int,
    pub bnotes: ap_request_bnotes_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of request_rec"][::std::mem::size_of::<request_rec>() - 736usize];
    ["Alignment of request_rec"][::std::mem::align_of::<request_rec>() - 8usize];
    [
        "Offset of field: request_rec::pool",
    ][::std::mem::offset_of!(request_rec, pool) - 0usize];
    [
        "Offset of field: request_rec::connection",
    ][::std::mem::offset_of!(request_rec, connection) - 8usize];
    [
        "Offset of field: request_rec::server",
    ][::std::mem::offset_of!(request_rec, server) - 16usize];
    [
        "Offset of field: request_rec::next",
    ][::std::mem::offset_of!(request_rec, next) - 24usize];
    [
        "Offset of field: request_rec::prev",
    ][::std::mem::offset_of!(request_rec, prev) - 32usize];
    [
        "Offset of field: request_rec::main",
    ][::std::mem::offset_of!(request_rec, main) - 40usize];
    [
        "Offset of field: request_rec::the_request",
    ][::std::mem::offset_of!(request_rec, the_request) - 48usize];
    [
        "Offset of field: request_rec::assbackwards",
    ][::std::mem::offset_of!(request_rec, assbackwards) - 56usize];
    [
        "Offset of field: request_rec::proxyreq",
    ][::std::mem::offset_of!(request_rec, proxyreq) - 60usize];
    [
        "Offset of field: request_rec::header_only",
    ][::std::mem::offset_of!(request_rec, header_only) - 64usize];
    [
        "Offset of field: request_rec::proto_num",
    ][::std::mem::offset_of!(request_rec, proto_num) - 68usize];
    [
        "Offset of field: request_rec::protocol",
    ][::std::mem::offset_of!(request_rec, protocol) - 72usize];
    [
        "Offset of field: request_rec::hostname",
    ][::std::mem::offset_of!(request_rec, hostname) - 80usize];
    [
        "Offset of field: request_rec::request_time",
    ][::std::mem::offset_of!(request_rec, request_time) - 88usize];
    [
        "Offset of field: request_rec::status_line",
    ][::std::mem::offset_of!(request_rec, status_line) - 96usize];
    [
        "Offset of field: request_rec::status",
    ][::std::mem::offset_of!(request_rec, status) - 104usize];
    [
        "Offset of field: request_rec::method_number",
    ][::std::mem::offset_of!(request_rec, method_number) - 108usize];
    [
        "Offset of field: request_rec::method",
    ][::std::mem::offset_of!(request_rec, method) - 112usize];
    [
        "Offset of field: request_rec::allowed",
    ][::std::mem::offset_of!(request_rec, allowed) - 120usize];
    [
        "Offset of field: request_rec::allowed_xmethods",
    ][::std::mem::offset_of!(request_rec, allowed_xmethods) - 128usize];
    [
        "Offset of field: request_rec::allowed_methods",
    ][::std::mem::offset_of!(request_rec, allowed_methods) - 136usize];
    [
        "Offset of field: request_rec::sent_bodyct",
    ][::std::mem::offset_of!(request_rec, sent_bodyct) - 144usize];
    [
        "Offset of field: request_rec::bytes_sent",
    ][::std::mem::offset_of!(request_rec, bytes_sent) - 152usize];
    [
        "Offset of field: request_rec::mtime",
    ][::std::mem::offset_of!(request_rec, mtime) - 160usize];
    [
        "Offset of field: request_rec::range",
    ][::std::mem::offset_of!(request_rec, range) - 168usize];
    [
        "Offset of field: request_rec::clength",
    ][::std::mem::offset_of!(request_rec, clength) - 176usize];
    [
        "Offset of field: request_rec::chunked",
    ][::std::mem::offset_of!(request_rec, chunked) - 184usize];
    [
        "Offset of field: request_rec::read_body",
    ][::std::mem::offset_of!(request_rec, read_body) - 188usize];
    [
        "Offset of field: request_rec::read_chunked",
    ][::std::mem::offset_of!(request_rec, read_chunked) - 192usize];
    [
        "Offset of field: request_rec::expecting_100",
    ][::std::mem::offset_of!(request_rec, expecting_100) - 196usize];
    [
        "Offset of field: request_rec::kept_body",
    ][::std::mem::offset_of!(request_rec, kept_body) - 200usize];
    [
        "Offset of field: request_rec::body_table",
    ][::std::mem::offset_of!(request_rec, body_table) - 208usize];
    [
        "Offset of field: request_rec::remaining",
    ][::std::mem::offset_of!(request_rec, remaining) - 216usize];
    [
        "Offset of field: request_rec::read_length",
    ][::std::mem::offset_of!(request_rec, read_length) - 224usize];
    [
        "Offset of field: request_rec::headers_in",
    ][::std::mem::offset_of!(request_rec, headers_in) - 232usize];
    [
        "Offset of field: request_rec::headers_out",
    ][::std::mem::offset_of!(request_rec, headers_out) - 240usize];
    [
        "Offset of field: request_rec::err_headers_out",
    ][::std::mem::offset_of!(request_rec, err_headers_out) - 248usize];
    [
        "Offset of field: request_rec::subprocess_env",
    ][::std::mem::offset_of!(request_rec, subprocess_env) - 256usize];
    [
        "Offset of field: request_rec::notes",
    ][::std::mem::offset_of!(request_rec, notes) - 264usize];
    [
        "Offset of field: request_rec::content_type",
    ][::std::mem::offset_of!(request_rec, content_type) - 272usize];
    [
        "Offset of field: request_rec::handler",
    ][::std::mem::offset_of!(request_rec, handler) - 280usize];
    [
        "Offset of field: request_rec::content_encoding",
    ][::std::mem::offset_of!(request_rec, content_encoding) - 288usize];
    [
        "Offset of field: request_rec::content_languages",
    ][::std::mem::offset_of!(request_rec, content_languages) - 296usize];
    [
        "Offset of field: request_rec::vlist_validator",
    ][::std::mem::offset_of!(request_rec, vlist_validator) - 304usize];
    [
        "Offset of field: request_rec::user",
    ][::std::mem::offset_of!(request_rec, user) - 312usize];
    [
        "Offset of field: request_rec::ap_auth_type",
    ][::std::mem::offset_of!(request_rec, ap_auth_type) - 320usize];
    [
        "Offset of field: request_rec::unparsed_uri",
    ][::std::mem::offset_of!(request_rec, unparsed_uri) - 328usize];
    [
        "Offset of field: request_rec::uri",
    ][::std::mem::offset_of!(request_rec, uri) - 336usize];
    [
        "Offset of field: request_rec::filename",
    ][::std::mem::offset_of!(request_rec, filename) - 344usize];
    [
        "Offset of field: request_rec::canonical_filename",
    ][::std::mem::offset_of!(request_rec, canonical_filename) - 352usize];
    [
        "Offset of field: request_rec::path_info",
    ][::std::mem::offset_of!(request_rec, path_info) - 360usize];
    [
        "Offset of field: request_rec::args",
    ][::std::mem::offset_of!(request_rec, args) - 368usize];
    [
        "Offset of field: request_rec::used_path_info",
    ][::std::mem::offset_of!(request_rec, used_path_info) - 376usize];
    [
        "Offset of field: request_rec::eos_sent",
    ][::std::mem::offset_of!(request_rec, eos_sent) - 380usize];
    [
        "Offset of field: request_rec::per_dir_config",
    ][::std::mem::offset_of!(request_rec, per_dir_config) - 384usize];
    [
        "Offset of field: request_rec::request_config",
    ][::std::mem::offset_of!(request_rec, request_config) - 392usize];
    [
        "Offset of field: request_rec::log",
    ][::std::mem::offset_of!(request_rec, log) - 400usize];
    [
        "Offset of field: request_rec::log_id",
    ][::std::mem::offset_of!(request_rec, log_id) - 408usize];
    [
        "Offset of field: request_rec::htaccess",
    ][::std::mem::offset_of!(request_rec, htaccess) - 416usize];
    [
        "Offset of field: request_rec::output_filters",
    ][::std::mem::offset_of!(request_rec, output_filters) - 424usize];
    [
        "Offset of field: request_rec::input_filters",
    ][::std::mem::offset_of!(request_rec, input_filters) - 432usize];
    [
        "Offset of field: request_rec::proto_output_filters",
    ][::std::mem::offset_of!(request_rec, proto_output_filters) - 440usize];
    [
        "Offset of field: request_rec::proto_input_filters",
    ][::std::mem::offset_of!(request_rec, proto_input_filters) - 448usize];
    [
        "Offset of field: request_rec::no_cache",
    ][::std::mem::offset_of!(request_rec, no_cache) - 456usize];
    [
        "Offset of field: request_rec::no_local_copy",
    ][::std::mem::offset_of!(request_rec, no_local_copy) - 460usize];
    [
        "Offset of field: request_rec::invoke_mtx",
    ][::std::mem::offset_of!(request_rec, invoke_mtx) - 464usize];
    [
        "Offset of field: request_rec::parsed_uri",
    ][::std::mem::offset_of!(request_rec, parsed_uri) - 472usize];
    [
        "Offset of field: request_rec::finfo",
    ][::std::mem::offset_of!(request_rec, finfo) - 560usize];
    [
        "Offset of field: request_rec::useragent_addr",
    ][::std::mem::offset_of!(request_rec, useragent_addr) - 680usize];
    [
        "Offset of field: request_rec::useragent_ip",
    ][::std::mem::offset_of!(request_rec, useragent_ip) - 688usize];
    [
        "Offset of field: request_rec::trailers_in",
    ][::std::mem::offset_of!(request_rec, trailers_in) - 696usize];
    [
        "Offset of field: request_rec::trailers_out",
    ][::std::mem::offset_of!(request_rec, trailers_out) - 704usize];
    [
        "Offset of field: request_rec::useragent_host",
    ][::std::mem::offset_of!(request_rec, useragent_host) - 712usize];
    [
        "Offset of field: request_rec::double_reverse",
    ][::std::mem::offset_of!(request_rec, double_reverse) - 720usize];
    [
        "Offset of field: request_rec::bnotes",
    ][::std::mem::offset_of!(request_rec, bnotes) - 728usize];
};
pub const ap_conn_keepalive_e_AP_CONN_UNKNOWN: ap_conn_keepalive_e = 0;
pub const ap_conn_keepalive_e_AP_CONN_CLOSE: ap_conn_keepalive_e = 1;
pub const ap_conn_keepalive_e_AP_CONN_KEEPALIVE: ap_conn_keepalive_e = 2;
pub type ap_conn_keepalive_e = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct conn_rec {
    pub pool: *mut apr_pool_t,
    pub base_server: *mut server_rec,
    pub vhost_lookup_data: *mut ::std::os::raw::c_void,
    pub local_addr: *mut apr_sockaddr_t,
    pub client_addr: *mut apr_sockaddr_t,
    pub client_ip: *mut ::std::os::raw::c_char,
    pub remote_host: *mut ::std::os::raw::c_char,
    pub remote_logname: *mut ::std::os::raw::c_char,
    pub local_ip: *mut ::std::os::raw::c_char,
    pub local_host: *mut ::std::os::raw::c_char,
    pub id: ::std::os::raw::c_long,
    pub conn_config: *mut ap_conf_vector_t,
    pub notes: *mut apr_table_t,
    pub input_filters: *mut ap_filter_t,
    pub output_filters: *mut ap_filter_t,
    pub sbh: *mut ::std::os::raw::c_void,
    pub bucket_alloc: *mut apr_bucket_alloc_t,
    pub cs: *mut conn_state_t,
    pub data_in_input_filters: ::std::os::raw::c_int,
    pub data_in_output_filters: ::std::os::raw::c_int,
    pub _bitfield_align_1: [u8; 0],
    pub _bitfield_1: __BindgenBitfieldUnit<[u8; 1usize]>,
    pub aborted: ::std::os::raw::c_uint,
    pub keepalive: ap_conn_keepalive_e,
    pub keepalives: ::std::os::raw::c_int,
    pub log: *const ap_logconf,
    pub log_id: *const ::std::os::raw::c_char,
    pub current_thread: *mut apr_thread_t,
    pub master: *mut conn_rec,
    pub outgoing: ::std::os::raw::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of conn_rec"][::std::mem::size_of::<conn_rec>() - 208usize];
    ["Alignment of conn_rec"][::std::mem::align_of::<conn_rec>() - 8usize];
    ["Offset of field: conn_rec::pool"][::std::mem::offset_of!(conn_rec, pool) - 0usize];
    [
        "Offset of field: conn_rec::base_server",
    ][::std::mem::offset_of!(conn_rec, base_server) - 8usize];
    [
        "Offset of field: conn_rec::vhost_lookup_data",
    ][::std::mem::offset_of!(conn_rec, vhost_lookup_data) - 16usize];
    [
        "Offset of field: conn_rec::local_addr",
    ][::std::mem::offset_of!(conn_rec, local_addr) - 24usize];
    [
        "Offset of field: conn_rec::client_addr",
    ][::std::mem::offset_of!(conn_rec, client_addr) - 32usize];
    [
        "Offset of field: conn_rec::client_ip",
    ][::std::mem::offset_of!(conn_rec, client_ip) - 40usize];
    [
        "Offset of field: conn_rec::remote_host",
    ][::std::mem::offset_of!(conn_rec, remote_host) - 48usize];
    [
        "Offset of field: conn_rec::remote_logname",
    ][::std::mem::offset_of!(conn_rec, remote_logname) - 56usize];
    [
        "Offset of field: conn_rec::local_ip",
    ][::std::mem::offset_of!(conn_rec, local_ip) - 64usize];
    [
        "Offset of field: conn_rec::local_host",
    ][::std::mem::offset_of!(conn_rec, local_host) - 72usize];
    ["Offset of field: conn_rec::id"][::std::mem::offset_of!(conn_rec, id) - 80usize];
    [
        "Offset of field: conn_rec::conn_config",
    ][::std::mem::offset_of!(conn_rec, conn_config) - 88usize];
    [
        "Offset of field: conn_rec::notes",
    ][::std::mem::offset_of!(conn_rec, notes) - 96usize];
    [
        "Offset of field: conn_rec::input_filters",
    ][::std::mem::offset_of!(conn_rec, input_filters) - 104usize];
    [
        "Offset of field: conn_rec::output_filters",
    ][::std::mem::offset_of!(conn_rec, output_filters) - 112usize];
    ["Offset of field: conn_rec::sbh"][::std::mem::offset_of!(conn_rec, sbh) - 120usize];
    [
        "Offset of field: conn_rec::bucket_alloc",
    ][::std::mem::offset_of!(conn_rec, bucket_alloc) - 128usize];
    ["Offset of field: conn_rec::cs"][::std::mem::offset_of!(conn_rec, cs) - 136usize];
    [
        "Offset of field: conn_rec::data_in_input_filters",
    ][::std::mem::offset_of!(conn_rec, data_in_input_filters) - 144usize];
    [
        "Offset of field: conn_rec::data_in_output_filters",
    ][::std::mem::offset_of!(conn_rec, data_in_output_filters) - 148usize];
    [
        "Offset of field: conn_rec::aborted",
    ][::std::mem::offset_of!(conn_rec, aborted) - 156usize];
    [
        "Offset of field: conn_rec::keepalive",
    ][::std::mem::offset_of!(conn_rec, keepalive) - 160usize];
    [
        "Offset of field: conn_rec::keepalives",
    ][::std::mem::offset_of!(conn_rec, keepalives) - 164usize];
    ["Offset of field: conn_rec::log"][::std::mem::offset_of!(conn_rec, log) - 168usize];
    [
        "Offset of field: conn_rec::log_id",
    ][::std::mem::offset_of!(conn_rec, log_id) - 176usize];
    [
        "Offset of field: conn_rec::current_thread",
    ][::std::mem::offset_of!(conn_rec, current_thread) - 184usize];
    [
        "Offset of field: conn_rec::master",
    ][::std::mem::offset_of!(conn_rec, master) - 192usize];
    [
        "Offset of field: conn_rec::outgoing",
    ][::std::mem::offset_of!(conn_rec, outgoing) - 200usize];
};
impl conn_rec {
    #[inline]
    pub fn clogging_input_filters(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(0usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_clogging_input_filters(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(0usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn clogging_input_filters_raw(
        this: *const Self,
    ) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 0usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_clogging_input_filters_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                0usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn double_reverse(&self) -> ::std::os::raw::c_int {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(1usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_double_reverse(&mut self, val: ::std::os::raw::c_int) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(1usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn double_reverse_raw(this: *const Self) -> ::std::os::raw::c_int {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 1usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_double_reverse_raw(this: *mut Self, val: ::std::os::raw::c_int) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                1usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn new_bitfield_1(
        clogging_input_filters: ::std::os::raw::c_uint,
        double_reverse: ::std::os::raw::c_int,
    ) -> __BindgenBitfieldUnit<[u8; 1usize]> {
        let mut __bindgen_bitfield_unit: __BindgenBitfieldUnit<[u8; 1usize]> = Default::default();
        __bindgen_bitfield_unit
            .set(
                0usize,
                1u8,
                {
                    let clogging_input_filters: u32 = unsafe {
                        ::std::mem::transmute(clogging_input_filters)
                    };
                    clogging_input_filters as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                1usize,
                2u8,
                {
                    let double_reverse: u32 = unsafe {
                        ::std::mem::transmute(double_reverse)
                    };
                    double_reverse as u64
                },
            );
        __bindgen_bitfield_unit
    }
}
pub const conn_state_e_CONN_STATE_KEEPALIVE: conn_state_e = 0;
pub const conn_state_e_CONN_STATE_PROCESSING: conn_state_e = 1;
pub const conn_state_e_CONN_STATE_HANDLER: conn_state_e = 2;
pub const conn_state_e_CONN_STATE_WRITE_COMPLETION: conn_state_e = 3;
pub const conn_state_e_CONN_STATE_SUSPENDED: conn_state_e = 4;
pub const conn_state_e_CONN_STATE_LINGER: conn_state_e = 5;
pub const conn_state_e_CONN_STATE_LINGER_NORMAL: conn_state_e = 6;
pub const conn_state_e_CONN_STATE_LINGER_SHORT: conn_state_e = 7;
pub const conn_state_e_CONN_STATE_ASYNC_WAITIO: conn_state_e = 8;
pub const conn_state_e_CONN_STATE_NUM: conn_state_e = 9;
pub const conn_state_e_CONN_STATE_CHECK_REQUEST_LINE_READABLE: conn_state_e = 0;
pub const conn_state_e_CONN_STATE_READ_REQUEST_LINE: conn_state_e = 1;
pub type conn_state_e = ::std::os::raw::c_uint;
pub const conn_sense_e_CONN_SENSE_DEFAULT: conn_sense_e = 0;
pub const conn_sense_e_CONN_SENSE_WANT_READ: conn_sense_e = 1;
pub const conn_sense_e_CONN_SENSE_WANT_WRITE: conn_sense_e = 2;
pub type conn_sense_e = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct conn_state_t {
    pub state: conn_state_e,
    pub sense: conn_sense_e,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of conn_state_t"][::std::mem::size_of::<conn_state_t>() - 8usize];
    ["Alignment of conn_state_t"][::std::mem::align_of::<conn_state_t>() - 4usize];
    [
        "Offset of field: conn_state_t::state",
    ][::std::mem::offset_of!(conn_state_t, state) - 0usize];
    [
        "Offset of field: conn_state_t::sense",
    ][::std::mem::offset_of!(conn_state_t, sense) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct server_addr_rec {
    pub next: *mut server_addr_rec,
    pub virthost: *mut ::std::os::raw::c_char,
    pub host_addr: *mut apr_sockaddr_t,
    pub host_port: apr_port_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of server_addr_rec"][::std::mem::size_of::<server_addr_rec>() - 32usize];
    ["Alignment of server_addr_rec"][::std::mem::align_of::<server_addr_rec>() - 8usize];
    [
        "Offset of field: server_addr_rec::next",
    ][::std::mem::offset_of!(server_addr_rec, next) - 0usize];
    [
        "Offset of field: server_addr_rec::virthost",
    ][::std::mem::offset_of!(server_addr_rec, virthost) - 8usize];
    [
        "Offset of field: server_addr_rec::host_addr",
    ][::std::mem::offset_of!(server_addr_rec, host_addr) - 16usize];
    [
        "Offset of field: server_addr_rec::host_port",
    ][::std::mem::offset_of!(server_addr_rec, host_port) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_logconf {
    pub module_levels: *mut ::std::os::raw::c_schar,
    pub level: ::std::os::raw::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_logconf"][::std::mem::size_of::<ap_logconf>() - 16usize];
    ["Alignment of ap_logconf"][::std::mem::align_of::<ap_logconf>() - 8usize];
    [
        "Offset of field: ap_logconf::module_levels",
    ][::std::mem::offset_of!(ap_logconf, module_levels) - 0usize];
    [
        "Offset of field: ap_logconf::level",
    ][::std::mem::offset_of!(ap_logconf, level) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct server_rec {
    pub process: *mut process_rec,
    pub next: *mut server_rec,
    pub error_fname: *mut ::std::os::raw::c_char,
    pub error_log: *mut apr_file_t,
    pub log: ap_logconf,
    pub module_config: *mut ap_conf_vector_t,
    pub lookup_defaults: *mut ap_conf_vector_t,
    pub defn_name: *const ::std::os::raw::c_char,
    pub defn_line_number: ::std::os::raw::c_uint,
    pub is_virtual: ::std::os::raw::c_char,
    pub port: apr_port_t,
    pub server_scheme: *const ::std::os::raw::c_char,
    pub server_admin: *mut ::std::os::raw::c_char,
    pub server_hostname: *mut ::std::os::raw::c_char,
    pub addrs: *mut server_addr_rec,
    pub timeout: apr_interval_time_t,
    pub keep_alive_timeout: apr_interval_time_t,
    pub keep_alive_max: ::std::os::raw::c_int,
    pub keep_alive: ::std::os::raw::c_int,
    pub names: *mut apr_array_header_t,
    pub wild_names: *mut apr_array_header_t,
    pub path: *const ::std::os::raw::c_char,
    pub pathlen: ::std::os::raw::c_int,
    pub limit_req_line: ::std::os::raw::c_int,
    pub limit_req_fieldsize: ::std::os::raw::c_int,
    pub limit_req_fields: ::std::os::raw::c_int,
    pub context: *mut ::std::os::raw::c_void,
    pub _bitfield_align_1: [u8; 0],
    pub _bitfield_1: __BindgenBitfieldUnit<[u8; 1usize]>,
    pub __bindgen_padding_0: [u8; 7usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of server_rec"][::std::mem::size_of::<server_rec>() - 192usize];
    ["Alignment of server_rec"][::std::mem::align_of::<server_rec>() - 8usize];
    [
        "Offset of field: server_rec::process",
    ][::std::mem::offset_of!(server_rec, process) - 0usize];
    [
        "Offset of field: server_rec::next",
    ][::std::mem::offset_of!(server_rec, next) - 8usize];
    [
        "Offset of field: server_rec::error_fname",
    ][::std::mem::offset_of!(server_rec, error_fname) - 16usize];
    [
        "Offset of field: server_rec::error_log",
    ][::std::mem::offset_of!(server_rec, error_log) - 24usize];
    [
        "Offset of field: server_rec::log",
    ][::std::mem::offset_of!(server_rec, log) - 32usize];
    [
        "Offset of field: server_rec::module_config",
    ][::std::mem::offset_of!(server_rec, module_config) - 48usize];
    [
        "Offset of field: server_rec::lookup_defaults",
    ][::std::mem::offset_of!(server_rec, lookup_defaults) - 56usize];
    [
        "Offset of field: server_rec::defn_name",
    ][::std::mem::offset_of!(server_rec, defn_name) - 64usize];
    [
        "Offset of field: server_rec::defn_line_number",
    ][::std::mem::offset_of!(server_rec, defn_line_number) - 72usize];
    [
        "Offset of field: server_rec::is_virtual",
    ][::std::mem::offset_of!(server_rec, is_virtual) - 76usize];
    [
        "Offset of field: server_rec::port",
    ][::std::mem::offset_of!(server_rec, port) - 78usize];
    [
        "Offset of field: server_rec::server_scheme",
    ][::std::mem::offset_of!(server_rec, server_scheme) - 80usize];
    [
        "Offset of field: server_rec::server_admin",
    ][::std::mem::offset_of!(server_rec, server_admin) - 88usize];
    [
        "Offset of field: server_rec::server_hostname",
    ][::std::mem::offset_of!(server_rec, server_hostname) - 96usize];
    [
        "Offset of field: server_rec::addrs",
    ][::std::mem::offset_of!(server_rec, addrs) - 104usize];
    [
        "Offset of field: server_rec::timeout",
    ][::std::mem::offset_of!(server_rec, timeout) - 112usize];
    [
        "Offset of field: server_rec::keep_alive_timeout",
    ][::std::mem::offset_of!(server_rec, keep_alive_timeout) - 120usize];
    [
        "Offset of field: server_rec::keep_alive_max",
    ][::std::mem::offset_of!(server_rec, keep_alive_max) - 128usize];
    [
        "Offset of field: server_rec::keep_alive",
    ][::std::mem::offset_of!(server_rec, keep_alive) - 132usize];
    [
        "Offset of field: server_rec::names",
    ][::std::mem::offset_of!(server_rec, names) - 136usize];
    [
        "Offset of field: server_rec::wild_names",
    ][::std::mem::offset_of!(server_rec, wild_names) - 144usize];
    [
        "Offset of field: server_rec::path",
    ][::std::mem::offset_of!(server_rec, path) - 152usize];
    [
        "Offset of field: server_rec::pathlen",
    ][::std::mem::offset_of!(server_rec, pathlen) - 160usize];
    [
        "Offset of field: server_rec::limit_req_line",
    ][::std::mem::offset_of!(server_rec, limit_req_line) - 164usize];
    [
        "Offset of field: server_rec::limit_req_fieldsize",
    ][::std::mem::offset_of!(server_rec, limit_req_fieldsize) - 168usize];
    [
        "Offset of field: server_rec::limit_req_fields",
    ][::std::mem::offset_of!(server_rec, limit_req_fields) - 172usize];
    [
        "Offset of field: server_rec::context",
    ][::std::mem::offset_of!(server_rec, context) - 176usize];
};
impl server_rec {
    #[inline]
    pub fn keep_alive_timeout_set(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(0usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_keep_alive_timeout_set(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(0usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn keep_alive_timeout_set_raw(
        this: *const Self,
    ) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 0usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_keep_alive_timeout_set_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                0usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn new_bitfield_1(
        keep_alive_timeout_set: ::std::os::raw::c_uint,
    ) -> __BindgenBitfieldUnit<[u8; 1usize]> {
        let mut __bindgen_bitfield_unit: __BindgenBitfieldUnit<[u8; 1usize]> = Default::default();
        __bindgen_bitfield_unit
            .set(
                0usize,
                1u8,
                {
                    let keep_alive_timeout_set: u32 = unsafe {
                        ::std::mem::transmute(keep_alive_timeout_set)
                    };
                    keep_alive_timeout_set as u64
                },
            );
        __bindgen_bitfield_unit
    }
}
unsafe extern "C" {
    pub fn ap_context_prefix(r: *mut request_rec) -> *const ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_directive_t {
    pub directive: *const ::std::os::raw::c_char,
    pub args: *const ::std::os::raw::c_char,
    pub next: *mut ap_directive_t,
    pub first_child: *mut ap_directive_t,
    pub parent: *mut ap_directive_t,
    pub data: *mut ::std::os::raw::c_void,
    pub filename: *const ::std::os::raw::c_char,
    pub line_num: ::std::os::raw::c_int,
    pub last: *mut ap_directive_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_directive_t"][::std::mem::size_of::<ap_directive_t>() - 72usize];
    ["Alignment of ap_directive_t"][::std::mem::align_of::<ap_directive_t>() - 8usize];
    [
        "Offset of field: ap_directive_t::directive",
    ][::std::mem::offset_of!(ap_directive_t, directive) - 0usize];
    [
        "Offset of field: ap_directive_t::args",
    ][::std::mem::offset_of!(ap_directive_t, args) - 8usize];
    [
        "Offset of field: ap_directive_t::next",
    ][::std::mem::offset_of!(ap_directive_t, next) - 16usize];
    [
        "Offset of field: ap_directive_t::first_child",
    ][::std::mem::offset_of!(ap_directive_t, first_child) - 24usize];
    [
        "Offset of field: ap_directive_t::parent",
    ][::std::mem::offset_of!(ap_directive_t, parent) - 32usize];
    [
        "Offset of field: ap_directive_t::data",
    ][::std::mem::offset_of!(ap_directive_t, data) - 40usize];
    [
        "Offset of field: ap_directive_t::filename",
    ][::std::mem::offset_of!(ap_directive_t, filename) - 48usize];
    [
        "Offset of field: ap_directive_t::line_num",
    ][::std::mem::offset_of!(ap_directive_t, line_num) - 56usize];
    [
        "Offset of field: ap_directive_t::last",
    ][::std::mem::offset_of!(ap_directive_t, last) - 64usize];
};
unsafe extern "C" {
    pub static mut ap_conftree: *mut ap_directive_t;
}
pub const cmd_how_RAW_ARGS: cmd_how = 0;
pub const cmd_how_TAKE1: cmd_how = 1;
pub const cmd_how_TAKE2: cmd_how = 2;
pub const cmd_how_ITERATE: cmd_how = 3;
pub const cmd_how_ITERATE2: cmd_how = 4;
pub const cmd_how_FLAG: cmd_how = 5;
pub const cmd_how_NO_ARGS: cmd_how = 6;
pub const cmd_how_TAKE12: cmd_how = 7;
pub const cmd_how_TAKE3: cmd_how = 8;
pub const cmd_how_TAKE23: cmd_how = 9;
pub const cmd_how_TAKE123: cmd_how = 10;
pub const cmd_how_TAKE13: cmd_how = 11;
pub const cmd_how_TAKE_ARGV: cmd_how = 12;
pub type cmd_how = ::std::os::raw::c_uint;
pub type cmd_parms = cmd_parms_struct;
#[repr(C)]
#[derive(Copy, Clone)]
pub union cmd_func {
    pub no_args: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
        ) -> *const ::std::os::raw::c_char,
    >,
    pub raw_args: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
            args: *const ::std::os::raw::c_char,
        ) -> *const ::std::os::raw::c_char,
    >,
    pub take_argv: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
            argc: ::std::os::raw::c_int,
            argv: *const *mut ::std::os::raw::c_char,
        ) -> *const ::std::os::raw::c_char,
    >,
    pub take1: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
            w: *const ::std::os::raw::c_char,
        ) -> *const ::std::os::raw::c_char,
    >,
    pub take2: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
            w: *const ::std::os::raw::c_char,
            w2: *const ::std::os::raw::c_char,
        ) -> *const ::std::os::raw::c_char,
    >,
    pub take3: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
            w: *const ::std::os::raw::c_char,
            w2: *const ::std::os::raw::c_char,
            w3: *const ::std::os::raw::c_char,
        ) -> *const ::std::os::raw::c_char,
    >,
    pub flag: ::std::option::Option<
        unsafe extern "C" fn(
            parms: *mut cmd_parms,
            mconfig: *mut ::std::os::raw::c_void,
            on: ::std::os::raw::c_int,
        ) -> *const ::std::os::raw::c_char,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of cmd_func"][::std::mem::size_of::<cmd_func>() - 8usize];
    ["Alignment of cmd_func"][::std::mem::align_of::<cmd_func>() - 8usize];
    [
        "Offset of field: cmd_func::no_args",
    ][::std::mem::offset_of!(cmd_func, no_args) - 0usize];
    [
        "Offset of field: cmd_func::raw_args",
    ][::std::mem::offset_of!(cmd_func, raw_args) - 0usize];
    [
        "Offset of field: cmd_func::take_argv",
    ][::std::mem::offset_of!(cmd_func, take_argv) - 0usize];
    [
        "Offset of field: cmd_func::take1",
    ][::std::mem::offset_of!(cmd_func, take1) - 0usize];
    [
        "Offset of field: cmd_func::take2",
    ][::std::mem::offset_of!(cmd_func, take2) - 0usize];
    [
        "Offset of field: cmd_func::take3",
    ][::std::mem::offset_of!(cmd_func, take3) - 0usize];
    ["Offset of field: cmd_func::flag"][::std::mem::offset_of!(cmd_func, flag) - 0usize];
};
pub type command_rec = command_struct;
#[repr(C)]
#[derive(Copy, Clone)]
pub struct command_struct {
    pub name: *const ::std::os::raw::c_char,
    pub func: cmd_func,
    pub cmd_data: *mut ::std::os::raw::c_void,
    pub req_override: ::std::os::raw::c_int,
    pub args_how: cmd_how,
    pub errmsg: *const ::std::os::raw::c_char,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of command_struct"][::std::mem::size_of::<command_struct>() - 40usize];
    ["Alignment of command_struct"][::std::mem::align_of::<command_struct>() - 8usize];
    [
        "Offset of field: command_struct::name",
    ][::std::mem::offset_of!(command_struct, name) - 0usize];
    [
        "Offset of field: command_struct::func",
    ][::std::mem::offset_of!(command_struct, func) - 8usize];
    [
        "Offset of field: command_struct::cmd_data",
    ][::std::mem::offset_of!(command_struct, cmd_data) - 16usize];
    [
        "Offset of field: command_struct::req_override",
    ][::std::mem::offset_of!(command_struct, req_override) - 24usize];
    [
        "Offset of field: command_struct::args_how",
    ][::std::mem::offset_of!(command_struct, args_how) - 28usize];
    [
        "Offset of field: command_struct::errmsg",
    ][::std::mem::offset_of!(command_struct, errmsg) - 32usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_configfile_t {
    pub getch: ::std::option::Option<
        unsafe extern "C" fn(
            ch: *mut ::std::os::raw::c_char,
            param: *mut ::std::os::raw::c_void,
        ) -> apr_status_t,
    >,
    pub getstr: ::std::option::Option<
        unsafe extern "C" fn(
            buf: *mut ::std::os::raw::c_void,
            bufsiz: apr_size_t,
            param: *mut ::std::os::raw::c_void,
        ) -> apr_status_t,
    >,
    pub close: ::std::option::Option<
        unsafe extern "C" fn(param: *mut ::std::os::raw::c_void) -> apr_status_t,
    >,
    pub param: *mut ::std::os::raw::c_void,
    pub name: *const ::std::os::raw::c_char,
    pub line_number: ::std::os::raw::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_configfile_t"][::std::mem::size_of::<ap_configfile_t>() - 48usize];
    ["Alignment of ap_configfile_t"][::std::mem::align_of::<ap_configfile_t>() - 8usize];
    [
        "Offset of field: ap_configfile_t::getch",
    ][::std::mem::offset_of!(ap_configfile_t, getch) - 0usize];
    [
        "Offset of field: ap_configfile_t::getstr",
    ][::std::mem::offset_of!(ap_configfile_t, getstr) - 8usize];
    [
        "Offset of field: ap_configfile_t::close",
    ][::std::mem::offset_of!(ap_configfile_t, close) - 16usize];
    [
        "Offset of field: ap_configfile_t::param",
    ][::std::mem::offset_of!(ap_configfile_t, param) - 24usize];
    [
        "Offset of field: ap_configfile_t::name",
    ][::std::mem::offset_of!(ap_configfile_t, name) - 32usize];
    [
        "Offset of field: ap_configfile_t::line_number",
    ][::std::mem::offset_of!(ap_configfile_t, line_number) - 40usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct cmd_parms_struct {
    pub info: *mut ::std::os::raw::c_void,
    pub override_: ::std::os::raw::c_int,
    pub override_opts: ::std::os::raw::c_int,
    pub override_list: *mut apr_table_t,
    pub limited: apr_int64_t,
    pub limited_xmethods: *mut apr_array_header_t,
    pub xlimited: *mut ap_method_list_t,
    pub config_file: *mut ap_configfile_t,
    pub directive: *mut ap_directive_t,
    pub pool: *mut apr_pool_t,
    pub temp_pool: *mut apr_pool_t,
    pub server: *mut server_rec,
    pub path: *mut ::std::os::raw::c_char,
    pub cmd: *const command_rec,
    pub context: *mut ap_conf_vector_t,
    pub err_directive: *const ap_directive_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of cmd_parms_struct"][::std::mem::size_of::<cmd_parms_struct>() - 120usize];
    [
        "Alignment of cmd_parms_struct",
    ][::std::mem::align_of::<cmd_parms_struct>() - 8usize];
    [
        "Offset of field: cmd_parms_struct::info",
    ][::std::mem::offset_of!(cmd_parms_struct, info) - 0usize];
    [
        "Offset of field: cmd_parms_struct::override_",
    ][::std::mem::offset_of!(cmd_parms_struct, override_) - 8usize];
    [
        "Offset of field: cmd_parms_struct::override_opts",
    ][::std::mem::offset_of!(cmd_parms_struct, override_opts) - 12usize];
    [
        "Offset of field: cmd_parms_struct::override_list",
    ][::std::mem::offset_of!(cmd_parms_struct, override_list) - 16usize];
    [
        "Offset of field: cmd_parms_struct::limited",
    ][::std::mem::offset_of!(cmd_parms_struct, limited) - 24usize];
    [
        "Offset of field: cmd_parms_struct::limited_xmethods",
    ][::std::mem::offset_of!(cmd_parms_struct, limited_xmethods) - 32usize];
    [
        "Offset of field: cmd_parms_struct::xlimited",
    ][::std::mem::offset_of!(cmd_parms_struct, xlimited) - 40usize];
    [
        "Offset of field: cmd_parms_struct::config_file",
    ][::std::mem::offset_of!(cmd_parms_struct, config_file) - 48usize];
    [
        "Offset of field: cmd_parms_struct::directive",
    ][::std::mem::offset_of!(cmd_parms_struct, directive) - 56usize];
    [
        "Offset of field: cmd_parms_struct::pool",
    ][::std::mem::offset_of!(cmd_parms_struct, pool) - 64usize];
    [
        "Offset of field: cmd_parms_struct::temp_pool",
    ][::std::mem::offset_of!(cmd_parms_struct, temp_pool) - 72usize];
    [
        "Offset of field: cmd_parms_struct::server",
    ][::std::mem::offset_of!(cmd_parms_struct, server) - 80usize];
    [
        "Offset of field: cmd_parms_struct::path",
    ][::std::mem::offset_of!(cmd_parms_struct, path) - 88usize];
    [
        "Offset of field: cmd_parms_struct::cmd",
    ][::std::mem::offset_of!(cmd_parms_struct, cmd) - 96usize];
    [
        "Offset of field: cmd_parms_struct::context",
    ][::std::mem::offset_of!(cmd_parms_struct, context) - 104usize];
    [
        "Offset of field: cmd_parms_struct::err_directive",
    ][::std::mem::offset_of!(cmd_parms_struct, err_directive) - 112usize];
};
pub type module = module_struct;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct module_struct {
    pub version: ::std::os::raw::c_int,
    pub minor_version: ::std::os::raw::c_int,
    pub module_index: ::std::os::raw::c_int,
    pub name: *const ::std::os::raw::c_char,
    pub dynamic_load_handle: *mut ::std::os::raw::c_void,
    pub next: *mut module_struct,
    pub magic: ::std::os::raw::c_ulong,
    pub rewrite_args: ::std::option::Option<
        unsafe extern "C" fn(process: *mut process_rec),
    >,
    pub create_dir_config: ::std::option::Option<
        unsafe extern "C" fn(
            p: *mut apr_pool_t,
            dir: *mut ::std::os::raw::c_char,
        ) -> *mut ::std::os::raw::c_void,
    >,
    pub merge_dir_config: ::std::option::Option<
        unsafe extern "C" fn(
            p: *mut apr_pool_t,
            base_conf: *mut ::std::os::raw::c_void,
            new_conf: *mut ::std::os::raw::c_void,
        ) -> *mut ::std::os::raw::c_void,
    >,
    pub create_server_config: ::std::option::Option<
        unsafe extern "C" fn(
            p: *mut apr_pool_t,
            s: *mut server_rec,
        ) -> *mut ::std::os::raw::c_void,
    >,
    pub merge_server_config: ::std::option::Option<
        unsafe extern "C" fn(
            p: *mut apr_pool_t,
            base_conf: *mut ::std::os::raw::c_void,
            new_conf: *mut ::std::os::raw::c_void,
        ) -> *mut ::std::os::raw::c_void,
    >,
    pub cmds: *const command_rec,
    pub register_hooks: ::std::option::Option<unsafe extern "C" fn(p: *mut apr_pool_t)>,
    pub flags: ::std::os::raw::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of module_struct"][::std::mem::size_of::<module_struct>() - 112usize];
    ["Alignment of module_struct"][::std::mem::align_of::<module_struct>() - 8usize];
    [
        "Offset of field: module_struct::version",
    ][::std::mem::offset_of!(module_struct, version) - 0usize];
    [
        "Offset of field: module_struct::minor_version",
    ][::std::mem::offset_of!(module_struct, minor_version) - 4usize];
    [
        "Offset of field: module_struct::module_index",
    ][::std::mem::offset_of!(module_struct, module_index) - 8usize];
    [
        "Offset of field: module_struct::name",
    ][::std::mem::offset_of!(module_struct, name) - 16usize];
    [
        "Offset of field: module_struct::dynamic_load_handle",
    ][::std::mem::offset_of!(module_struct, dynamic_load_handle) - 24usize];
    [
        "Offset of field: module_struct::next",
    ][::std::mem::offset_of!(module_struct, next) - 32usize];
    [
        "Offset of field: module_struct::magic",
    ][::std::mem::offset_of!(module_struct, magic) - 40usize];
    [
        "Offset of field: module_struct::rewrite_args",
    ][::std::mem::offset_of!(module_struct, rewrite_args) - 48usize];
    [
        "Offset of field: module_struct::create_dir_config",
    ][::std::mem::offset_of!(module_struct, create_dir_config) - 56usize];
    [
        "Offset of field: module_struct::merge_dir_config",
    ][::std::mem::offset_of!(module_struct, merge_dir_config) - 64usize];
    [
        "Offset of field: module_struct::create_server_config",
    ][::std::mem::offset_of!(module_struct, create_server_config) - 72usize];
    [
        "Offset of field: module_struct::merge_server_config",
    ][::std::mem::offset_of!(module_struct, merge_server_config) - 80usize];
    [
        "Offset of field: module_struct::cmds",
    ][::std::mem::offset_of!(module_struct, cmds) - 88usize];
    [
        "Offset of field: module_struct::register_hooks",
    ][::std::mem::offset_of!(module_struct, register_hooks) - 96usize];
    [
        "Offset of field: module_struct::flags",
    ][::std::mem::offset_of!(module_struct, flags) - 104usize];
};
unsafe extern "C" {
    pub fn ap_get_module_config(
        cv: *const ap_conf_vector_t,
        m: *const module,
    ) -> *mut ::std::os::raw::c_void;
}
unsafe extern "C" {
    pub fn ap_set_module_config(
        cv: *mut ap_conf_vector_t,
        m: *const module,
        val: *mut ::std::os::raw::c_void,
    );
}
unsafe extern "C" {
    pub fn ap_runtime_dir_relative(
        p: *mut apr_pool_t,
        fname: *const ::std::os::raw::c_char,
    ) -> *mut ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn ap_show_mpm() -> *const ::std::os::raw::c_char;
}
pub type ap_HOOK_pre_config_t = ::std::option::Option<
    unsafe extern "C" fn(
        pconf: *mut apr_pool_t,
        plog: *mut apr_pool_t,
        ptemp: *mut apr_pool_t,
    ) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_pre_config(
        pf: ap_HOOK_pre_config_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_check_config_t = ::std::option::Option<
    unsafe extern "C" fn(
        pconf: *mut apr_pool_t,
        plog: *mut apr_pool_t,
        ptemp: *mut apr_pool_t,
        s: *mut server_rec,
    ) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_check_config(
        pf: ap_HOOK_check_config_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_post_config_t = ::std::option::Option<
    unsafe extern "C" fn(
        pconf: *mut apr_pool_t,
        plog: *mut apr_pool_t,
        ptemp: *mut apr_pool_t,
        s: *mut server_rec,
    ) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_post_config(
        pf: ap_HOOK_post_config_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_child_init_t = ::std::option::Option<
    unsafe extern "C" fn(pchild: *mut apr_pool_t, s: *mut server_rec),
>;
unsafe extern "C" {
    pub fn ap_hook_child_init(
        pf: ap_HOOK_child_init_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_handler_t = ::std::option::Option<
    unsafe extern "C" fn(r: *mut request_rec) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_handler(
        pf: ap_HOOK_handler_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_hash_t {
    _unused: [u8; 0],
}
pub type apr_opt_fn_t = ::std::option::Option<unsafe extern "C" fn()>;
unsafe extern "C" {
    pub fn apr_dynamic_fn_retrieve(
        szName: *const ::std::os::raw::c_char,
    ) -> apr_opt_fn_t;
}
pub const ap_input_mode_t_AP_MODE_READBYTES: ap_input_mode_t = 0;
pub const ap_input_mode_t_AP_MODE_GETLINE: ap_input_mode_t = 1;
pub const ap_input_mode_t_AP_MODE_EATCRLF: ap_input_mode_t = 2;
pub const ap_input_mode_t_AP_MODE_SPECULATIVE: ap_input_mode_t = 3;
pub const ap_input_mode_t_AP_MODE_EXHAUSTIVE: ap_input_mode_t = 4;
pub const ap_input_mode_t_AP_MODE_INIT: ap_input_mode_t = 5;
pub type ap_input_mode_t = ::std::os::raw::c_uint;
pub type ap_out_filter_func = ::std::option::Option<
    unsafe extern "C" fn(f: *mut ap_filter_t, b: *mut apr_bucket_brigade) -> apr_status_t,
>;
pub type ap_in_filter_func = ::std::option::Option<
    unsafe extern "C" fn(
        f: *mut ap_filter_t,
        b: *mut apr_bucket_brigade,
        mode: ap_input_mode_t,
        block: apr_read_type_e,
        readbytes: apr_off_t,
    ) -> apr_status_t,
>;
pub type ap_init_filter_func = ::std::option::Option<
    unsafe extern "C" fn(f: *mut ap_filter_t) -> ::std::os::raw::c_int,
>;
#[repr(C)]
#[derive(Copy, Clone)]
pub union ap_filter_func {
    pub out_func: ap_out_filter_func,
    pub in_func: ap_in_filter_func,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_filter_func"][::std::mem::size_of::<ap_filter_func>() - 8usize];
    ["Alignment of ap_filter_func"][::std::mem::align_of::<ap_filter_func>() - 8usize];
    [
        "Offset of field: ap_filter_func::out_func",
    ][::std::mem::offset_of!(ap_filter_func, out_func) - 0usize];
    [
        "Offset of field: ap_filter_func::in_func",
    ][::std::mem::offset_of!(ap_filter_func, in_func) - 0usize];
};
pub const ap_filter_type_AP_FTYPE_RESOURCE: ap_filter_type = 10;
pub const ap_filter_type_AP_FTYPE_CONTENT_SET: ap_filter_type = 20;
pub const ap_filter_type_AP_FTYPE_PROTOCOL: ap_filter_type = 30;
pub const ap_filter_type_AP_FTYPE_TRANSCODE: ap_filter_type = 40;
pub const ap_filter_type_AP_FTYPE_CONNECTION: ap_filter_type = 50;
pub const ap_filter_type_AP_FTYPE_NETWORK: ap_filter_type = 60;
pub type ap_filter_type = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_filter_provider_t {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct ap_filter_rec_t {
    pub name: *const ::std::os::raw::c_char,
    pub filter_func: ap_filter_func,
    pub filter_init_func: ap_init_filter_func,
    pub next: *mut ap_filter_rec_t,
    pub providers: *mut ap_filter_provider_t,
    pub ftype: ap_filter_type,
    pub debug: ::std::os::raw::c_int,
    pub proto_flags: ::std::os::raw::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_filter_rec_t"][::std::mem::size_of::<ap_filter_rec_t>() - 56usize];
    ["Alignment of ap_filter_rec_t"][::std::mem::align_of::<ap_filter_rec_t>() - 8usize];
    [
        "Offset of field: ap_filter_rec_t::name",
    ][::std::mem::offset_of!(ap_filter_rec_t, name) - 0usize];
    [
        "Offset of field: ap_filter_rec_t::filter_func",
    ][::std::mem::offset_of!(ap_filter_rec_t, filter_func) - 8usize];
    [
        "Offset of field: ap_filter_rec_t::filter_init_func",
    ][::std::mem::offset_of!(ap_filter_rec_t, filter_init_func) - 16usize];
    [
        "Offset of field: ap_filter_rec_t::next",
    ][::std::mem::offset_of!(ap_filter_rec_t, next) - 24usize];
    [
        "Offset of field: ap_filter_rec_t::providers",
    ][::std::mem::offset_of!(ap_filter_rec_t, providers) - 32usize];
    [
        "Offset of field: ap_filter_rec_t::ftype",
    ][::std::mem::offset_of!(ap_filter_rec_t, ftype) - 40usize];
    [
        "Offset of field: ap_filter_rec_t::debug",
    ][::std::mem::offset_of!(ap_filter_rec_t, debug) - 44usize];
    [
        "Offset of field: ap_filter_rec_t::proto_flags",
    ][::std::mem::offset_of!(ap_filter_rec_t, proto_flags) - 48usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_filter_t {
    pub frec: *mut ap_filter_rec_t,
    pub ctx: *mut ::std::os::raw::c_void,
    pub next: *mut ap_filter_t,
    pub r: *mut request_rec,
    pub c: *mut conn_rec,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_filter_t"][::std::mem::size_of::<ap_filter_t>() - 40usize];
    ["Alignment of ap_filter_t"][::std::mem::align_of::<ap_filter_t>() - 8usize];
    [
        "Offset of field: ap_filter_t::frec",
    ][::std::mem::offset_of!(ap_filter_t, frec) - 0usize];
    [
        "Offset of field: ap_filter_t::ctx",
    ][::std::mem::offset_of!(ap_filter_t, ctx) - 8usize];
    [
        "Offset of field: ap_filter_t::next",
    ][::std::mem::offset_of!(ap_filter_t, next) - 16usize];
    [
        "Offset of field: ap_filter_t::r",
    ][::std::mem::offset_of!(ap_filter_t, r) - 24usize];
    [
        "Offset of field: ap_filter_t::c",
    ][::std::mem::offset_of!(ap_filter_t, c) - 32usize];
};
unsafe extern "C" {
    pub fn ap_get_brigade(
        filter: *mut ap_filter_t,
        bucket: *mut apr_bucket_brigade,
        mode: ap_input_mode_t,
        block: apr_read_type_e,
        readbytes: apr_off_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn ap_pass_brigade(
        filter: *mut ap_filter_t,
        bucket: *mut apr_bucket_brigade,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn ap_remove_output_filter_byhandle(
        next: *mut ap_filter_t,
        handle: *const ::std::os::raw::c_char,
    ) -> apr_status_t;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_expr_node {
    _unused: [u8; 0],
}
pub type ap_expr_t = ap_expr_node;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_expr_info_t {
    pub root_node: *mut ap_expr_t,
    pub filename: *const ::std::os::raw::c_char,
    pub line_number: ::std::os::raw::c_uint,
    pub flags: ::std::os::raw::c_uint,
    pub module_index: ::std::os::raw::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ap_expr_info_t"][::std::mem::size_of::<ap_expr_info_t>() - 32usize];
    ["Alignment of ap_expr_info_t"][::std::mem::align_of::<ap_expr_info_t>() - 8usize];
    [
        "Offset of field: ap_expr_info_t::root_node",
    ][::std::mem::offset_of!(ap_expr_info_t, root_node) - 0usize];
    [
        "Offset of field: ap_expr_info_t::filename",
    ][::std::mem::offset_of!(ap_expr_info_t, filename) - 8usize];
    [
        "Offset of field: ap_expr_info_t::line_number",
    ][::std::mem::offset_of!(ap_expr_info_t, line_number) - 16usize];
    [
        "Offset of field: ap_expr_info_t::flags",
    ][::std::mem::offset_of!(ap_expr_info_t, flags) - 20usize];
    [
        "Offset of field: ap_expr_info_t::module_index",
    ][::std::mem::offset_of!(ap_expr_info_t, module_index) - 24usize];
};
unsafe extern "C" {
    pub fn ap_allow_options(r: *mut request_rec) -> ::std::os::raw::c_int;
}
unsafe extern "C" {
    pub fn ap_document_root(r: *mut request_rec) -> *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn ap_get_server_name_for_url(
        r: *mut request_rec,
    ) -> *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn ap_get_server_port(r: *const request_rec) -> apr_port_t;
}
unsafe extern "C" {
    pub fn ap_get_limit_req_body(r: *const request_rec) -> apr_off_t;
}
unsafe extern "C" {
    pub fn ap_auth_type(r: *mut request_rec) -> *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn ap_get_core_module_config(
        cv: *const ap_conf_vector_t,
    ) -> *mut ::std::os::raw::c_void;
}
unsafe extern "C" {
    pub fn ap_get_conn_socket(c: *mut conn_rec) -> *mut apr_socket_t;
}
pub type allow_options_t = ::std::os::raw::c_uchar;
pub type overrides_t = ::std::os::raw::c_uint;
pub type etag_components_t = ::std::os::raw::c_ulong;
pub const server_signature_e_srv_sig_unset: server_signature_e = 0;
pub const server_signature_e_srv_sig_off: server_signature_e = 1;
pub const server_signature_e_srv_sig_on: server_signature_e = 2;
pub const server_signature_e_srv_sig_withmail: server_signature_e = 3;
pub type server_signature_e = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct core_dir_config {
    pub d: *mut ::std::os::raw::c_char,
    pub d_components: ::std::os::raw::c_uint,
    pub opts: allow_options_t,
    pub opts_add: allow_options_t,
    pub opts_remove: allow_options_t,
    pub override_: overrides_t,
    pub override_opts: allow_options_t,
    pub response_code_strings: *mut *mut ::std::os::raw::c_char,
    pub _bitfield_align_1: [u8; 0],
    pub _bitfield_1: __BindgenBitfieldUnit<[u8; 2usize]>,
    pub add_default_charset_name: *const ::std::os::raw::c_char,
    pub limit_cpu: *mut rlimit,
    pub limit_mem: *mut rlimit,
    pub limit_nproc: *mut rlimit,
    pub limit_req_body: apr_off_t,
    pub limit_xml_body: ::std::os::raw::c_long,
    pub server_signature: server_signature_e,
    pub sec_file: *mut apr_array_header_t,
    pub sec_if: *mut apr_array_header_t,
    pub r: *mut ap_regex_t,
    pub mime_type: *const ::std::os::raw::c_char,
    pub handler: *const ::std::os::raw::c_char,
    pub output_filters: *const ::std::os::raw::c_char,
    pub input_filters: *const ::std::os::raw::c_char,
    pub accept_path_info: ::std::os::raw::c_int,
    pub etag_bits: etag_components_t,
    pub etag_add: etag_components_t,
    pub etag_remove: etag_components_t,
    pub _bitfield_align_2: [u8; 0],
    pub _bitfield_2: __BindgenBitfieldUnit<[u8; 2usize]>,
    pub condition: *mut ap_expr_info_t,
    pub log: *mut ap_logconf,
    pub override_list: *mut apr_table_t,
    pub max_ranges: ::std::os::raw::c_int,
    pub max_overlaps: ::std::os::raw::c_int,
    pub max_reversals: ::std::os::raw::c_int,
    pub refs: *mut apr_array_header_t,
    pub response_code_exprs: *mut apr_hash_t,
    pub _bitfield_align_3: [u8; 0],
    pub _bitfield_3: __BindgenBitfieldUnit<[u8; 1usize]>,
    pub expr_handler: *mut ap_expr_info_t,
    pub cgi_var_rules: *mut apr_hash_t,
    pub read_buf_size: apr_size_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of core_dir_config"][::std::mem::size_of::<core_dir_config>() - 280usize];
    ["Alignment of core_dir_config"][::std::mem::align_of::<core_dir_config>() - 8usize];
    [
        "Offset of field: core_dir_config::d",
    ][::std::mem::offset_of!(core_dir_config, d) - 0usize];
    [
        "Offset of field: core_dir_config::d_components",
    ][::std::mem::offset_of!(core_dir_config, d_components) - 8usize];
    [
        "Offset of field: core_dir_config::opts",
    ][::std::mem::offset_of!(core_dir_config, opts) - 12usize];
    [
        "Offset of field: core_dir_config::opts_add",
    ][::std::mem::offset_of!(core_dir_config, opts_add) - 13usize];
    [
        "Offset of field: core_dir_config::opts_remove",
    ][::std::mem::offset_of!(core_dir_config, opts_remove) - 14usize];
    [
        "Offset of field: core_dir_config::override_",
    ][::std::mem::offset_of!(core_dir_config, override_) - 16usize];
    [
        "Offset of field: core_dir_config::override_opts",
    ][::std::mem::offset_of!(core_dir_config, override_opts) - 20usize];
    [
        "Offset of field: core_dir_config::response_code_strings",
    ][::std::mem::offset_of!(core_dir_config, response_code_strings) - 24usize];
    [
        "Offset of field: core_dir_config::add_default_charset_name",
    ][::std::mem::offset_of!(core_dir_config, add_default_charset_name) - 40usize];
    [
        "Offset of field: core_dir_config::limit_cpu",
    ][::std::mem::offset_of!(core_dir_config, limit_cpu) - 48usize];
    [
        "Offset of field: core_dir_config::limit_mem",
    ][::std::mem::offset_of!(core_dir_config, limit_mem) - 56usize];
    [
        "Offset of field: core_dir_config::limit_nproc",
    ][::std::mem::offset_of!(core_dir_config, limit_nproc) - 64usize];
    [
        "Offset of field: core_dir_config::limit_req_body",
    ][::std::mem::offset_of!(core_dir_config, limit_req_body) - 72usize];
    [
        "Offset of field: core_dir_config::limit_xml_body",
    ][::std::mem::offset_of!(core_dir_config, limit_xml_body) - 80usize];
    [
        "Offset of field: core_dir_config::server_signature",
    ][::std::mem::offset_of!(core_dir_config, server_signature) - 88usize];
    [
        "Offset of field: core_dir_config::sec_file",
    ][::std::mem::offset_of!(core_dir_config, sec_file) - 96usize];
    [
        "Offset of field: core_dir_config::sec_if",
    ][::std::mem::offset_of!(core_dir_config, sec_if) - 104usize];
    [
        "Offset of field: core_dir_config::r",
    ][::std::mem::offset_of!(core_dir_config, r) - 112usize];
    [
        "Offset of field: core_dir_config::mime_type",
    ][::std::mem::offset_of!(core_dir_config, mime_type) - 120usize];
    [
        "Offset of field: core_dir_config::handler",
    ][::std::mem::offset_of!(core_dir_config, handler) - 128usize];
    [
        "Offset of field: core_dir_config::output_filters",
    ][::std::mem::offset_of!(core_dir_config, output_filters) - 136usize];
    [
        "Offset of field: core_dir_config::input_filters",
    ][::std::mem::offset_of!(core_dir_config, input_filters) - 144usize];
    [
        "Offset of field: core_dir_config::accept_path_info",
    ][::std::mem::offset_of!(core_dir_config, accept_path_info) - 152usize];
    [
        "Offset of field: core_dir_config::etag_bits",
    ][::std::mem::offset_of!(core_dir_config, etag_bits) - 160usize];
    [
        "Offset of field: core_dir_config::etag_add",
    ][::std::mem::offset_of!(core_dir_config, etag_add) - 168usize];
    [
        "Offset of field: core_dir_config::etag_remove",
    ][::std::mem::offset_of!(core_dir_config, etag_remove) - 176usize];
    [
        "Offset of field: core_dir_config::condition",
    ][::std::mem::offset_of!(core_dir_config, condition) - 192usize];
    [
        "Offset of field: core_dir_config::log",
    ][::std::mem::offset_of!(core_dir_config, log) - 200usize];
    [
        "Offset of field: core_dir_config::override_list",
    ][::std::mem::offset_of!(core_dir_config, override_list) - 208usize];
    [
        "Offset of field: core_dir_config::max_ranges",
    ][::std::mem::offset_of!(core_dir_config, max_ranges) - 216usize];
    [
        "Offset of field: core_dir_config::max_overlaps",
    ][::std::mem::offset_of!(core_dir_config, max_overlaps) - 220usize];
    [
        "Offset of field: core_dir_config::max_reversals",
    ][::std::mem::offset_of!(core_dir_config, max_reversals) - 224usize];
    [
        "Offset of field: core_dir_config::refs",
    ][::std::mem::offset_of!(core_dir_config, refs) - 232usize];
    [
        "Offset of field: core_dir_config::response_code_exprs",
    ][::std::mem::offset_of!(core_dir_config, response_code_exprs) - 240usize];
    [
        "Offset of field: core_dir_config::expr_handler",
    ][::std::mem::offset_of!(core_dir_config, expr_handler) - 256usize];
    [
        "Offset of field: core_dir_config::cgi_var_rules",
    ][::std::mem::offset_of!(core_dir_config, cgi_var_rules) - 264usize];
    [
        "Offset of field: core_dir_config::read_buf_size",
    ][::std::mem::offset_of!(core_dir_config, read_buf_size) - 272usize];
};
impl core_dir_config {
    #[inline]
    pub fn hostname_lookups(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(0usize, 4u8) as u32) }
    }
    #[inline]
    pub fn set_hostname_lookups(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(0usize, 4u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn hostname_lookups_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 0usize, 4u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_hostname_lookups_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                0usize,
                4u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn content_md5(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(4usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_content_md5(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(4usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn content_md5_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 4usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_content_md5_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                4usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn use_canonical_name(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(6usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_use_canonical_name(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(6usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn use_canonical_name_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 6usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_use_canonical_name_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                6usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn d_is_fnmatch(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(8usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_d_is_fnmatch(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(8usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn d_is_fnmatch_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 8usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_d_is_fnmatch_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                8usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn add_default_charset(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_1.get(9usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_add_default_charset(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_1.set(9usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn add_default_charset_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_1), 9usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_add_default_charset_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_1),
                9usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn new_bitfield_1(
        hostname_lookups: ::std::os::raw::c_uint,
        content_md5: ::std::os::raw::c_uint,
        use_canonical_name: ::std::os::raw::c_uint,
        d_is_fnmatch: ::std::os::raw::c_uint,
        add_default_charset: ::std::os::raw::c_uint,
    ) -> __BindgenBitfieldUnit<[u8; 2usize]> {
        let mut __bindgen_bitfield_unit: __BindgenBitfieldUnit<[u8; 2usize]> = Default::default();
        __bindgen_bitfield_unit
            .set(
                0usize,
                4u8,
                {
                    let hostname_lookups: u32 = unsafe {
                        ::std::mem::transmute(hostname_lookups)
                    };
                    hostname_lookups as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                4usize,
                2u8,
                {
                    let content_md5: u32 = unsafe { ::std::mem::transmute(content_md5) };
                    content_md5 as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                6usize,
                2u8,
                {
                    let use_canonical_name: u32 = unsafe {
                        ::std::mem::transmute(use_canonical_name)
                    };
                    use_canonical_name as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                8usize,
                1u8,
                {
                    let d_is_fnmatch: u32 = unsafe {
                        ::std::mem::transmute(d_is_fnmatch)
                    };
                    d_is_fnmatch as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                9usize,
                2u8,
                {
                    let add_default_charset: u32 = unsafe {
                        ::std::mem::transmute(add_default_charset)
                    };
                    add_default_charset as u64
                },
            );
        __bindgen_bitfield_unit
    }
    #[inline]
    pub fn enable_mmap(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_2.get(0usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_enable_mmap(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_2.set(0usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn enable_mmap_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_2), 0usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_enable_mmap_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_2),
                0usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn enable_sendfile(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_2.get(2usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_enable_sendfile(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_2.set(2usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn enable_sendfile_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_2), 2usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_enable_sendfile_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_2),
                2usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn use_canonical_phys_port(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_2.get(4usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_use_canonical_phys_port(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_2.set(4usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn use_canonical_phys_port_raw(
        this: *const Self,
    ) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_2), 4usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_use_canonical_phys_port_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_2),
                4usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn allow_encoded_slashes(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_2.get(6usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_allow_encoded_slashes(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_2.set(6usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn allow_encoded_slashes_raw(
        this: *const Self,
    ) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_2), 6usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_allow_encoded_slashes_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_2),
                6usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn decode_encoded_slashes(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_2.get(7usize, 1u8) as u32) }
    }
    #[inline]
    pub fn set_decode_encoded_slashes(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_2.set(7usize, 1u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn decode_encoded_slashes_raw(
        this: *const Self,
    ) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_2), 7usize, 1u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_decode_encoded_slashes_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_2),
                7usize,
                1u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn condition_ifelse(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_2.get(8usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_condition_ifelse(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_2.set(8usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn condition_ifelse_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 2usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_2), 8usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_condition_ifelse_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 2usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_2),
                8usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn new_bitfield_2(
        enable_mmap: ::std::os::raw::c_uint,
        enable_sendfile: ::std::os::raw::c_uint,
        use_canonical_phys_port: ::std::os::raw::c_uint,
        allow_encoded_slashes: ::std::os::raw::c_uint,
        decode_encoded_slashes: ::std::os::raw::c_uint,
        condition_ifelse: ::std::os::raw::c_uint,
    ) -> __BindgenBitfieldUnit<[u8; 2usize]> {
        let mut __bindgen_bitfield_unit: __BindgenBitfieldUnit<[u8; 2usize]> = Default::default();
        __bindgen_bitfield_unit
            .set(
                0usize,
                2u8,
                {
                    let enable_mmap: u32 = unsafe { ::std::mem::transmute(enable_mmap) };
                    enable_mmap as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                2usize,
                2u8,
                {
                    let enable_sendfile: u32 = unsafe {
                        ::std::mem::transmute(enable_sendfile)
                    };
                    enable_sendfile as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                4usize,
                2u8,
                {
                    let use_canonical_phys_port: u32 = unsafe {
                        ::std::mem::transmute(use_canonical_phys_port)
                    };
                    use_canonical_phys_port as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                6usize,
                1u8,
                {
                    let allow_encoded_slashes: u32 = unsafe {
                        ::std::mem::transmute(allow_encoded_slashes)
                    };
                    allow_encoded_slashes as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                7usize,
                1u8,
                {
                    let decode_encoded_slashes: u32 = unsafe {
                        ::std::mem::transmute(decode_encoded_slashes)
                    };
                    decode_encoded_slashes as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                8usize,
                2u8,
                {
                    let condition_ifelse: u32 = unsafe {
                        ::std::mem::transmute(condition_ifelse)
                    };
                    condition_ifelse as u64
                },
            );
        __bindgen_bitfield_unit
    }
    #[inline]
    pub fn cgi_pass_auth(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_3.get(0usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_cgi_pass_auth(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_3.set(0usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn cgi_pass_auth_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_3), 0usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_cgi_pass_auth_raw(this: *mut Self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_3),
                0usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn qualify_redirect_url(&self) -> ::std::os::raw::c_uint {
        unsafe { ::std::mem::transmute(self._bitfield_3.get(2usize, 2u8) as u32) }
    }
    #[inline]
    pub fn set_qualify_redirect_url(&mut self, val: ::std::os::raw::c_uint) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            self._bitfield_3.set(2usize, 2u8, val as u64)
        }
    }
    #[inline]
    pub unsafe fn qualify_redirect_url_raw(this: *const Self) -> ::std::os::raw::c_uint {
        unsafe {
            ::std::mem::transmute(
                <__BindgenBitfieldUnit<
                    [u8; 1usize],
                >>::raw_get(::std::ptr::addr_of!((*this)._bitfield_3), 2usize, 2u8)
                    as u32,
            )
        }
    }
    #[inline]
    pub unsafe fn set_qualify_redirect_url_raw(
        this: *mut Self,
        val: ::std::os::raw::c_uint,
    ) {
        unsafe {
            let val: u32 = ::std::mem::transmute(val);
            <__BindgenBitfieldUnit<
                [u8; 1usize],
            >>::raw_set(
                ::std::ptr::addr_of_mut!((*this)._bitfield_3),
                2usize,
                2u8,
                val as u64,
            )
        }
    }
    #[inline]
    pub fn new_bitfield_3(
        cgi_pass_auth: ::std::os::raw::c_uint,
        qualify_redirect_url: ::std::os::raw::c_uint,
    ) -> __BindgenBitfieldUnit<[u8; 1usize]> {
        let mut __bindgen_bitfield_unit: __BindgenBitfieldUnit<[u8; 1usize]> = Default::default();
        __bindgen_bitfield_unit
            .set(
                0usize,
                2u8,
                {
                    let cgi_pass_auth: u32 = unsafe {
                        ::std::mem::transmute(cgi_pass_auth)
                    };
                    cgi_pass_auth as u64
                },
            );
        __bindgen_bitfield_unit
            .set(
                2usize,
                2u8,
                {
                    let qualify_redirect_url: u32 = unsafe {
                        ::std::mem::transmute(qualify_redirect_url)
                    };
                    qualify_redirect_url as u64
                },
            );
        __bindgen_bitfield_unit
    }
}
unsafe extern "C" {
    pub fn ap_state_query(query_code: ::std::os::raw::c_int) -> ::std::os::raw::c_int;
}
unsafe extern "C" {
    pub fn ap_log_error_(
        file: *const ::std::os::raw::c_char,
        line: ::std::os::raw::c_int,
        module_index: ::std::os::raw::c_int,
        level: ::std::os::raw::c_int,
        status: apr_status_t,
        s: *const server_rec,
        fmt: *const ::std::os::raw::c_char,
        ...
    );
}
unsafe extern "C" {
    pub fn ap_log_rerror_(
        file: *const ::std::os::raw::c_char,
        line: ::std::os::raw::c_int,
        module_index: ::std::os::raw::c_int,
        level: ::std::os::raw::c_int,
        status: apr_status_t,
        r: *const request_rec,
        fmt: *const ::std::os::raw::c_char,
        ...
    );
}
unsafe extern "C" {
    pub static mut ap_server_root: *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub static mut ap_server_conf: *mut server_rec;
}
pub type apr_os_file_t = ::std::os::raw::c_int;
pub type apr_os_sock_t = ::std::os::raw::c_int;
unsafe extern "C" {
    pub fn apr_os_sock_get(
        thesock: *mut apr_os_sock_t,
        sock: *mut apr_socket_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn apr_os_file_put(
        file: *mut *mut apr_file_t,
        thefile: *mut apr_os_file_t,
        flags: apr_int32_t,
        cont: *mut apr_pool_t,
    ) -> apr_status_t;
}
unsafe extern "C" {
    pub fn ap_set_content_type(r: *mut request_rec, ct: *const ::std::os::raw::c_char);
}
unsafe extern "C" {
    pub fn ap_run_http_scheme(r: *const request_rec) -> *const ::std::os::raw::c_char;
}
unsafe extern "C" {
    pub fn ap_bucket_error_create(
        error: ::std::os::raw::c_int,
        buf: *const ::std::os::raw::c_char,
        p: *mut apr_pool_t,
        list: *mut apr_bucket_alloc_t,
    ) -> *mut apr_bucket;
}
unsafe extern "C" {
    pub fn ap_send_interim_response(
        r: *mut request_rec,
        send_headers: ::std::os::raw::c_int,
    );
}
unsafe extern "C" {
    pub fn ap_sub_req_lookup_uri(
        new_uri: *const ::std::os::raw::c_char,
        r: *const request_rec,
        next_filter: *mut ap_filter_t,
    ) -> *mut request_rec;
}
unsafe extern "C" {
    pub fn ap_destroy_sub_req(r: *mut request_rec);
}
unsafe extern "C" {
    pub fn ap_internal_redirect(
        new_uri: *const ::std::os::raw::c_char,
        r: *mut request_rec,
    );
}
unsafe extern "C" {
    pub fn ap_register_auth_provider(
        pool: *mut apr_pool_t,
        provider_group: *const ::std::os::raw::c_char,
        provider_name: *const ::std::os::raw::c_char,
        provider_version: *const ::std::os::raw::c_char,
        provider: *const ::std::os::raw::c_void,
        type_: ::std::os::raw::c_int,
    ) -> apr_status_t;
}
pub type ap_HOOK_translate_name_t = ::std::option::Option<
    unsafe extern "C" fn(r: *mut request_rec) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_translate_name(
        pf: ap_HOOK_translate_name_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_map_to_storage_t = ::std::option::Option<
    unsafe extern "C" fn(r: *mut request_rec) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_map_to_storage(
        pf: ap_HOOK_map_to_storage_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_fixups_t = ::std::option::Option<
    unsafe extern "C" fn(r: *mut request_rec) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_fixups(
        pf: ap_HOOK_fixups_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
pub type ap_HOOK_type_checker_t = ::std::option::Option<
    unsafe extern "C" fn(r: *mut request_rec) -> ::std::os::raw::c_int,
>;
unsafe extern "C" {
    pub fn ap_hook_type_checker(
        pf: ap_HOOK_type_checker_t,
        aszPre: *const *const ::std::os::raw::c_char,
        aszSucc: *const *const ::std::os::raw::c_char,
        nOrder: ::std::os::raw::c_int,
    );
}
unsafe extern "C" {
    pub fn ap_location_walk(r: *mut request_rec) -> ::std::os::raw::c_int;
}
unsafe extern "C" {
    pub fn ap_mpm_query(
        query_code: ::std::os::raw::c_int,
        result: *mut ::std::os::raw::c_int,
    ) -> apr_status_t;
}
pub const authn_status_AUTH_DENIED: authn_status = 0;
pub const authn_status_AUTH_GRANTED: authn_status = 1;
pub const authn_status_AUTH_USER_FOUND: authn_status = 2;
pub const authn_status_AUTH_USER_NOT_FOUND: authn_status = 3;
pub const authn_status_AUTH_GENERAL_ERROR: authn_status = 4;
pub type authn_status = ::std::os::raw::c_uint;
pub const authz_status_AUTHZ_DENIED: authz_status = 0;
pub const authz_status_AUTHZ_GRANTED: authz_status = 1;
pub const authz_status_AUTHZ_NEUTRAL: authz_status = 2;
pub const authz_status_AUTHZ_GENERAL_ERROR: authz_status = 3;
pub const authz_status_AUTHZ_DENIED_NO_USER: authz_status = 4;
pub type authz_status = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct authn_provider {
    pub check_password: ::std::option::Option<
        unsafe extern "C" fn(
            r: *mut request_rec,
            user: *const ::std::os::raw::c_char,
            password: *const ::std::os::raw::c_char,
        ) -> authn_status,
    >,
    pub get_realm_hash: ::std::option::Option<
        unsafe extern "C" fn(
            r: *mut request_rec,
            user: *const ::std::os::raw::c_char,
            realm: *const ::std::os::raw::c_char,
            rethash: *mut *mut ::std::os::raw::c_char,
        ) -> authn_status,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of authn_provider"][::std::mem::size_of::<authn_provider>() - 16usize];
    ["Alignment of authn_provider"][::std::mem::align_of::<authn_provider>() - 8usize];
    [
        "Offset of field: authn_provider::check_password",
    ][::std::mem::offset_of!(authn_provider, check_password) - 0usize];
    [
        "Offset of field: authn_provider::get_realm_hash",
    ][::std::mem::offset_of!(authn_provider, get_realm_hash) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct authz_provider {
    pub check_authorization: ::std::option::Option<
        unsafe extern "C" fn(
            r: *mut request_rec,
            require_line: *const ::std::os::raw::c_char,
            parsed_require_line: *const ::std::os::raw::c_void,
        ) -> authz_status,
    >,
    pub parse_require_line: ::std::option::Option<
        unsafe extern "C" fn(
            cmd: *mut cmd_parms,
            require_line: *const ::std::os::raw::c_char,
            parsed_require_line: *mut *const ::std::os::raw::c_void,
        ) -> *const ::std::os::raw::c_char,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of authz_provider"][::std::mem::size_of::<authz_provider>() - 16usize];
    ["Alignment of authz_provider"][::std::mem::align_of::<authz_provider>() - 8usize];
    [
        "Offset of field: authz_provider::check_authorization",
    ][::std::mem::offset_of!(authz_provider, check_authorization) - 0usize];
    [
        "Offset of field: authz_provider::parse_require_line",
    ][::std::mem::offset_of!(authz_provider, parse_require_line) - 8usize];
};
pub type apr_OFN_ssl_var_lookup_t = ::std::option::Option<
    unsafe extern "C" fn(
        arg1: *mut apr_pool_t,
        arg2: *mut server_rec,
        arg3: *mut conn_rec,
        arg4: *mut request_rec,
        arg5: *mut ::std::os::raw::c_char,
    ) -> *mut ::std::os::raw::c_char,
>;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct unixd_config_rec {
    pub user_name: *const ::std::os::raw::c_char,
    pub group_name: *const ::std::os::raw::c_char,
    pub user_id: uid_t,
    pub group_id: gid_t,
    pub suexec_enabled: ::std::os::raw::c_int,
    pub chroot_dir: *const ::std::os::raw::c_char,
    pub suexec_disabled_reason: *const ::std::os::raw::c_char,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of unixd_config_rec"][::std::mem::size_of::<unixd_config_rec>() - 48usize];
    [
        "Alignment of unixd_config_rec",
    ][::std::mem::align_of::<unixd_config_rec>() - 8usize];
    [
        "Offset of field: unixd_config_rec::user_name",
    ][::std::mem::offset_of!(unixd_config_rec, user_name) - 0usize];
    [
        "Offset of field: unixd_config_rec::group_name",
    ][::std::mem::offset_of!(unixd_config_rec, group_name) - 8usize];
    [
        "Offset of field: unixd_config_rec::user_id",
    ][::std::mem::offset_of!(unixd_config_rec, user_id) - 16usize];
    [
        "Offset of field: unixd_config_rec::group_id",
    ][::std::mem::offset_of!(unixd_config_rec, group_id) - 20usize];
    [
        "Offset of field: unixd_config_rec::suexec_enabled",
    ][::std::mem::offset_of!(unixd_config_rec, suexec_enabled) - 24usize];
    [
        "Offset of field: unixd_config_rec::chroot_dir",
    ][::std::mem::offset_of!(unixd_config_rec, chroot_dir) - 32usize];
    [
        "Offset of field: unixd_config_rec::suexec_disabled_reason",
    ][::std::mem::offset_of!(unixd_config_rec, suexec_disabled_reason) - 40usize];
};
unsafe extern "C" {
    pub static mut ap_unixd_config: unixd_config_rec;
}
unsafe extern "C" {
    pub fn apr_pstrmemdup(
        p: *mut apr_pool_t,
        s: *const ::std::os::raw::c_char,
        n: apr_size_t,
    ) -> *mut ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct apr_file_t {
    pub _address: u8,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ap_conf_vector_t {
    pub _address: u8,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hostent {
    pub _address: u8,
}
