//! What a hostile host can do, tried.
