//! Reads the line-oriented markdown of a case: headings, tables, steps. Whatever it does not know it refuses.

use std::collections::BTreeMap;

/// The tables that a case may hold and their headers; `tests/calculation/README.md` explains them.
const TABLES: [(&str, &str); 10] = [
    (
        "考核结果",
        "行 人 监狱 罪犯编号 姓名 公民身份号码 培训机构 鉴定机构 培训类别 职业 等级 班期 开班日期 总课时 理论课时 \
         实操课时 鉴定日期 评定结果 证书类型 证书编号 发证日期 鉴定费 是否完成培训 申领",
    ),
    (
        "信息表",
        "行 人 监狱 罪犯编号 姓名 公民身份号码 出生日期 刑满日期 有无一技之长 能否坚持学习 职业 等级 班期 培训机构 \
         核准日期 计划年度 收到日期",
    ),
    ("已核定", "行 种类 申领日期"),
    ("历史", "人 监狱 罪犯编号 公民身份号码 种类 职业 等级 证书类型 证书编号 发证日期 申领日期"),
    (
        "政策",
        "政策 起始日 截止日 rate_by cap_by_fee term_measured_at trainee_group repeat_window window_by cap_window \
         cap_count cap_applies_to bar_lower_level claim_within_months require_verified_id hours_tolerance_points \
         require_assessment_filing",
    ),
    ("标准", "职业 等级 证书类型 人员类别 培训补贴 鉴定补贴 补贴比例 起始日 截止日"),
    ("机构", "机构名称 类型 起始日 截止日"),
    ("处罚", "机构名称 处罚起始日 处罚截止日 重新认定日"),
    ("协议", "监狱 培训机构 协议编号 起始日 截止日 人均培训费"),
    ("豁免", "行 规则 起始日 截止日 终止日"),
];
const EXPECTED: (&str, &str) = ("应得", "行 种类 结果 规则 提示 金额");
const STEPS: &str = "步骤";
const CLAIM_ON: &str = "申领日期：";

/// One file: a title and its cases.
pub struct Paper {
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Default)]
pub struct Case {
    pub title: String,
    pub claim_on: Option<String>,
    pub tables: BTreeMap<String, Vec<Row>>,
    steps: String,
}

/// One row of a table: what stands under each header, where anything does.
#[derive(Clone, Default)]
pub struct Row(BTreeMap<String, String>);

impl Row {
    /// The cell; `None` where it is empty or its column is absent: the default counts.
    pub fn get(&self, header: &str) -> Option<&str> {
        self.0.get(header).map(String::as_str)
    }

    /// The cell, which must be filled.
    pub fn need(&self, header: &str) -> Result<&str, String> {
        self.get(header).ok_or_else(|| format!("{header} is empty"))
    }
}

impl Case {
    /// The rows of a table; `None` where the case does not show it.
    pub fn table(&self, name: &str) -> Option<&[Row]> {
        self.tables.get(name).map(Vec::as_slice)
    }

    fn complete(&self) -> Result<(), String> {
        let filled = |name: &str| self.table(name).is_some_and(|rows| !rows.is_empty());
        if !filled("考核结果") || !filled(EXPECTED.0) {
            return Err(format!("{}: asserts nothing", self.title));
        }
        if self.steps.trim().is_empty() {
            return Err(format!("{}: shows no steps", self.title));
        }
        Ok(())
    }
}

/// Reads a file of cases.
pub fn read_paper(text: &str) -> Result<Paper, String> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = text.lines().peekable();
    if !lines.next().is_some_and(|line| line.starts_with("# ")) {
        return Err("the first line is no title".to_owned());
    }
    let mut section = String::new();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            cases.push(Case { title: title.trim().to_owned(), ..Case::default() });
            section.clear();
            continue;
        }
        let Some(case) = cases.last_mut() else {
            if line.starts_with('|') || line.starts_with("###") {
                return Err("a table stands before the first case".to_owned());
            }
            continue;
        };
        if let Some(heading) = line.strip_prefix("### ") {
            heading.trim().clone_into(&mut section);
            if section != STEPS {
                headers_of(&section)?;
                if case.tables.insert(section.clone(), Vec::new()).is_some() {
                    return Err(format!("{}: {section} twice", case.title));
                }
            }
        } else if line.starts_with('|') {
            let mut table = vec![line];
            while let Some(next) = lines.next_if(|next| next.starts_with('|')) {
                table.push(next);
            }
            let rows = read_table(&section, &table).map_err(|e| format!("{}, {section}: {e}", case.title))?;
            case.tables.entry(section.clone()).or_default().extend(rows);
        } else if section == STEPS {
            case.steps.push_str(line);
        } else if let Some(day) = line.strip_prefix(CLAIM_ON) {
            case.claim_on = Some(day.trim().to_owned());
        } else if section != EXPECTED.0 && !section.is_empty() && !line.trim().is_empty() {
            return Err(format!("{}: text inside {section}: {line}", case.title));
        }
    }
    cases.iter().try_for_each(Case::complete)?;
    if cases.is_empty() {
        return Err("there is no case".to_owned());
    }
    Ok(Paper { cases })
}

fn headers_of(table: &str) -> Result<&'static str, String> {
    let known = TABLES.iter().chain([&EXPECTED]).find(|(name, _)| *name == table);
    known.map(|(_, headers)| *headers).ok_or_else(|| format!("unknown heading {table}"))
}

fn read_table(section: &str, lines: &[&str]) -> Result<Vec<Row>, String> {
    let known = headers_of(section)?;
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|');
        let inner = inner.strip_suffix('|').unwrap_or(inner);
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let [head, rule, rows @ ..] = lines else { return Err("no header".to_owned()) };
    if !rule.chars().all(|c| "|-: ".contains(c)) {
        return Err("no line under the header".to_owned());
    }
    let head = cells(head);
    for header in &head {
        if !known.split_whitespace().any(|known| known == header) {
            return Err(format!("unknown header {header}"));
        }
        if head.iter().filter(|other| *other == header).count() > 1 {
            return Err(format!("header {header} twice"));
        }
    }
    let mut read = Vec::new();
    for row in rows {
        let cells = cells(row);
        if cells.len() != head.len() {
            return Err(format!("{} cells under {} headers: {row}", cells.len(), head.len()));
        }
        let filled = head.iter().cloned().zip(cells).filter(|(_, cell)| !cell.is_empty());
        read.push(Row(filled.collect()));
    }
    Ok(read)
}
