//! The library in a host before 2.0: small structs, no logging, no PreRegister. A process of its own, because
//! the library remembers having seen a newer host.

mod host;
#[path = "../../tests/common/http.rs"]
mod http;

use host::{Host, KEY, OK, Section};
use http::Server;
use std::ffi::c_void;

#[test]
fn a_host_with_a_table_of_one_slot_is_served_and_nothing_beyond_is_touched() {
    let library = Host::load();
    let mut definition = [0xaa_u8; 64];
    assert_eq!(library.register(definition.as_mut_ptr()), 0);
    assert_eq!(definition[..12], [2, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(definition[12..16], [0xaa; 4], "padding");
    assert_eq!(definition[32..], [0xaa; 32], "behind the definition of an old host");

    let server = Server::start([]);
    let section = Section::new(&[("dd_api_key", KEY), ("dd_url", &server.url)]);
    // what lies behind the one slot is foreign: a call through it would crash
    let mut table = [0xaaaa_aaaa_usize as *const c_void; 9];
    table[0] = host::get_property as *const c_void;
    let (code, context) = library.init_with(table.as_ptr().cast(), &section);
    assert_eq!(code, OK);
    assert_eq!(library.flush(context.remote.addr(), &host::chunk()), OK);
    assert_eq!(library.flush(context.remote.addr(), &[0xc1]), host::ERROR);
    assert_eq!(library.exit(context.remote.addr()), OK);
    assert_eq!(server.seen().len(), 1);
}
