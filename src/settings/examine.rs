//! The file held against the known keys: each section and key that it may have, and what may stand there.

use std::collections::HashSet;

use super::credentials;
use super::document::{self, Lines, Section, Value};
use super::duties;
use super::keys;
use super::mail;
use super::mailbox;
use super::mistake::{Mistakes, Place};
use crate::subsidy::identifiers::normalise;

/// Holds the file against the known keys.
pub(super) fn examine(text: &str, mistakes: &mut Mistakes) {
    let Some(root) = document::parse(text, mistakes) else { return };
    let lines = Lines(text);
    let mut root = Section::new(root.get_ref(), lines, Place::at(1, 1));
    for name in keys::sections() {
        let Some(mut section) = root.table(name, mistakes) else { continue };
        for key in keys::of(name) {
            let value = section.get(key.name, key.kind, mistakes);
            if key.name == "email" {
                mail::examine_addresses(value, mistakes);
            }
        }
        section.finish(mistakes);
    }
    if let Some(prisons) = root.tables("prison", mistakes) {
        examine_prisons(prisons, mistakes);
    }
    if let Some(agencies) = root.tables("agency", mistakes) {
        examine_agencies(agencies, mistakes);
    }
    if let Some(sections) = root.tables("duty", mistakes) {
        duties::examine(sections, mistakes);
    }
    root.finish(mistakes);
}

fn examine_prisons(prisons: Vec<Section<'_, '_>>, mistakes: &mut Mistakes) {
    let (mut names, mut ids, mut leads) = (HashSet::new(), HashSet::new(), Vec::new());
    let all_read = prisons.len();
    let first = prisons.first().map(|section| section.place).unwrap_or_default();
    for mut section in prisons {
        let place = section.place;
        for key in keys::PRISON {
            match if key.name == "name" {
                section.need(key.name, key.kind, mistakes)
            } else {
                section.get(key.name, key.kind, mistakes)
            } {
                Some((Value::Text(id), place)) if key.name == "id" => examine_id(&id, place, &mut ids, mistakes),
                Some((Value::Text(name), place)) => {
                    let short = normalise(name.strip_suffix("监狱").unwrap_or(&name));
                    if !names.insert(short) {
                        mistakes.error(place, format!("监狱“{name}”写了两次"), "每个监狱只写一节 [[prison]]");
                    }
                }
                Some((Value::Truth(true), _)) => leads.push(place),
                senders @ Some(_) if key.name == "senders" => mailbox::examine_senders(senders, mistakes),
                addresses @ Some((Value::Texts(_), _)) => mail::examine_addresses(addresses, mistakes),
                _ => {}
            }
        }
        if let Some(account) = section.table("account", mistakes) {
            examine_account(account, mistakes);
        }
        section.finish(mistakes);
    }
    let advice = "在汇总上报的那一个监狱写 lead = true，其余写 false";
    match leads.as_slice() {
        [] if !mistakes.broken_lines.is_empty() => {}
        [] => mistakes.error(first, format!("{all_read} 个监狱中没有牵头监狱"), advice),
        [_] => {}
        [_, others @ ..] => {
            for place in others {
                mistakes.error(*place, "牵头监狱多于一个", advice);
            }
        }
    }
}

/// The id of a prison names its credentials, beside those of the agencies.
fn examine_id(id: &str, place: Place, ids: &mut HashSet<String>, mistakes: &mut Mistakes) {
    if id.is_empty() {
        return;
    }
    if !credentials::is_name(id) {
        mistakes.error(place, format!("“{id}”不能作监狱的 id"), "只用英文字母、数字、- 和 _，如 \"liyang\"");
    } else if keys::AGENCY_IDS.contains(&id) || !ids.insert(id.to_owned()) {
        mistakes.error(place, format!("id = \"{id}\" 已被别的单位用了"), "每个单位的 id 各不相同");
    }
}

fn examine_account(mut account: Section<'_, '_>, mistakes: &mut Mistakes) {
    let place = account.place;
    let mut filled = 0;
    for key in keys::ACCOUNT {
        let Some((Value::Text(text), at)) = account.get(key.name, key.kind, mistakes) else { continue };
        filled += usize::from(!text.trim().is_empty());
        if key.name == "number" && !text.bytes().all(|b| b.is_ascii_digit()) {
            mistakes.error(at, "账号只能是数字", "请写成不带空格和横线的数字，并加引号");
        }
    }
    if filled > 0 && filled < keys::ACCOUNT.len() {
        mistakes.error(place, "专户资料不全", "户名 name、开户银行 bank、账号 number 三项都填，或三项都留空");
    }
    account.finish(mistakes);
}

fn examine_agencies(agencies: Vec<Section<'_, '_>>, mistakes: &mut Mistakes) {
    let mut ids = Vec::new();
    let first = agencies.first().map(|section| section.place).unwrap_or_default();
    for mut section in agencies {
        for key in keys::AGENCY {
            if key.name == "email" {
                mail::examine_addresses(section.get(key.name, key.kind, mistakes), mistakes);
                continue;
            }
            if key.name == "senders" {
                mailbox::examine_senders(section.get(key.name, key.kind, mistakes), mistakes);
                continue;
            }
            let value = section.need(key.name, key.kind, mistakes);
            if let (Some((Value::Text(id), place)), "id") = (value, key.name) {
                if ids.contains(&id) {
                    mistakes.error(place, format!("部门 {id} 写了两次"), "每个部门只写一节 [[agency]]");
                }
                ids.push(id);
            }
        }
        section.finish(mistakes);
    }
    if !mistakes.broken_lines.is_empty() {
        return;
    }
    for missing in keys::AGENCY_IDS.iter().filter(|id| !ids.iter().any(|known| known == *id)) {
        let advice =
            format!("请补一节 [[agency]]，id = \"{missing}\"，name = 正式名称；或删去全部 [[agency]] 用默认的四个");
        mistakes.error(first, format!("缺少部门 {missing}"), advice);
    }
}
