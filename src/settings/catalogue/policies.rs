//! policies.toml: caps and windows with the dates between which they hold, by the parameter names of RULES.

use super::{POLICIES, Reader};
use crate::settings::document::{self, Kind, Lines, Section, Value};
use crate::settings::mistake::{Mistakes, Place};
use crate::subsidy::calendar::Span;
use crate::subsidy::policy::{CapAppliesTo, CapWindow, Policy, RateBy, RepeatWindow, TermMeasuredAt, WindowBy};

/// More than anybody could be granted in a life.
const MAX_CAP: i64 = 1000;
/// A hundred years.
const MAX_MONTHS: i64 = 1200;

macro_rules! set_choice {
    ($policy:ident . $field:ident : $type:ident, $section:ident, $mistakes:ident) => {{
        const WORDS: &[&str] = &{
            let mut words = [""; $type::ALL.len()];
            let mut i = 0;
            while i < words.len() {
                words[i] = $type::ALL[i].as_str();
                i += 1;
            }
            words
        };
        if let Some((Value::Text(text), _)) = $section.get(stringify!($field), Kind::Choice(WORDS), $mistakes)
            && let Some(choice) = $type::ALL.iter().find(|choice| choice.as_str() == text)
        {
            $policy.$field = *choice;
        }
    }};
}

/// Reads `policies.toml`.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<Policy> {
    let mut mistakes = Mistakes::of(format!("{}/{POLICIES}", reader.folder));
    let mut policies: Vec<(Policy, Place)> = Vec::new();
    match reader.files.get(POLICIES) {
        None => mistakes.error(
            Place::default(),
            "没有这个文件",
            "请放一个，至少有一节 [[policy]]（可用 shenling init 文件夹 取得模板）",
        ),
        Some(bytes) => {
            if let Some(text) = document::utf8(bytes, &mut mistakes) {
                policies = read_text(text, &mut mistakes);
            }
        }
    }
    doubles(&policies, &mut mistakes);
    reader.close(mistakes);
    policies.into_iter().map(|(policy, _)| policy).collect()
}

fn read_text(text: &str, mistakes: &mut Mistakes) -> Vec<(Policy, Place)> {
    let Some(root) = document::parse(text, mistakes) else { return Vec::new() };
    let mut root = Section::new(root.get_ref(), Lines(text), Place::at(1, 1));
    let sections = root.tables("policy", mistakes).unwrap_or_default();
    if sections.is_empty() && mistakes.list.is_empty() {
        mistakes.error(Place::line(1), "没有任何政策", "请至少写一节 [[policy]]，含 id、citation、valid_from");
    }
    let policies = sections.into_iter().filter_map(|section| policy(section, mistakes)).collect();
    root.finish(mistakes);
    policies
}

fn policy(mut section: Section<'_, '_>, mistakes: &mut Mistakes) -> Option<(Policy, Place)> {
    let place = section.place;
    let id = section.need_text("id", mistakes);
    let citation = section.need_text("citation", mistakes);
    let from = section.need("valid_from", Kind::Date, mistakes);
    let to = section.get("valid_to", Kind::DateOrNone, mistakes);
    let from = if let Some((Value::Date(date), _)) = from { Some(date) } else { None };
    let to = if let Some((Value::Date(date), at)) = to { Some((date, at)) } else { None };
    if let (Some(from), Some((to, at))) = (from, to)
        && to < from
    {
        mistakes.error(at, format!("valid_to {to} 早于 valid_from {from}"), "请核对两个日期");
    }
    // Parameters are read in any case, so that their mistakes are told in the same run.
    let valid = Span { from: from.unwrap_or_default(), to: to.map(|(to, _)| to) };
    let mut policy = Policy::with_defaults(id.clone().unwrap_or_default(), citation.clone().unwrap_or_default(), valid);
    parameters(&mut policy, &mut section, mistakes);
    section.finish(mistakes);
    (id.is_some() && citation.is_some() && from.is_some()).then_some((policy, place))
}

fn parameters(policy: &mut Policy, section: &mut Section<'_, '_>, mistakes: &mut Mistakes) {
    set_choice!(policy.rate_by: RateBy, section, mistakes);
    set_choice!(policy.term_measured_at: TermMeasuredAt, section, mistakes);
    set_choice!(policy.repeat_window: RepeatWindow, section, mistakes);
    set_choice!(policy.window_by: WindowBy, section, mistakes);
    set_choice!(policy.cap_window: CapWindow, section, mistakes);
    set_choice!(policy.cap_applies_to: CapAppliesTo, section, mistakes);
    truth(&mut policy.cap_by_fee, "cap_by_fee", section, mistakes);
    truth(&mut policy.bar_lower_level, "bar_lower_level", section, mistakes);
    truth(&mut policy.require_verified_id, "require_verified_id", section, mistakes);
    truth(&mut policy.require_assessment_filing, "require_assessment_filing", section, mistakes);
    whole(&mut policy.cap_count, ("cap_count", 1, MAX_CAP), section, mistakes);
    whole(&mut policy.hours_tolerance_points, ("hours_tolerance_points", 0, 100), section, mistakes);
    if let Some((Value::Text(text), _)) = section.get("trainee_group", Kind::Filled, mistakes) {
        text.trim().clone_into(&mut policy.trainee_group);
    }
    if let Some((Value::Whole(months), _)) = section.get("claim_within_months", Kind::WholeOrNone(MAX_MONTHS), mistakes)
    {
        policy.claim_within_months = u32::try_from(months).ok();
    }
}

fn truth(target: &mut bool, key: &'static str, section: &mut Section<'_, '_>, mistakes: &mut Mistakes) {
    if let Some((Value::Truth(truth), _)) = section.get(key, Kind::Truth, mistakes) {
        *target = truth;
    }
}

fn whole(
    target: &mut u32,
    (key, least, most): (&'static str, i64, i64),
    section: &mut Section<'_, '_>,
    mistakes: &mut Mistakes,
) {
    if let Some((Value::Whole(number), _)) = section.get(key, Kind::Whole(least, most), mistakes)
        && let Ok(number) = u32::try_from(number)
    {
        *target = number;
    }
}

/// Two policies of one id or with a common day; days between two policies on which none holds.
fn doubles(policies: &[(Policy, Place)], mistakes: &mut Mistakes) {
    for (i, (policy, place)) in policies.iter().enumerate() {
        for (other, _) in &policies[..i] {
            if other.id == policy.id {
                mistakes.error(*place, format!("政策 id“{}”写了两次", policy.id), "每个政策用不同的 id");
            }
            // A policy that ends before it begins was told already.
            let sound = |policy: &Policy| policy.valid.to.is_none_or(|to| policy.valid.from <= to);
            if sound(policy) && sound(other) && other.valid.overlaps(&policy.valid) {
                let message = format!("政策“{}”与“{}”的有效期重叠", policy.id, other.id);
                mistakes.error(*place, message, "请给较早的政策写 valid_to，早于另一个的 valid_from");
            }
        }
    }
    let mut in_order: Vec<&(Policy, Place)> = policies.iter().collect();
    in_order.sort_by_key(|(policy, _)| policy.valid.from);
    for pair in in_order.windows(2) {
        let [(before, _), (after, place)] = pair else { continue };
        if before.valid.to.and_then(|to| to.succ_opt()).is_some_and(|next| next < after.valid.from) {
            let message = format!("政策“{}”与“{}”之间有空档", before.id, after.id);
            mistakes.warn(*place, message, "空档中的日期没有政策可用，无法核定；请核对日期");
        }
    }
}
