use workload::workload;

#[workload("show")]
pub fn show<T: ToString>(value: T) -> String {
    value.to_string()
}

fn main() {}
