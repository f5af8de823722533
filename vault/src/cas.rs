//! Configuration and attestation: sessions, and who is given their secrets.
