//! The reference tables and policies: a row of broken files, each with exactly what is said about it.

use chrono::NaiveDate;

use super::super::{catalogue, fingerprint};
use super::{Folder, heads, shipped};
use crate::subsidy::course::{CertificateType, Level};
use crate::subsidy::money::Fen;
use crate::subsidy::policy::{CapWindow, RepeatWindow};

const INSTITUTIONS: &str = "机构名称*,简称,类型*,组织机构代码,开户银行,户名,银行账号,认定起始日*,认定截止日\n\
    常州甲职业培训学校,甲校;甲,培训,91350100M000100Y43,工行,常州甲职业培训学校,1105 0210 0900 0123 456,2024-01-01,\n\
    常州乙鉴定中心,乙,鉴定,D2143569-X,,,,2024/1/1,2027年12月31日\n";
const AGREEMENTS: &str = "监狱*,培训机构*,协议编号*,起始日*,截止日*,人均培训费(元)\n\
    常州,甲校,2026-1号,2026-01-01,2026-12-31,\"1,000.50\"\n";
const RATES: &str = "职业(工种)*,等级*,证书类型*,人员类别,培训补贴(元),鉴定补贴(元),补贴比例(‰),起始日*,截止日,依据*\n\
    焊工,初级工,职业技能等级证书;职业资格证书,,1000,,,2024-01-01,,常人社发〔2024〕1号\n\
    GYB,,培训合格证书,服刑人员,350.5,,500,2024-01-01,2026-12-31,同上\n";
const OCCUPATIONS: &str = "工种标识*,名称*,职业编码,编码版本,别名,类别\n\
    hangong,焊工,6-18-02-04,2018,电焊工,\n\
    gyb,创业意识培训,,,GYB,创业培训\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder
        .put("catalogue/institutions.csv", INSTITUTIONS)
        .put("catalogue/agreements.csv", AGREEMENTS)
        .put("catalogue/occupations.csv", OCCUPATIONS)
        .put("catalogue/rates.csv", RATES);
    folder
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Replaces a table by a header and rows, and tells what is said about that table alone.
fn said_of(table: &str, text: &str) -> Vec<String> {
    let folder = folder();
    let file = format!("catalogue/{table}");
    folder.put(&file, text);
    folder.said().into_iter().filter(|line| line.starts_with(&file)).collect()
}

#[test]
fn sound_tables_are_read_without_a_word() {
    let folder = folder();
    assert_eq!(folder.said(), Vec::<String>::new());
    let catalogue = folder.loaded().catalogue;
    let school = catalogue.institution("甲校").unwrap().clone();
    let period = catalogue.periods(&school).next().unwrap();
    assert_eq!(period.account.as_deref(), Some("1105021009000123456"));
    assert!(period.trains && !period.assesses);
    let prison = catalogue.prison("常州").unwrap().clone();
    let agreement = catalogue.agreements_of(&prison, &school).next().unwrap();
    assert_eq!((agreement.fee, agreement.number.as_str()), (Some(Fen(100_050)), "2026-1号"));
    let welding = catalogue.occupation("电焊工").unwrap();
    assert_eq!(&*welding.id, "hangong");
    let rate = catalogue.rates_of(&welding.id, Level::Five).next().unwrap();
    assert_eq!(rate.certificate_types, [CertificateType::SkillLevel, CertificateType::Qualification]);
    assert_eq!((rate.training, rate.assessment, rate.share_permille), (Some(Fen(100_000)), None, 1000));
    let gyb = &catalogue.occupation("6 18·02 04").map(|o| o.id.to_string());
    assert_eq!(gyb.as_deref(), Some("hangong"));
    assert_eq!(catalogue.rates_of(&catalogue.occupation("gyb").unwrap().id, Level::None).count(), 1);
    let policy = catalogue.policy_on(date("2026-11-23")).unwrap();
    assert_eq!((policy.id.as_str(), policy.cap_count, policy.claim_within_months), ("changzhou-2022", 3, None));
    assert!(catalogue.policy_on(date("2021-12-31")).is_none());
}

#[test]
fn every_shipped_parameter_is_the_default_of_the_rules() {
    use crate::subsidy::policy::Policy;
    let policy = folder().loaded().catalogue.policies.remove(0);
    let defaults = Policy::with_defaults(policy.id.clone(), policy.citation.clone(), policy.valid);
    assert_eq!(policy, defaults);
    assert_eq!((policy.citation.as_str(), policy.valid.from), ("常司发〔2022〕42号", date("2022-01-01")));
}

#[test]
fn every_column_and_synonym_is_explained_and_stands_in_the_shipped_table() {
    let explanation = std::fs::read_to_string(shipped("catalogue/README.md")).unwrap();
    for (table, columns) in catalogue::columns() {
        let header = std::fs::read_to_string(shipped(&format!("catalogue/{table}.csv"))).unwrap();
        let header = header.lines().next().unwrap().replace("(元)", "").replace("(‰)", "");
        let mut names = header.split(',').map(|name| name.trim_end_matches('*'));
        for (name, synonyms, required) in columns {
            assert_eq!(names.next(), Some(name), "{table}");
            let star = if required { "*" } else { "" };
            let line = format!("| {name}{star} | {} |", synonyms.join(", "));
            assert!(explanation.contains(&line), "README.md lacks: {line}");
        }
        assert_eq!(names.next(), None, "{table}");
    }
}

#[test]
fn the_hash_is_over_what_was_read() {
    let folder = folder();
    let sha256 = folder.loaded().catalogue.sha256;
    assert_eq!(fingerprint(&folder.path("catalogue")).unwrap(), sha256);
    folder.put("catalogue/readme.txt", "x");
    assert_eq!(fingerprint(&folder.path("catalogue")).unwrap(), sha256, "a stranger does not count");
    folder.put("catalogue/rates.csv", RATES.replace("350.5", "351.5"));
    assert_ne!(fingerprint(&folder.path("catalogue")).unwrap(), sha256);
}

#[test]
fn rates_with_many_mistakes() {
    let header = RATES.lines().next().unwrap();
    let rows = "焊接工,六级,技能证,,1000.005,-1,1001,2024-13-01,2024-01-01,\n\
        焊工,,职业技能等级证书,,0,,,2024-01-01,,a\n\
        \n\
        电焊工,五级,职业技能等级证书,,1000,,,2024-01-01,2024-12-31,a\n\
        焊工,5,职业资格证书;技能等级证书,,900,,,2024-12-31,2024-01-01,a\n\
        hangong,5级,技能等级证书,,900,,,2024-12-31,,a\n\
        焊工,五级,技能等级证书,服刑人员,900,,,2024-12-31,,a\n\
        焊工,四级,技能等级证书,企业职工,0.01,,1,2024.12.31,,a\n\
        GYB,五级,培训合格证,,1,000,,2024.12.31,,a,b\n";
    assert_eq!(
        heads(&said_of("rates.csv", &format!("{header}\n{rows}"))),
        [
            "catalogue/rates.csv:2:1 错误：“职业(工种)”“焊接工”不在工种表中",
            "catalogue/rates.csv:2:2 错误：“等级”“六级”不认识",
            "catalogue/rates.csv:2:3 错误：“证书类型”“技能证”不认识",
            "catalogue/rates.csv:2:5 错误：“培训补贴”“1000.005”的小数超过两位",
            "catalogue/rates.csv:2:6 错误：“鉴定补贴”“-1”不是正的金额",
            "catalogue/rates.csv:2:7 错误：“补贴比例”“1001”不对",
            "catalogue/rates.csv:2:8 错误：“起始日”：“2024-13-01”不是日期",
            "catalogue/rates.csv:2:10 错误：“依据”没有填写",
            "catalogue/rates.csv:3:2 错误：“等级”没有填写",
            "catalogue/rates.csv:3:5 错误：“培训补贴”是 0",
            "catalogue/rates.csv:6:9 错误：“截止日”2024-01-01 早于“起始日”2024-12-31",
            "catalogue/rates.csv:7:8 错误：与第 5 行时间重叠（同一工种、等级、人员类别和职业技能等级证书）",
            "catalogue/rates.csv:9:4 警告：人员类别“企业职工”不是任何政策的 trainee_group，这样的行不会用到",
            "catalogue/rates.csv:9:5 错误：“培训补贴”0.01 元按比例 1‰ 计算后为 0",
            "catalogue/rates.csv:10:2 警告：创业培训和专项职业能力证书没有等级，写的是“五级”",
            "catalogue/rates.csv:10:6 错误：“鉴定补贴”是 0",
            "catalogue/rates.csv:10:11 错误：这一行的单元格比表头多",
        ]
    );
}

#[test]
fn institutions_with_many_mistakes() {
    let text = "机构名称,简称,类型,组织机构代码,户名,银行账号,邮箱,认定起始日,认定截止日\n\
        甲学校,甲,培训,91350100M000100Y4Z,乙学校,62220x,mail,2024-01-01,2023-12-31\n\
        乙学校,甲;甲学校,训练,D2143569-1,,6.22E+18,,5/3/2026,\n\
        甲 学校,,培训鉴定,123,,123,,26-01-01,\n\
        ,,鉴定,,,,,2024-01-01,\n";
    assert_eq!(
        heads(&said_of("institutions.csv", text)),
        [
            "catalogue/institutions.csv:2:4 警告：统一社会信用代码“91350100M000100Y4Z”的校验码不对",
            "catalogue/institutions.csv:2:5 警告：户名“乙学校”与机构名称“甲学校”不同",
            "catalogue/institutions.csv:2:6 错误：银行账号不全是数字",
            "catalogue/institutions.csv:2:7 警告：“mail”不是邮箱地址，也不是域名",
            "catalogue/institutions.csv:2:9 错误：“认定截止日”2023-12-31 早于“认定起始日”2024-01-01",
            "catalogue/institutions.csv:3:3 错误：“类型”“训练”不认识",
            "catalogue/institutions.csv:3:4 警告：组织机构代码“D2143569-1”的校验码不对",
            "catalogue/institutions.csv:3:6 错误：银行账号不全是数字",
            "catalogue/institutions.csv:3:8 错误：“认定起始日”：“5/3/2026”不是日期",
            "catalogue/institutions.csv:4:4 警告：“123”有 3 位，不是 9 位组织机构代码或 18 位统一社会信用代码",
            "catalogue/institutions.csv:4:6 警告：银行账号有 3 位",
            "catalogue/institutions.csv:4:8 错误：“认定起始日”：“26-01-01”不是日期",
            "catalogue/institutions.csv:5:1 错误：“机构名称”没有填写",
        ]
    );
    let names = "机构名称,简称,类型,认定起始日\n甲学校,甲,培训,2024-01-01\n乙学校,甲;甲学校,鉴定,2024-01-01\n\
        甲 学校,,鉴定,2025-01-01\n";
    assert_eq!(
        heads(&said_of("institutions.csv", names)),
        [
            "catalogue/institutions.csv:3:2 错误：简称“甲”也指第 2 行的“甲学校”",
            "catalogue/institutions.csv:3:2 错误：简称“甲学校”也指第 2 行的“甲学校”",
            "catalogue/institutions.csv:4:1 警告：“甲 学校”与第 2 行的“甲学校”写法不同，按同一机构“甲学校”处理",
        ]
    );
}

#[test]
fn references_and_dates_of_penalties_and_agreements() {
    let penalties = "机构名称,处罚起始日,处罚截止日,重新认定日\n丙校,2025-01-01,,\n甲校,2025-06-01,2025-05-31,\n甲,2025-06-01,,2025-05-31\n";
    assert_eq!(
        heads(&said_of("penalties.csv", penalties)),
        [
            "catalogue/penalties.csv:2:1 错误：“机构名称”“丙校”不在机构表中",
            "catalogue/penalties.csv:3:3 错误：“处罚截止日”2025-05-31 早于“处罚起始日”2025-06-01",
            "catalogue/penalties.csv:4:4 错误：“重新认定日”2025-05-31 早于“处罚起始日”2025-06-01",
        ]
    );
    let agreements = "监狱,培训机构,协议编号,起始日,截止日,人均培训费(元)\n\
        北京监狱,甲校,1,2026-01-01,2026-12-31,0\n常州监狱,乙,2,2026-01-01,,1\n常州监狱,甲,3,2026-01-01,2026-12-31,\n\
        常州,甲校,3,2026-12-31,2027-12-31,0.001\n溧阳,甲校,3,2026-12-31,2027-12-31,\n常州,乙,5,2026-12-31,2027-12-31,\n";
    assert_eq!(
        heads(&said_of("agreements.csv", agreements)),
        [
            "catalogue/agreements.csv:2:1 错误：“监狱”“北京监狱”没有配置",
            "catalogue/agreements.csv:2:6 错误：“人均培训费”是 0",
            "catalogue/agreements.csv:3:5 错误：“截止日”没有填写",
            "catalogue/agreements.csv:5:3 错误：协议编号“3”与第 4 行相同",
            "catalogue/agreements.csv:5:6 错误：“人均培训费”“0.001”的小数超过两位",
            "catalogue/agreements.csv:6:3 警告：协议编号“3”与第 4 行相同",
            "catalogue/agreements.csv:7:2 警告：“常州乙鉴定中心”没有被认定为培训机构",
        ]
    );
    let tiny = "监狱,培训机构,协议编号,起始日,截止日,人均培训费(元)\n常州,甲,1,2026-01-01,2026-12-31,0.01\n";
    let folder = folder();
    folder.put("catalogue/rates.csv", RATES.replace(",500,", ",499,")).put("catalogue/agreements.csv", tiny);
    assert_eq!(
        heads(&folder.said()),
        ["catalogue/agreements.csv:2 错误：人均培训费 0.01 元按最低补贴比例 499‰ 计算后为 0"]
    );
}

#[test]
fn one_name_means_one_occupation() {
    let text = "工种标识,名称,职业编码,别名,类别\nhan,焊工,6-18-02-04,电焊工,\nhan2,电焊工,6-18-2-4,焊·工;HAN,理论培训\n\
        han,钳工,6-18-02-04,,\ngyb,创业意识培训,,GYB,创业\n";
    assert_eq!(
        heads(&said_of("occupations.csv", text)),
        [
            "catalogue/occupations.csv:3:2 错误：名称“电焊工”也是第 2 行的别名",
            "catalogue/occupations.csv:3:3 警告：职业编码“6-18-2-4”不是 d-dd-dd-dd 的样式",
            "catalogue/occupations.csv:3:4 错误：别名“焊·工”也是第 2 行的名称",
            "catalogue/occupations.csv:3:4 错误：别名“HAN”也是第 2 行的工种标识",
            "catalogue/occupations.csv:3:5 错误：“类别”“理论培训”不认识",
            "catalogue/occupations.csv:4:1 错误：工种标识“han”也是第 2 行的工种标识",
            "catalogue/occupations.csv:4:3 错误：职业编码“6-18-02-04”也是第 2 行的职业编码",
            "catalogue/occupations.csv:3 警告：工种“电焊工”没有补贴标准",
        ]
    );
    let names = text.replace("理论培训", "").replace("han,钳工,6-18-02-04", "qian,钳工,");
    assert_eq!(
        heads(&said_of("occupations.csv", &names))[..],
        [
            "catalogue/occupations.csv:3:2 错误：名称“电焊工”也是第 2 行的别名",
            "catalogue/occupations.csv:3:3 警告：职业编码“6-18-2-4”不是 d-dd-dd-dd 的样式",
            "catalogue/occupations.csv:3:4 错误：别名“焊·工”也是第 2 行的名称",
            "catalogue/occupations.csv:3:4 错误：别名“HAN”也是第 2 行的工种标识",
            "catalogue/occupations.csv:3 警告：工种“电焊工”没有补贴标准",
            "catalogue/occupations.csv:4 警告：工种“钳工”没有补贴标准",
        ]
    );
}

#[test]
fn policies_with_many_mistakes() {
    let text = "[[policy]]\nid = \"a\"\ncitation = \"x\"\nvalid_from = 2022-01-01\ncap_count = 0\n\
        repeat_window = \"rolling\"\ncap_by_fee = \"true\"\nclaim_within_months = 0\nhours_tolerance_points = 10.0\n\
        caps = 3\n[[policy]]\nid = \"a\"\nvalid_from = \"2023-02-30\"\nvalid_to = 2022-01-01T00:00:00\ncitation = \"\"\n\
        [[policies]]\n[[policy]]\nid = \"a\"\ncitation = \"x\"\nvalid_from = \"2024-01-01\"\nvalid_to = 2023-12-31\n";
    assert_eq!(
        heads(&said_of("policies.toml", text)),
        [
            "catalogue/policies.toml:5:13 错误：cap_count：0 超出范围",
            "catalogue/policies.toml:6:17 错误：repeat_window：“rolling”不是允许的选项",
            "catalogue/policies.toml:7:14 错误：cap_by_fee：文字 \"true\" 不是 true 或 false",
            "catalogue/policies.toml:8:23 错误：claim_within_months：0 超出范围",
            "catalogue/policies.toml:9:26 错误：hours_tolerance_points：小数 10.0 不是允许范围内的整数",
            "catalogue/policies.toml:10:1 错误：不认识的键 caps",
            "catalogue/policies.toml:13:14 错误：valid_from：“2023-02-30”不是日期",
            "catalogue/policies.toml:14:12 错误：valid_to：2022-01-01T00:00:00 不是日期",
            "catalogue/policies.toml:15:12 错误：citation：不能为空",
            "catalogue/policies.toml:16:3 错误：不认识的键 policies",
            "catalogue/policies.toml:17:1 错误：政策 id“a”写了两次",
            "catalogue/policies.toml:21:12 错误：valid_to 2023-12-31 早于 valid_from 2024-01-01",
        ]
    );
    let advice = &said_of("policies.toml", text)[1];
    assert!(advice.ends_with("请写下列之一：\"calendar-year\"、\"rolling-12-months\"、\"ever\""), "{advice}");
}

#[test]
fn policies_in_a_row() {
    let policy = |id: &str, from: &str, more: &str| {
        format!("[[policy]]\nid = \"{id}\"\ncitation = \"x\"\nvalid_from = {from}\n{more}\n")
    };
    let overlapping = policy("a", "2022-01-01", "") + &policy("b", "2025-01-01", "");
    assert_eq!(
        heads(&said_of("policies.toml", &overlapping)),
        ["catalogue/policies.toml:6:1 错误：政策“b”与“a”的有效期重叠"]
    );
    let gap =
        policy("a", "2022-01-01", "valid_to = \"2024-12-30\"") + &policy("b", "2025-01-01", "valid_to = \"none\"");
    assert_eq!(heads(&said_of("policies.toml", &gap)), ["catalogue/policies.toml:6:1 警告：政策“a”与“b”之间有空档"]);
    assert_eq!(heads(&said_of("policies.toml", "")), ["catalogue/policies.toml:1 错误：没有任何政策"]);
    let more = "cap_window = \"lifetime\"\nclaim_within_months = 12\nrepeat_window = \"ever\"\ncap_count = 2";
    let folder = folder();
    folder.put("catalogue/policies.toml", policy("a", "2022-01-01", more));
    let policy = folder.loaded().catalogue.policies.remove(0);
    assert_eq!((policy.cap_window, policy.repeat_window), (CapWindow::Lifetime, RepeatWindow::Ever));
    assert_eq!((policy.cap_count, policy.claim_within_months), (2, Some(12)));
}

#[test]
fn headers_in_any_order_in_english_with_titles_and_strange_columns() {
    let text = "补贴标准一览表,,,,,,,\n\nTRAINING,valid_from,级别,Certificate_Type,LEVEL,Occupation,citation,备注\n1000,20240101,x,技能等级证书,5,焊工,a,b\n";
    let folder = folder();
    folder.put("catalogue/rates.csv", text);
    assert_eq!(
        heads(&folder.said()),
        [
            "catalogue/rates.csv:3:3 警告：不认识的列“级别”，没有读取",
            "catalogue/occupations.csv:3 警告：工种“创业意识培训”没有补贴标准",
        ]
    );
    assert_eq!(folder.loaded().catalogue.rates[0].training, Some(Fen(100_000)));
    let twice = "occupation,工种,level,证书类型,起始日\n焊工,焊工,5,技能等级证书,2024-01-01\n";
    assert_eq!(
        heads(&said_of("rates.csv", twice)),
        [
            "catalogue/rates.csv:1 错误：缺少必需的列“依据”",
            "catalogue/rates.csv:1:2 错误：“职业(工种)”一列出现了两次",
            "catalogue/rates.csv:2 警告：培训补贴和鉴定补贴都是空的",
        ]
    );
}

#[test]
fn lines_are_counted_through_quotes_and_every_line_end() {
    let text = "机构名称,类型,认定起始日\r\n\r\n\"甲\n校\",培训/鉴定,2024-01-01 0:00\r\n\n\"乙,校\",培,2024-01-01\n丙校,鉴定,二〇二四年\n";
    assert_eq!(
        heads(&said_of("institutions.csv", text)),
        [
            "catalogue/institutions.csv:3:1 错误：“机构名称”中有换行或控制字符",
            "catalogue/institutions.csv:6:2 错误：“类型”“培”不认识",
            "catalogue/institutions.csv:7:3 错误：“认定起始日”：“二〇二四年”不是日期",
        ]
    );
}

#[test]
fn encodings_and_files() {
    let folder = folder();
    let (gb, _, _) = encoding_rs::GB18030.encode(INSTITUTIONS);
    folder.put("catalogue/institutions.csv", &gb).put("catalogue/agreements.csv", format!("\u{FEFF}{AGREEMENTS}"));
    assert_eq!(folder.said(), Vec::<String>::new());
    folder.put("catalogue/survey.csv", "").put("catalogue/rate.csv", "").put("catalogue/~$rates.xlsx", "");
    folder.put("catalogue/penalties.csv", b"\xFF\xFEx").put("catalogue/institutions.csv", "");
    folder.put("catalogue/occupations.csv", "PK\u{3}\u{4}").remove("catalogue/agreements.csv");
    assert_eq!(
        heads(&folder.said()),
        [
            "catalogue/rate.csv 警告：不认识的文件，没有读取",
            "catalogue/survey.csv 警告：这个文件含个人信息，不从目录文件夹读取",
            "catalogue/institutions.csv:1 错误：文件是空的",
            "catalogue/penalties.csv 错误：文件编码不是 UTF-8 或 GB18030",
            "catalogue/agreements.csv 警告：没有这个文件（.csv 或 .xlsx），当作没有记录",
            "catalogue/occupations.csv 错误：文件名是 .csv，内容却是工作簿",
        ]
    );
    std::fs::rename(folder.path("catalogue"), folder.path("moved")).unwrap();
    assert!(folder.said()[0].starts_with("catalogue 错误：读不到目录文件夹"));
}
