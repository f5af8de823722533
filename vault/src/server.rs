//! TLS and HTTP, one loop for all connections.
