//! What every [`Engine`](super::Engine) must do.
