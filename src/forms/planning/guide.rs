//! 填写说明: how to fill the workbook in, in plain words.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::{FORM_VERSION, Formats, Order};

/// Height of a line, in points.
const LINE: u32 = 17;
/// Characters of Chinese that fit on a line.
const LINE_CHARS: usize = 40;

/// Draws the sheet.
pub(super) fn draw(sheet: &mut Worksheet, order: &Order<'_>, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name("填写说明")?.set_paper_size(super::sheets::PAPER_A4).set_print_fit_to_pages(1, 0);
    sheet.set_column_width(0, 84)?;
    sheet.write_string_with_format(0, 0, format!("{}计划表（附件1—附件4）填写说明", order.what()), &formats.heading)?;
    sheet.set_row_height(0, 26)?;
    let mut row = 1;
    for (heading, lines) in sections(order) {
        sheet.write_string_with_format(row, 0, heading, &formats.heading)?;
        sheet.set_row_height(row, 24)?;
        row += 1;
        for (number, line) in (1..).zip(lines) {
            let line = format!("{number}. {line}");
            let lines = u32::try_from(line.chars().count().div_ceil(LINE_CHARS)).unwrap_or(1);
            sheet.write_string_with_format(row, 0, line, &formats.plain)?;
            sheet.set_row_height(row, LINE * lines.max(1))?;
            row += 1;
        }
    }
    sheet.write_string_with_format(
        row + 1,
        0,
        format!("表格版本：{FORM_VERSION}（请勿改动表头和工作表名称）"),
        &formats.plain,
    )?;
    Ok(())
}

fn sections(order: &Order<'_>) -> Vec<(&'static str, Vec<String>)> {
    let year = order.year;
    let due = if order.addition {
        "临时增加的培训项目，请在开班前报送本表。".to_owned()
    } else {
        format!("请于{}年11月30日前填好，整份工作簿（附件1至附件4）一起报送。", year - 1)
    };
    let text = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    vec![
        (
            "一、总的要求",
            vec![
                due,
                "黄底、带 * 的列必须填写；其余各列有则填写。请勿改动表头；列的次序、行高列宽可以调整。".to_owned(),
                "有下拉箭头的单元格请尽量从列表中选择：监狱、职业（工种）、等级、培训类别、证书类型、机构。".to_owned(),
                "日期请填写年月日，如 2027-03-05。罪犯编号、公民身份号码所在的列已设为文本格式，请勿改为数字，否则末几位会丢失。"
                    .to_owned(),
                "请直接填写内容，不要写公式。不办的项目请删除整行；不用的办班申报表留空即可。".to_owned(),
                "改正后请重新报送整份工作簿：后报的代替先报的，系统会告知两次之间的不同。".to_owned(),
            ],
        ),
        (
            "二、附件1 年度监狱培训项目及人员信息表",
            text(&[
                "一个培训项目一行。培训项目写“职业（等级）”，如“焊工（五级/初级工）”，与附件2一致。",
                "参加人数是本监狱的总数，等于各项目人数之和；只在第一行填写即可。",
            ]),
        ),
        (
            "三、附件2 年度计划表",
            vec![
                format!("一个培训项目一行；计划开班时间须在{year}年内。同一项目分别由两个机构承办的，分两行填写。"),
                "培训机构、鉴定机构须在计划开班（鉴定）时处于认定期内；补贴标准按市补贴目录。".to_owned(),
                "理论课时约占40%，实操课时约占60%。".to_owned(),
                "年度计划之外临时增加的项目：“计划类型”选“临时备案”，“备案序号”填本年第几次临时备案（1、2……）。".to_owned(),
            ],
        ),
        (
            "四、附件3 培训人员信息表",
            text(&[
                "一人一个项目一行；每个项目的人数与附件2一致。",
                "须是没有一技之长、能够正常坚持学习、剩余刑期不足2年的人员（通知第三条），不符合的会退回。",
                "“班期”请与日后考核结果表中的写法一致，如“2027年第1期”。",
            ]),
        ),
        (
            "五、附件4 办班申报表",
            text(&[
                "一个班一张，自上而下依次填写；不够时，复制整张表粘贴在下面，或另加工作表。",
                "培训工种、机构须在附件2中有对应的项目。",
            ]),
        ),
    ]
}
