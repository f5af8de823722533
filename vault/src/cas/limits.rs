//! What sessions may cost.

/// What one session, and one creator's, may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a session's text.
    pub text: usize,
    /// Services of a session.
    pub services: usize,
    /// Secrets of a session.
    pub secrets: usize,
    /// Entities in each list of an access policy: whoever lists sessions is held against all of them.
    pub entities: usize,
    /// Bytes of all values of a session that are made or given.
    pub values: usize,
    /// RSA keys that one version of a session has made: each takes up to a second of a processor.
    pub rsa_keys: usize,
    /// Bytes of the texts and values of one creator's sessions.
    pub bytes_of_creator: usize,
    /// Bytes of the texts and values of all sessions but key management's: they are in memory as long as the vault
    /// runs, and take a multiple of that there.
    pub bytes: usize,
    /// Sessions of one creator. Key management has no limit.
    pub of_creator: usize,
    /// Sessions of all.
    pub sessions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text: provision::MAX_SESSION,
            services: 64,
            secrets: 128,
            entities: 32,
            values: 256 * 1024,
            rsa_keys: 4,
            bytes_of_creator: 1024 * 1024,
            bytes: 6 * 1024 * 1024,
            of_creator: 256,
            sessions: 4096,
        }
    }
}
