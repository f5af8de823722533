//! The requester's signature: wrong, foreign, oddly written; and odd ones that must be accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::Reason::{self, OrderSignature, ReceiptSignature, RequestMember};
use protocol::crypto::pem;
use protocol::receipt::{Draft, ReceiptStatus};
use protocol::{RequesterId, WorkOrderId, WorkerId};
use sconce_tests::entropy::FixedEntropy;
use sconce_tests::keys;
use sconce_tests::orders::{TestOrder, request_hash};
use serde_json::{Value, json};

use crate::case::{Case, Change, case, ends, is_answered, is_error};
use crate::ids::registration;

pub(crate) fn cases() -> Vec<Case> {
    let wrong = WRONG.iter().map(|(name, change)| {
        case(*name, |stage| {
            let mut order = stage.order("python-hello", "x");
            order.sign(&keys::requester_signing());
            change(&mut order);
            ends(stage, &order, OrderSignature)
        })
    });
    let accepted = ACCEPTED.iter().map(|(name, change)| {
        case(*name, |stage| {
            let mut order = stage.order("python-hello", "x");
            order.sign(&keys::requester_signing());
            change(&mut order);
            is_answered(stage, &order)
        })
    });
    let records = RECORDS.iter().map(|(name, value)| {
        case(*name, |stage| {
            let mut params = registration("ab0c");
            params["details"]["workerTypeData"]["encryptionKeySignature"] = (*value).into();
            is_error(&stage.operate("WorkerRegister", &params)?, 2, RequestMember)
        })
    });
    let receipts = RECEIPTS.iter().map(|(name, code, reason, change)| {
        case(*name, move |stage| {
            let order = stage.order("python-hello", "x");
            is_answered(stage, &order)?;
            let mut receipt = receipt_of(&order);
            change(&mut receipt);
            let reply = stage.call("WorkOrderReceiptCreate", &receipt)?;
            match reason {
                Some(reason) => is_error(&reply, *code, *reason),
                None if reply["error"]["code"] == *code => Ok(()),
                None => Err(format!("wanted {code}: {reply}")),
            }
        })
    });
    let orders = wrong.chain(accepted);
    orders.chain(records).chain(receipts).collect()
}

const WRONG: &[(&str, Change)] = &[
    ("somebody else's key", |o| {
        o.params["verifyingKey"] = keys::worker_signing().verifying_key().pem().into();
    }),
    ("somebody else's signature", |o| {
        let key = o.params["verifyingKey"].take();
        o.sign(&keys::worker_signing());
        o.params["verifyingKey"] = key;
    }),
    ("the signature of another order", |o| {
        o.params["requesterId"] = "0d".into();
        o.rehash();
    }),
    ("no key", |o| {
        _ = o.params.as_object_mut().unwrap().remove("verifyingKey")
    }),
    ("an empty key", |o| o.params["verifyingKey"] = "".into()),
    ("an RSA key", |o| {
        let key = keys::worker_decryption().encryption_key().unwrap();
        o.params["verifyingKey"] = key.pem().into();
    }),
    ("a compressed point", |o| {
        key_of(o, |der| {
            let mut short = der[..23 + 33].to_vec();
            short[23] = 2 + (der[der.len() - 1] & 1);
            (short[1], short[22 - 1]) = (0x36, 0x22);
            short
        })
    }),
    ("a point that is not on the curve", |o| {
        key_of(o, |mut der| {
            *der.last_mut().unwrap() ^= 1;
            der
        })
    }),
    ("the point at infinity", |o| {
        key_of(o, |mut der| {
            der[23..].fill(0);
            der
        })
    }),
    ("a key of another curve", |o| {
        key_of(o, |mut der| {
            // prime256v1 in the place of secp256k1, of the same length after a byte less of content.
            der[17] = 0x22;
            der
        })
    }),
    ("a signature cut short", |o| {
        der_of(o, |der| der[..der.len() - 1].to_vec())
    }),
    ("a byte behind the signature", |o| {
        der_of(o, |mut der| {
            der.push(0);
            der
        })
    }),
    ("a signature of zeros", |o| {
        der_of(o, |_| vec![0x30, 6, 2, 1, 0, 2, 1, 0])
    }),
    ("r and s without DER", |o| {
        der_of(o, |der| {
            let (r, s) = parts(&der);
            [r, s].concat()
        })
    }),
    ("a length in BER's long form", |o| {
        der_of(o, |der| [&[0x30, 0x81, der[1]], &der[2..]].concat())
    }),
    ("an integer with a zero too many", |o| {
        der_of(o, |der| {
            let (r, s) = parts(&der);
            written(&[&[0], &r[..]].concat(), &s, 1)
        })
    }),
    ("a tag of another type", |o| {
        der_of(o, |mut der| {
            der[0] = 0x31;
            der
        })
    }),
    ("an empty sequence", |o| der_of(o, |_| vec![0x30, 0])),
    ("r beyond the order of the curve", |o| {
        der_of(o, |der| written(&ORDER, &parts(&der).1, 0))
    }),
    ("10 kB of signature", |o| der_of(o, |_| vec![0x30; 10_000])),
];

const ACCEPTED: &[(&str, Change)] = &[
    // Avalon's signers emit it, so it must not be refused (wire facts 4.5, quirk 16).
    ("high s is accepted", |o| {
        der_of(o, |der| {
            let (r, s) = parts(&der);
            written(&r, &complement(&s), 0)
        })
    }),
    ("no signature is accepted", |o| {
        let params = o.params.as_object_mut().unwrap();
        params.remove("requesterSignature");
        params.remove("verifyingKey");
    }),
    ("an empty signature beside a key is none", |o| {
        o.params["requesterSignature"] = "".into()
    }),
    ("a key wrapped at 76 columns is accepted", |o| {
        let text = o.params["verifyingKey"].as_str().unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let (one, two) = body.split_at(76);
        o.params["verifyingKey"] =
            format!("-----BEGIN PUBLIC KEY-----\n{one}\n{two}\n-----END PUBLIC KEY-----").into();
    }),
];

/// What stands for the signature of a worker's encryption key under its signing key.
const RECORDS: &[(&str, &str)] = &[
    ("a worker's key without the signature that it claims", ""),
    ("a worker's key with a signature that is no hex", "xyz"),
    (
        "a worker's key with a signature that is none",
        "3006020100020100",
    ),
];

/// What is done to a receipt; the code and, unless it's accepted, the reason.
type ReceiptChange = (&'static str, i64, Option<Reason>, fn(&mut Value));

const RECEIPTS: &[ReceiptChange] = &[
    (
        "a receipt without its signature",
        2,
        Some(RequestMember),
        |r| {
            r.as_object_mut().unwrap().remove("requesterSignature");
        },
    ),
    (
        "a receipt with an empty signature",
        2,
        Some(RequestMember),
        |r| {
            r["requesterSignature"] = "".into();
        },
    ),
    ("a receipt without its key", 2, Some(RequestMember), |r| {
        r.as_object_mut().unwrap().remove("receiptVerificationKey");
    }),
    (
        "a receipt with somebody else's key",
        4,
        Some(ReceiptSignature),
        |r| {
            r["receiptVerificationKey"] = keys::worker_signing().verifying_key().pem().into();
        },
    ),
    (
        "a receipt that was changed",
        4,
        Some(ReceiptSignature),
        |r| {
            r["receiptCreateStatus"] = 3.into();
        },
    ),
    (
        "a receipt whose signature is no DER",
        4,
        Some(ReceiptSignature),
        |r| {
            r["requesterSignature"] = "AAAA".into();
        },
    ),
    ("a receipt by other rules", 2, Some(RequestMember), |r| {
        r["signatureRules"] = "SHA-1/SECP256K1".into();
    }),
    ("a receipt with high s is accepted", 0, None, |r| {
        let der = STANDARD
            .decode(r["requesterSignature"].as_str().unwrap())
            .unwrap();
        let (one, two) = parts(&der);
        r["requesterSignature"] = STANDARD.encode(written(&one, &complement(&two), 0)).into();
    }),
];

/// An honest receipt of an order.
fn receipt_of(order: &TestOrder) -> Value {
    let ids = order.params.clone();
    let id = |name: &str| ids[name].as_str().unwrap().to_owned();
    let draft = Draft {
        work_order_id: &WorkOrderId::new(id("workOrderId")).unwrap(),
        worker_id: &WorkerId::new(id("workerId")).unwrap(),
        requester_id: &RequesterId::new(id("requesterId")).unwrap(),
        request_hash: request_hash(&order.params),
        status: ReceiptStatus::Pending,
    };
    let receipt = draft.sign(&keys::requester_signing(), &FixedEntropy::new("receipt"));
    serde_json::to_value(receipt.unwrap()).unwrap()
}

/// Changes the DER of the key.
fn key_of(order: &mut TestOrder, change: fn(Vec<u8>) -> Vec<u8>) {
    let text = order.params["verifyingKey"].as_str().unwrap();
    let der = pem::decode("PUBLIC KEY", text).unwrap();
    order.params["verifyingKey"] = pem::encode("PUBLIC KEY", &change(der)).into();
}

/// Changes the DER of the signature.
fn der_of(order: &mut TestOrder, change: fn(Vec<u8>) -> Vec<u8>) {
    let text = order.params["requesterSignature"].as_str().unwrap();
    let der = change(STANDARD.decode(text).unwrap());
    order.params["requesterSignature"] = json!(STANDARD.encode(der));
}

/// r and s of a DER signature, 32 bytes each.
fn parts(der: &[u8]) -> ([u8; 32], [u8; 32]) {
    let integer = |at: usize| {
        let length = usize::from(der[at + 1]);
        let bytes = &der[at + 2..at + 2 + length];
        let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        let mut whole = [0; 32];
        whole[32 - digits.len()..].copy_from_slice(digits);
        (whole, at + 2 + length)
    };
    let (r, next) = integer(2);
    (r, integer(next).0)
}

/// DER of r and s; `more` zeros stand before r that DER has no room for.
fn written(r: &[u8], s: &[u8], more: usize) -> Vec<u8> {
    let integer = |value: &[u8], more: usize| {
        let zeros = value.iter().take_while(|byte| **byte == 0).count();
        let digits = &value[zeros.min(value.len() - 1)..];
        let sign = usize::from(digits[0] >= 0x80) + more;
        let mut out = vec![2, u8::try_from(sign + digits.len()).unwrap()];
        out.resize(2 + sign, 0);
        out.extend_from_slice(digits);
        out
    };
    let body = [integer(r, more), integer(s, 0)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

/// The order of secp256k1's group (SEC 2, 2.4.1).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// The order of the group less `s`.
fn complement(s: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i32::from(ORDER[at]) - i32::from(s[at]) - borrow;
        out[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
        borrow = i32::from(difference < 0);
    }
    out
}
