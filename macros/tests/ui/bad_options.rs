use workload::workload;

#[workload("unknown", netwrok)]
pub fn unknown(text: String) -> String {
    text
}

#[workload("twice", network, time = "1s", network, time = "2s")]
pub fn twice(text: String) -> String {
    text
}

#[workload("value", network = true)]
pub fn value(text: String) -> String {
    text
}

#[workload("commas" network)]
pub fn commas(text: String) -> String {
    text
}

fn main() {}
