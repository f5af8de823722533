//! Heads of requests to a vault.

/// One of each method, and what headers can do.
pub(super) fn heads() -> Vec<Vec<u8>> {
    [
        "GET /v1/evidence HTTP/1.1\r\nHost: v\r\n\r\n",
        "GET /v1/audit?from=1&limit=9 HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n",
        "POST /v1/release HTTP/1.1\r\nHost: v\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "PUT /v1/sessions/a/b HTTP/1.1\r\nhost: v\r\nExpect: 100-continue\r\nContent-Length: 4096\r\n\r\n",
        "DELETE /v1/workers/w/generations/1 HTTP/1.1\r\nHost: v\r\nUser-Agent: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: v\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ]
    .map(|head| head.as_bytes().to_vec())
    .into()
}
