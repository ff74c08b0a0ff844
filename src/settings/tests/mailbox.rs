//! `[mailbox]` and who may send: mistakes with their places, and what will be missed.

use super::super::doubts;
use super::super::mailbox::{unit_of, units};
use super::{Folder, heads, told};

const MAILBOX: &str = "[mailbox]\nhost = \"imap.example.cn\"\nuser = \"office@example.cn\"\n[mail]\nhost = \"smtp.example.cn\"\nfrom = \"office@example.cn\"\n";

fn prisons(keys: &str) -> String {
    format!(
        "[[prison]]\nname = \"甲监狱\"\nlead = true\n{keys}[[prison]]\nname = \"乙监狱\"\nemail = [\"b@163.com\"]\n{MAILBOX}"
    )
}

fn said(text: &str) -> Vec<String> {
    let folder = Folder::new();
    folder.put("shenling.toml", text);
    folder.said()
}

#[test]
fn wrong_senders_and_ids_are_told_with_their_places() {
    let keys = "id = \"甲\"\nsenders = [\"163.com\", \"jia.example.cn\", \"x@y\"]\n";
    assert_eq!(
        heads(&said(&prisons(keys))),
        [
            "shenling.toml:4:6 错误：“甲”不能作监狱的 id",
            "shenling.toml:5:12 错误：“163.com”是公共邮箱的域名，任何人都能用它发信",
            "shenling.toml:5:41 错误：“x@y”不是邮箱地址，也不是域名",
        ]
    );
    assert_eq!(
        heads(&said(&prisons("id = \"bureau\"\n"))),
        ["shenling.toml:4:6 错误：id = \"bureau\" 已被别的单位用了"]
    );
    assert_eq!(
        heads(&said(&prisons("senders = [\"B@163.com\"]\n"))),
        ["shenling.toml:7:9 错误：“b@163.com”同时是“甲监狱”和“乙监狱”的发件地址，来信分不清是谁的"]
    );
    assert_eq!(said(&prisons("id = \"jia\"\nsenders = [\"jia.example.cn\"]\n")), Vec::<String>::new());
}

#[test]
fn a_mailbox_needs_a_user_a_way_to_answer_and_the_ca_that_it_names() {
    let text = "[mailbox]\nhost = \"imap.example.cn\"\nca_file = \"none.pem\"\nport = 0\n";
    let said_of_it = said(text);
    assert_eq!(
        heads(&said_of_it)[..3],
        [
            "shenling.toml:4:8 错误：port：0 超出范围",
            "shenling.toml 错误：写了 mailbox.host 就须写 mailbox.user",
            "shenling.toml:2:8 错误：收件邮箱已开，但没有写 mail.host：来信无法答复",
        ]
    );
    let about_ca = &said_of_it[3];
    assert!(
        about_ca.starts_with("shenling.toml:3:11 错误：mailbox.ca_file 指的文件 ")
            && about_ca.contains("none.pem 不存在")
    );
    assert_eq!(said_of_it.len(), 4);
    assert_eq!(said("[mailbox]\nhost = \"\"\nca_file = \"none.pem\"\n"), Vec::<String>::new(), "off");
}

#[test]
fn who_cannot_send_is_doubted_and_who_can_is_known() {
    let folder = Folder::new();
    folder.put("shenling.toml", prisons("").replace("user = \"office@", "user = \"other@")).put(
        "catalogue/institutions.csv",
        "机构名称,简称,类型,组织机构代码,邮箱,认定起始日\n甲学校,甲校,培训,91320400MA1XXXXX0X,xx@jia.example.cn;jia.example.cn,2024-01-01\n\
         甲学校,甲校,鉴定,,old@163.com,2025-01-01\n乙学校,,培训,,,2024-01-01\n",
    );
    let loaded = folder.loaded();
    let doubts = doubts::all(&loaded.settings, &loaded.catalogue, &loaded.calendar, "2026-11-20".parse().unwrap());
    let doubts = told(&doubts);
    let about: Vec<&str> =
        heads(&doubts).into_iter().filter(|line| line.contains("发件邮箱") || line.contains("同一个邮箱")).collect();
    assert_eq!(
        about,
        [
            "shenling.toml 警告：“甲监狱”没有登记发件邮箱，它发来的邮件不会收取",
            "shenling.toml 警告：“江苏省监狱管理局”没有登记发件邮箱，它发来的邮件不会收取",
            "shenling.toml 警告：“常州市人力资源和社会保障局”没有登记发件邮箱，它发来的邮件不会收取",
            "shenling.toml 警告：“常州市司法局”没有登记发件邮箱，它发来的邮件不会收取",
            "shenling.toml 警告：“常州市财政局”没有登记发件邮箱，它发来的邮件不会收取",
            "catalogue/institutions 警告：“乙学校”没有登记发件邮箱，它发来的邮件不会收取",
            "shenling.toml 警告：mail.from（office@example.cn）与 mailbox.user（other@example.cn）不是同一个邮箱",
        ]
    );
    let units = units(&loaded.settings, &loaded.catalogue);
    let known = |address: &str| unit_of(&units, address).map(|unit| (&*unit.name, &*unit.id));
    assert_eq!(known("b@163.com"), Some(("乙监狱", "")));
    let school = Some(("甲学校", "91320400MA1XXXXX0X"));
    assert_eq!([known("any@jia.example.cn"), known("OLD@163.com"), known("new@163.com")], [school, school, None]);
}
