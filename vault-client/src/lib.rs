//! A blocking client of a vault, which verifies the vault before it says anything.
//!
//! A vault's certificate is signed by nobody else. What makes a connection good is the vault's evidence: a
//! quote over the very key that the connection was made with. So the first that a client asks on every
//! connection is the evidence, and under [`Trust::Attested`] nothing else is sent before it has been
//! verified, and the key compared.
//!
//! Who a client is, a vault knows by the key of the client's certificate, an [`Identity`].

mod connection;
mod error;
mod http;
mod identity;
pub mod plain;
mod tls;
mod vault;

pub use error::Error;
pub use http::{Answer, Method};
pub use identity::{Identity, IdentityError};
pub use tls::Trust;
pub use vault::Vault;
