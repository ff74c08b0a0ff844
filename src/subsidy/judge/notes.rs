//! What is written down while a case is judged: failing rules, waived ones, steps.

use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Rule, RuleSet, Step};
use crate::subsidy::waiver::Waiver;

/// The notes of one case.
pub(super) struct Notes<'a> {
    pub(super) rules: RuleSet,
    pub(super) steps: Vec<Step>,
    /// Waivers in force for the assessment.
    pub(super) waivers: Vec<&'a Waiver>,
    /// Those that were needed.
    pub(super) waived: Vec<i64>,
    pub(super) keep_failures: bool,
    pub(super) keep_all: bool,
}

impl Notes<'_> {
    /// Records a rule that fails, unless it is waived.
    pub(super) fn fail(&mut self, rule: Rule, text: impl FnOnce() -> String) {
        if let Some(waiver) = self.waivers.iter().find(|waiver| waiver.rule == rule) {
            self.waived.push(waiver.id);
            self.rules.insert(Rule::Waived);
            if self.keep_all {
                let Waiver { id, by, reason, until, .. } = waiver;
                let text = format!("{}；豁免{id}（{by}，至{until}）：{reason}", text());
                self.steps.push(Step { rule: rule.number().into(), kept: None, text, figure: None });
            }
            return;
        }
        self.rules.insert(rule);
        if self.keep_failures {
            self.steps.push(Step { rule: rule.number().into(), kept: Some(false), text: text(), figure: None });
        }
    }

    fn keep(&mut self, rule: Rule, text: impl FnOnce() -> String) {
        if self.keep_all {
            self.steps.push(Step { rule: rule.number().into(), kept: Some(true), text: text(), figure: None });
        }
    }

    /// Records a rule either way.
    pub(super) fn rule(&mut self, rule: Rule, kept: bool, text: impl FnOnce() -> String) {
        if kept { self.keep(rule, text) } else { self.fail(rule, text) }
    }

    pub(super) fn amount(&mut self, step: &str, text: impl FnOnce() -> String, figure: Fen) {
        if self.keep_all {
            let figure = Some(format!("{figure}元"));
            self.steps.push(Step { rule: step.into(), kept: None, text: text(), figure });
        }
    }
}
