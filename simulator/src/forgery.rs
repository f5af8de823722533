//! What an attacker would show a verifier, made with a platform's own keys: for tests alone.

/// Evidence that a verifier has to refuse, or to read with care. Nothing on the honest way makes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forgery {
    /// The quote is signed with another attestation key than the quoting enclave vouched for.
    AttestationKey,
    /// The quote's header names this version.
    HeaderVersion(u16),
    /// The quote's header names a vendor that nobody knows.
    Vendor,
    /// The quoting enclave ran in debug mode.
    QeDebug,
    /// The quoting enclave is somebody else's.
    QeSigner,
    /// The quoting enclave is another product of the vendor.
    QeProduct,
    /// The quoting enclave's report is signed with a key that nobody certified.
    QeReportKey,
    /// The quoting enclave gives this many bytes of authentication data, where 32 are usual.
    QeAuthData(u16),
    /// The PCK certificate is of a machine of another family (FMSPC).
    Fmspc,
    /// The PCK certificate is of a machine with another provisioning enclave (PCE-ID).
    PceId,
    /// TCB info writes its FMSPC with lower-case digits. That is no lie, and to be accepted.
    FmspcLowercase,
    /// TCB info has no level.
    NoLevels,
    /// TCB info is signed with the PCK key, and its chain is the PCK's.
    TcbInfoSigner,
    /// TCB info's signature is that of other bytes.
    TcbInfoSignature,
    /// The certificate of the authority over PCKs does not make it one.
    PckCaIsNone,
    /// The list of revoked PCK certificates comes from the root instead of from the authority over PCKs.
    PckCrlIssuer,
    /// The root bears the name of Intel's.
    RootName,
}
