use workload::workload;

#[workload("later")]
pub async fn later(text: String) -> String {
    text
}

#[workload("danger")]
pub unsafe fn danger(text: String) -> String {
    text
}

#[workload("foreign")]
pub extern "C" fn foreign(number: u64) -> String {
    number.to_string()
}

fn main() {}
