//! Files dropped on a window, as file managers do it (XDND, version 5).

use std::path::Path;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hovers files over the middle of a window, then drops them, and waits until it has taken them.
pub fn drop_on(display: &str, window: u32, files: &[&Path]) {
    let (connection, screen) = x11rb::connect(Some(display)).unwrap();
    let root = connection.setup().roots[screen].root;
    let atom = |name: &str| connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom;
    let own = connection.generate_id().unwrap();
    let geometry = connection.get_geometry(window).unwrap().reply().unwrap();
    let at = connection.translate_coordinates(window, root, 0, 0).unwrap().reply().unwrap();
    let middle =
        [at.dst_x as u32 + u32::from(geometry.width) / 2, at.dst_y as u32 + u32::from(geometry.height) / 2];
    let create = connection.create_window(
        0,
        own,
        root,
        0,
        0,
        1,
        1,
        0,
        WindowClass::INPUT_ONLY,
        0,
        &CreateWindowAux::new(),
    );
    create.unwrap().check().unwrap();
    let (selection, list) = (atom("XdndSelection"), atom("text/uri-list"));
    connection.set_selection_owner(own, selection, x11rb::CURRENT_TIME).unwrap().check().unwrap();
    let content: String = files.iter().map(|file| format!("file://{}\r\n", file.display())).collect();

    let tell = |kind: &str, data: [u32; 5]| {
        let message = ClientMessageEvent::new(32, window, atom(kind), data);
        connection.send_event(false, window, EventMask::NO_EVENT, message).unwrap().check().unwrap();
    };
    tell("XdndEnter", [own, 5 << 24, list, 0, 0]);
    tell("XdndPosition", [own, 0, middle[0] << 16 | middle[1], 0, atom("XdndActionCopy")]);
    let (mut is_asked, mut is_welcome) = (false, false);
    let status = atom("XdndStatus");
    wait_for(&connection, |event| {
        match event {
            Event::SelectionRequest(request) => {
                answer(&connection, &request, content.as_bytes());
                is_asked = true;
            }
            Event::ClientMessage(message) => is_welcome |= message.type_ == status,
            _ => {}
        }
        is_asked && is_welcome
    });
    tell("XdndDrop", [own, 0, 0, 0, 0]);
    let finished = atom("XdndFinished");
    wait_for(
        &connection,
        |event| matches!(event, Event::ClientMessage(message) if message.type_ == finished),
    );
}

fn wait_for(connection: &RustConnection, mut is_over: impl FnMut(Event) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match connection.poll_for_event().unwrap() {
            Some(event) if is_over(event.clone()) => return,
            Some(_) => {}
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("the window did not answer");
}

fn answer(connection: &RustConnection, request: &SelectionRequestEvent, content: &[u8]) {
    let kind: u32 = if request.target == 0 { AtomEnum::STRING.into() } else { request.target };
    connection
        .change_property8(PropMode::REPLACE, request.requestor, request.property, kind, content)
        .unwrap()
        .check()
        .unwrap();
    let notice = SelectionNotifyEvent {
        response_type: SELECTION_NOTIFY_EVENT,
        sequence: 0,
        time: request.time,
        requestor: request.requestor,
        selection: request.selection,
        target: request.target,
        property: request.property,
    };
    connection.send_event(false, request.requestor, EventMask::NO_EVENT, notice).unwrap().check().unwrap();
}
