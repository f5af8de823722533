//! Sessions, and what a vault makes of them.

use attestation::Time;
use session::{Placeholder, Session, substitute};
use vault::cas::{Limits, Sessions};

use crate::vaults::{ALICE, World};

/// When sessions are written.
const NOW: Time = Time::from_unix(1_800_000_000);

/// `data` is a session's YAML text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    marks(text);
    match Session::parse(text) {
        Ok(session) => {
            again(&session);
            written(&session, text);
        }
        Err(fault) => {
            let text = fault.to_string();
            assert!(text.lines().count() <= 1 && text.len() < 4096, "{text}");
        }
    }
}

/// A session is written so that it reads the same, and its hash is of what may be seen.
fn again(session: &Session) {
    let text = session.to_yaml().expect("a session is YAML");
    assert_eq!(Session::parse(&text).as_ref(), Ok(session), "{text}");
    let public = session.public();
    assert!(public.secrets.iter().all(|secret| secret.value.is_none()));
    assert_eq!(public.hash(), session.hash());
    let _ = (session.gaps(), session.concessions());
}

/// What a vault takes it keeps: the same hash, nothing of its values where others read, and a state that comes
/// back.
fn written(session: &Session, text: &str) {
    // RSA keys take too long to make for each run.
    let limits = Limits {
        rsa_keys: 0,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let Ok(name) = session.name.parse() else {
        return;
    };
    let Ok(written) = world.put(ALICE, &name, text, NOW) else {
        assert!(world.sessions.is_empty());
        return;
    };
    assert_eq!(written.hash.0, session.hash().0);
    let stored = world.sessions.get(&name).expect("it was written");
    assert_eq!(*stored.session(), session.public());
    let snapshot = serde_json::to_vec(&world.sessions).expect("a state is JSON");
    let again: Sessions = serde_json::from_slice(&snapshot).expect("what was written is read");
    let again = serde_json::to_vec(&again).expect("a state is JSON");
    assert_eq!(again, snapshot);
    if let Ok(read) = world.cas.read(&world.sessions, ALICE, &name) {
        let read = Session::parse(&read).expect("what is read is a session");
        assert_eq!(read.hash(), session.hash());
    }
}

/// Placeholders are where they say, and only they are replaced.
fn marks(text: &str) {
    let Ok(marks) = Placeholder::all(text) else {
        return;
    };
    let same = substitute(
        text,
        |_| false,
        |name, format| -> Result<_, session::Located> {
            let format = format.map(|format| {
                let mark = if text.contains(&format!("{name}:{format}$$")) {
                    ':'
                } else {
                    '.'
                };
                format!("{mark}{format}")
            });
            let text = format!("$$SCONE::{name}{}$$", format.unwrap_or_default());
            Ok(text.into_bytes().into())
        },
    );
    let same = same.expect("every mark has a value");
    assert_eq!(same.len(), text.len());
    for mark in marks {
        assert!(text[mark.start..mark.end].contains(mark.text));
    }
}
