//! Which pages there are.

use std::fmt;

use serde::Serialize;
use sgx::sgxs::{Chunks, Page};
use sgx::{PAGE_SIZE, PageType, SecInfo};

use crate::layout::{Area, Layout};

/// Ranges of pages that are alike, in ascending order.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct PageMap(Vec<Range>);

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Range {
    /// From the enclave's base, in bytes.
    offset: u64,
    /// Bytes.
    length: u64,
    /// `reg`, `tcs`, or `none` for a guard.
    #[serde(rename = "type")]
    page_type: &'static str,
    permissions: String,
    /// Of each page's sixteen chunks, those whose content is measured.
    measured_chunks: u32,
    /// Of each page's sixteen chunks, those whose content is loaded and not measured.
    loaded_chunks: u32,
    /// What it's for, where the layout is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<u16>,
}

impl PageMap {
    /// Of a layout, guards included.
    pub(super) fn of(layout: &Layout) -> Self {
        let range = |area: &Area| Range {
            offset: area.offset,
            length: area.length,
            page_type: type_word(area.info),
            permissions: permissions(area.info),
            measured_chunks: if area.measured { 16 } else { 0 },
            loaded_chunks: 0,
            purpose: Some(area.kind.word()),
            thread: area.kind.thread(),
        };
        Self(layout.areas().iter().map(range).collect())
    }

    /// Adds a page behind all others.
    pub(super) fn push(&mut self, page: &Page) {
        let range = Range {
            offset: page.offset,
            length: PAGE_SIZE as u64,
            page_type: type_word(Some(page.info)),
            permissions: permissions(Some(page.info)),
            measured_chunks: Chunks::count(page.measured),
            loaded_chunks: Chunks::count(page.loaded),
            purpose: None,
            thread: None,
        };
        match self.0.last_mut() {
            Some(last) if last.goes_on(&range) => last.length += range.length,
            _ => self.0.push(range),
        }
    }
}

impl Range {
    /// Whether `next` begins where this ends, and is like it.
    fn goes_on(&self, next: &Self) -> bool {
        self.offset + self.length == next.offset
            && self.page_type == next.page_type
            && self.permissions == next.permissions
            && self.measured_chunks == next.measured_chunks
            && self.loaded_chunks == next.loaded_chunks
    }

    fn measured(&self) -> String {
        match (self.page_type, self.measured_chunks, self.loaded_chunks) {
            ("none", ..) => "no page".to_owned(),
            (_, 16, _) => "measured".to_owned(),
            (_, 0, 0) => "not measured".to_owned(),
            (_, 0, _) => "loaded, not measured".to_owned(),
            (_, chunks, _) => format!("{chunks} of 16 chunks measured"),
        }
    }
}

impl fmt::Display for PageMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>12}  {:>8}  {:<4}  {:<4}  content",
            "offset", "pages", "type", "may"
        )?;
        for range in &self.0 {
            write!(
                f,
                "{:>#12x}  {:>8}  {:<4}  {:<4}  {}",
                range.offset,
                range.length / PAGE_SIZE as u64,
                range.page_type,
                range.permissions,
                range.measured(),
            )?;
            match (range.purpose, range.thread) {
                (Some(purpose), Some(thread)) => writeln!(f, ": {purpose} of thread {thread}")?,
                (Some(purpose), None) => writeln!(f, ": {purpose}")?,
                (None, _) => writeln!(f)?,
            }
        }
        Ok(())
    }
}

fn type_word(info: Option<SecInfo>) -> &'static str {
    match info.map(|info| info.page_type) {
        Some(PageType::Reg) => "reg",
        Some(PageType::Tcs) => "tcs",
        None => "none",
    }
}

fn permissions(info: Option<SecInfo>) -> String {
    info.map_or_else(|| "---".to_owned(), |info| info.permissions.to_string())
}
