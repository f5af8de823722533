use workload::workload;

#[workload("zero", time = "0s")]
pub fn zero(text: String) -> String {
    text
}

#[workload("day", time = "61m")]
pub fn day(text: String) -> String {
    text
}

#[workload("unit", time = "1h")]
pub fn unit(text: String) -> String {
    text
}

#[workload("bare", time = "5")]
pub fn bare(text: String) -> String {
    text
}

#[workload("number", time = 5)]
pub fn number(text: String) -> String {
    text
}

#[workload("nothing", time)]
pub fn nothing(text: String) -> String {
    text
}

fn main() {}
