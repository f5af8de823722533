use workload::workload;

#[workload("nothing")]
pub fn nothing(text: String) {
    drop(text);
}

#[workload("number")]
pub fn number(text: String) -> usize {
    text.len()
}

#[workload("optional")]
pub fn optional(text: String) -> Option<String> {
    Some(text)
}

pub struct Silent;

#[workload("silent")]
pub fn silent(text: String) -> Result<String, Silent> {
    Ok(text)
}

fn main() {}
