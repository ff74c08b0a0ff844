//! Tests of the papers. Those that print need fonts: `SHENLING_FONTS` or `target/fonts`; without them they say so and
//! pass. `SHENLING_PAPERS_OUT` names a folder that receives the sample papers, to be looked at.

mod details;
mod packets;
mod prints;
mod samples;
mod texts;

use super::{Paper, PaperContext, PaperError, Wanted};
use crate::subsidy::batch::Batch;

/// The wanted papers by group and name.
fn printed(batch: &Batch, ctx: PaperContext<'_>, wanted: Wanted) -> Result<Vec<Paper>, PaperError> {
    let papers = std::sync::Mutex::new(Vec::new());
    super::print(batch, ctx, wanted, |paper| papers.lock().expect("no panic before").push(paper))?;
    let mut papers = papers.into_inner().expect("no panic before");
    papers.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
    Ok(papers)
}
