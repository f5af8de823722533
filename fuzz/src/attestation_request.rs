//! Requests for secrets, as a vault judges them.

use std::sync::LazyLock;
use std::time::Duration;

use attestation::Time;
use provision::audit::Outcome;
use provision::{Attempt, Evidence, ReleaseRequest};
use simulator::Platform;
use vault::cas::{Error, Limits};

use crate::vaults::{ALICE, MADE, World, platform, program, session};

const NOW: Time = Time::from_unix(MADE + 3600);
const ELAPSED: Duration = Duration::from_secs(5);

/// A vault with a session, the platform of its program, and that platform's collateral.
struct Scene {
    world: World,
    platform: Platform,
    collateral: String,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let platform = platform();
    let mut world = World::new(Limits::default());
    let name = "shop/till".parse().expect("a name");
    let text = session(&platform.fingerprint());
    world
        .put(ALICE, &name, &text, NOW)
        .expect("the session is good");
    let collateral = platform.collateral(NOW.unix()).expect("collateral");
    Scene {
        world,
        platform,
        collateral: collateral.to_json(),
    }
});

/// `data` is a request as JSON. It is a recipe, too: its first byte chooses a part of a good request, and what
/// follows are changes to it (where, as two bytes, and to what).
pub fn run(data: &[u8]) {
    let scene = &*SCENE;
    if let Ok(request) = ReleaseRequest::from_json(data) {
        // Nobody guesses a nonce.
        let error = scene
            .ask(&request)
            .expect_err("the nonce is not the vault's");
        assert_eq!(error.code(), "cas.nonce-stale");
    }
    if let Some((part, changes)) = data.split_first() {
        scene.changed(*part, changes);
    }
}

impl Scene {
    /// A request that is good but for the changes. What is released for one is released for what was asked.
    fn changed(&self, part: u8, changes: &[u8]) {
        let (attempt, good) = self.request();
        let mut request = good.clone();
        match part % 6 {
            0 => alter(&mut request.evidence.quote.0, changes),
            1 => {
                let mut text = self.collateral.clone().into_bytes();
                alter(&mut text, changes);
                let text = String::from_utf8_lossy(&text).into_owned();
                let Ok(evidence) = Evidence::new(request.evidence.quote.0, &text) else {
                    return;
                };
                request.evidence = evidence;
            }
            2 => alter(&mut request.nonce.0, changes),
            3 => alter(&mut request.key.0, changes),
            4 => {
                let mut name = request.service.into_bytes();
                alter(&mut name, changes);
                request.service = String::from_utf8_lossy(&name).into_owned();
            }
            _ => request.evidence.quote.0.truncate(changes.len() * 16),
        }
        let same = good.nonce == request.nonce
            && good.key == request.key
            && good.service == request.service;
        match self.ask(&request) {
            Ok(release) => {
                assert!(same);
                let opened = attempt.open(&release, self.world.cas.public_key());
                assert_eq!(opened.expect("a grant").command.len(), 2);
                let again = self.ask(&request).expect_err("the nonce is used");
                assert_eq!(again.code(), "cas.nonce-used");
            }
            Err(error) => assert!(!is_same(&good, &request), "{error}"),
        }
    }

    fn request(&self) -> (Attempt, ReleaseRequest) {
        let nonce = self
            .world
            .cas
            .challenge(ELAPSED)
            .expect("randomness")
            .nonce
            .0;
        let service = "shop/till/app".parse().expect("a name");
        let attempt = Attempt::new(service, nonce).expect("randomness");
        let quote = self
            .platform
            .quote(&program(), &attempt.report_data(), NOW.unix());
        let evidence = Evidence::new(quote.expect("a quote"), &self.collateral);
        let request = attempt.request(evidence.expect("JSON"));
        (attempt, request)
    }

    /// Asks, and looks at the log's line.
    fn ask(&self, request: &ReleaseRequest) -> Result<provision::Release, Error> {
        let sessions = &self.world.sessions;
        let decision = self.world.cas.release(sessions, request, NOW, ELAPSED);
        assert!(decision.events.is_empty());
        let [line] = &decision.audit[..] else {
            panic!("a request has one line in the log");
        };
        match &decision.reply {
            Ok(_) => assert!(line.outcome == Outcome::Done && line.measurement.is_some()),
            Err(error) => {
                assert!(line.outcome == Outcome::Refused);
                assert_eq!(line.code.as_deref(), Some(error.code()));
            }
        }
        let detail = line.detail.as_deref().unwrap_or_default();
        assert!(
            detail.lines().count() <= 1 && detail.len() < 4096,
            "{detail}"
        );
        decision.reply
    }
}

fn is_same(one: &ReleaseRequest, other: &ReleaseRequest) -> bool {
    let json = |request| serde_json::to_vec(request).expect("a request is JSON");
    json(one) == json(other)
}

fn alter(bytes: &mut [u8], changes: &[u8]) {
    let (changes, _) = changes.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        let length = bytes.len();
        if length > 0 {
            bytes[at % length] = *to;
        }
    }
}
