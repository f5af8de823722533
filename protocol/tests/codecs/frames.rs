//! Frames between manager and worker, and between host and manager.

use proptest::prelude::*;
use sconce_protocol::Reason;
use sconce_protocol::envelope::{ErrorObject, Reply};
use sconce_protocol::membership::{HostMessage, ManagerMessage};
use sconce_protocol::processor::{
    Outcome, Request, Signup, error_frame, order_frame, result_frame, signup_frame,
};
use sconce_protocol::record::{Status, WorkerKeys, WorkerRecord};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::support::{bytes, damage, json, survives, text};

fn host_messages() -> impl Strategy<Value = HostMessage> {
    let join = (text(), text(), text(), text(), any::<[u32; 3]>());
    prop_oneof![
        join.prop_map(
            |(token, instance, worker, endpoint, [capacity, pid, patience])| {
                HostMessage::Join {
                    token,
                    instance,
                    worker,
                    endpoint,
                    capacity,
                    pid,
                    patience,
                }
            }
        ),
        (text(), text()).prop_map(|(token, instance)| HostMessage::Alive { token, instance }),
        (text(), text()).prop_map(|(token, instance)| HostMessage::Leave { token, instance }),
    ]
}

fn manager_messages() -> impl Strategy<Value = ManagerMessage> {
    prop_oneof![
        Just(ManagerMessage::Joined),
        Just(ManagerMessage::Ok),
        Just(ManagerMessage::Unknown),
        text().prop_map(|reason| ManagerMessage::Refused { reason }),
    ]
}

fn signups() -> impl Strategy<Value = Signup> {
    let texts = [(); 9].map(|()| text());
    (texts, any::<u64>()).prop_map(|(texts, generation)| {
        let [
            sealed_data,
            verifying_key,
            encryption_key,
            encryption_key_signature,
            mrenclave,
            quote,
            collateral,
            certificates,
            directory_key,
        ] = texts;
        Signup {
            sealed_data,
            verifying_key,
            encryption_key,
            encryption_key_signature,
            mrenclave,
            quote,
            collateral,
            certificates,
            generation,
            directory_key,
        }
    })
}

proptest! {
    #[test]
    fn orders_are_handed_on_to_the_letter(id in any::<u64>(), request in text()) {
        let frame = order_frame(id, &request);
        prop_assert_eq!(Request::parse(&frame), Ok(Request::Order(request.into())));
        let frame = signup_frame(id);
        prop_assert_eq!(Request::parse(&frame), Ok(Request::Signup));
    }

    #[test]
    fn any_frame_is_a_request_or_not(bytes in bytes(), request in text(), damage in damage()) {
        for frame in [bytes, damage.of(&order_frame(7, &request)), damage.of(&signup_frame(7))] {
            if let Ok(Request::Order(text)) = Request::parse(&frame) {
                let again = order_frame(1, &text);
                prop_assert_eq!(Request::parse(&again), Ok(Request::Order(text)));
            }
        }
    }

    #[test]
    fn answers_are_read_back(id in any::<i64>(), result in json(), reason in prop::sample::select(Reason::ALL)) {
        let id = to_raw_value(&id).unwrap();
        let text = result.to_string();
        match Outcome::parse(&result_frame(&id, &text)) {
            Some(Outcome::Result(raw)) => prop_assert_eq!(raw.get(), text),
            // `null` is no result.
            other => prop_assert!(other.is_none() && result.is_null()),
        }
        let error = ErrorObject::for_manager(reason).about("ab");
        match Outcome::parse(&error_frame(Some(&id), &error)) {
            Some(Outcome::Error(read)) => prop_assert_eq!(read, error),
            _ => prop_assert!(false),
        }
    }

    #[test]
    fn what_clients_are_shown_is_json_and_repeats_no_stranger(code in any::<i64>(), message in "[a-z]{30}", data in json(), bytes in bytes(), damage in damage()) {
        let foreign = json!({ "error": { "code": code, "message": message, "data": data } }).to_string();
        for frame in [foreign.clone().into_bytes(), bytes, damage.of(foreign.as_bytes())] {
            let Some(outcome) = Outcome::parse(&frame) else { continue };
            let shown = outcome.for_client("ab");
            let reply: Reply = serde_json::from_slice(&shown).unwrap();
            if let Some(error) = reply.error {
                prop_assert_eq!(error.data.clone().and_then(|data| data.work_order_id), Some("ab".to_owned()));
                prop_assert!(error.reason().is_some() || !String::from_utf8(shown).unwrap().contains(&message));
            }
        }
    }

    #[test]
    fn members_messages_are_read_back(host in host_messages(), manager in manager_messages(), damage in damage()) {
        let (to, from) = (serde_json::to_vec(&host).unwrap(), serde_json::to_vec(&manager).unwrap());
        prop_assert_eq!(survives::<HostMessage>(&to), Some(host));
        prop_assert_eq!(survives::<ManagerMessage>(&from), Some(manager));
        survives::<HostMessage>(&damage.of(&to));
        survives::<ManagerMessage>(&damage.of(&from));
    }

    #[test]
    fn any_frame_is_a_members_message_or_not(bytes in bytes(), value in json()) {
        for frame in [bytes, value.to_string().into_bytes()] {
            survives::<HostMessage>(&frame);
            survives::<ManagerMessage>(&frame);
            survives::<Signup>(&frame);
            survives::<WorkerRecord>(&frame);
        }
    }

    #[test]
    fn signups_become_records(signup in signups(), damage in damage()) {
        let written = serde_json::to_vec(&signup).unwrap();
        survives::<Signup>(&damage.of(&written));
        let record = WorkerRecord::of_signup(&signup);
        prop_assert_eq!(survives::<WorkerRecord>(&serde_json::to_vec(&record).unwrap()), Some(record.clone()));
        // Random texts are no keys.
        prop_assert!(WorkerKeys::from_details(&record.details).is_err());
    }

    #[test]
    fn any_details_have_keys_or_not(details in json(), data in json()) {
        prop_assert!(WorkerKeys::from_details(&details).is_err());
        let data = json!({ "workerTypeData": data });
        prop_assert!(WorkerKeys::from_details(&data).is_err());
    }

    #[test]
    fn statuses_are_read_back(code in -2i64..8, value in json()) {
        match Status::from_code(code) {
            Some(status) => prop_assert_eq!(status.code(), code),
            None => prop_assert!(!(1..=4).contains(&code)),
        }
        let read: Result<Status, _> = serde_json::from_value(value.clone());
        prop_assert_eq!(read.map(|status| Value::from(status.code())).ok(), value.as_i64().and_then(Status::from_code).map(|_| value));
    }
}
