use workload::workload;

#[workload]
pub fn none(text: String) -> String {
    text
}

#[workload(5)]
pub fn number(text: String) -> String {
    text
}

#[workload("")]
pub fn empty(text: String) -> String {
    text
}

#[workload("Python_Fib")]
pub fn characters(text: String) -> String {
    text
}

#[workload("9lives")]
pub fn digit(text: String) -> String {
    text
}

#[workload("end-")]
pub fn end(text: String) -> String {
    text
}

#[workload("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
pub fn long(text: String) -> String {
    text
}

fn main() {}
