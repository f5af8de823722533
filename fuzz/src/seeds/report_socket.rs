//! Messages of the report socket.

use link::report::{Answer, Counter, Refusal, Request};
use sgx::{Attributes, KeyName, KeyPolicy, KeyRequest, Miscselect};

use crate::report_socket::answer;

pub(super) fn messages() -> Vec<Vec<u8>> {
    let report_data = Box::new([7; 64]);
    let report = Request::Report {
        target: Box::new([0; 512]),
        report_data: report_data.clone(),
    };
    let quote = Request::Quote { report_data };
    let key = Request::Key(Box::new(seal_key().to_bytes()));
    let to = Counter {
        number: 1,
        digest: [3; 32],
    };
    let (collateral, counter) = (Request::Collateral, Request::Counter);
    let advance = Request::Advance(to);
    let asked = [&report, &quote, &key, &collateral, &counter, &advance];
    let mut seeds: Vec<_> = asked.map(|request| seed(0, &[&request.encode()])).to_vec();
    seeds.push(seed(0, &[&report.encode(), &key.encode()]));

    let answers = asked.map(|request| answer(request).expect("honest requests"));
    seeds.extend(answers.iter().map(|answer| seed(1, &[&answer.encode()])));
    let [report, _, key, ..] = &answers;
    // What a program reads that wants a sealing key.
    seeds.push(seed(1, &[&report.encode(), &key.encode()]));
    let refused = Refusal::ALL.map(|refusal| seed(1, &[&Answer::Refused(refusal).encode()]));
    seeds.extend(refused);
    seeds
}

fn seed(side: u8, messages: &[&[u8]]) -> Vec<u8> {
    let mut seed = vec![side];
    seed.extend(messages.concat());
    seed
}

fn seal_key() -> KeyRequest {
    KeyRequest {
        name: KeyName::SEAL,
        policy: KeyPolicy::MRSIGNER,
        isv_svn: 0,
        cet_attributes_mask: 0,
        cpusvn: [0; 16],
        attributes_mask: Attributes::ALL,
        key_id: [9; 32],
        miscselect_mask: Miscselect(0),
        config_svn: 0,
    }
}
