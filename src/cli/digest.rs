//! The digest and the status page: gathers what they are drawn from.

use std::path::Path;

use anyhow::Context;
use chrono::Datelike;

use super::duties::{Filed, scene};
use super::world::letter_templates;
use super::{World, delivery};
use crate::forms::letters::Overview;
use crate::stages::digest::{self, Order};

/// Queues the digest of today and renews the page beside the data.
pub(super) async fn send(world: &World, page: &Path) -> anyhow::Result<()> {
    let overview = with_order(world, async |order| Ok(digest::run(&world.store, order, world.now).await?)).await?;
    write_page(world, &overview, page)
}

/// How everything stands now.
pub(super) async fn overview(world: &World) -> anyhow::Result<Overview> {
    with_order(world, async |order| Ok(digest::gather(&world.store, order, world.now).await?)).await
}

/// The page as it is drawn.
pub(super) fn page(world: &World, overview: &Overview) -> anyhow::Result<String> {
    Ok(letter_templates(&world.settings)?.page(overview)?)
}

/// Writes the page whole or not at all.
pub(super) fn write_page(world: &World, overview: &Overview, path: &Path) -> anyhow::Result<()> {
    let drawn = page(world, overview)?;
    let part = path.with_extension("html.part");
    let written = std::fs::write(&part, drawn).and_then(|()| std::fs::rename(&part, path));
    written.with_context(|| format!("无法写入 {}", path.display()))
}

async fn with_order<T>(world: &World, act: impl AsyncFnOnce(&Order<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let World { settings, catalogue, calendar, store, .. } = world;
    let today = world.today();
    let filed = Filed::load(store, settings).await?;
    let owing = filed.owing(settings, catalogue, calendar, today);
    let scene = scene(settings, calendar, &filed.courses(catalogue));
    let agenda: Vec<_> = (today.year()..=today.year() + 1).flat_map(|year| scene.agenda(year)).collect();
    let templates = letter_templates(settings)?;
    let frame = delivery::frame(world);
    let order = Order { settings, calendar, templates: &templates, frame, owing: &owing, agenda: &agenda };
    act(&order).await
}
