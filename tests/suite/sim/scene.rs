//! Where every life is lived: three prisons, their catalogue, what papers are made with. Made once per run of the tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shenling::forms::grid::Limits;
use shenling::forms::letters::LetterTemplates;
use shenling::forms::papers::{DetailSpecs, Fonts, Templates};
use shenling::forms::reading::FormSpecs;
use shenling::settings::{self, Environment, Settings, fonts};
use shenling::stages::Stationery;
use shenling::stages::collect::Desk;
use shenling::store::{Store, Vault};
use shenling::subsidy::catalogue::Catalogue;

/// The prisons, the leading one first.
pub const PRISONS: [&str; 3] = ["常州监狱", "溧阳监狱", "新康监狱"];
/// What is trained: name and id of the occupation, level.
pub const PROJECTS: [(&str, &str, &str); 4] = [
    ("焊工", "welder", "五级/初级工"),
    ("焊工", "welder", "四级/中级工"),
    ("中式烹调师", "cook", "五级/初级工"),
    ("缝纫工", "tailor", "五级/初级工"),
];
/// Who trains and who assesses.
pub const INSTITUTIONS: [&str; 2] = ["演示学校", "演示鉴定"];

/// The same key for every life: its dumps are compared.
const KEY: [u8; 32] = [7; 32];
const CATALOGUE: &[(&str, &str)] = &[
    (
        "institutions.csv",
        "机构名称,简称,类型,组织机构代码,法定代表人,开户银行,户名,银行账号,联系人,联系电话,邮箱,认定起始日,认定截止日,认定文号\n\
         常州市演示职业培训学校,演示学校,培训,,某甲,演示银行,常州市演示职业培训学校,1105020000000011,某乙,0519-00000001,,2020-01-01,,演示1号\n\
         常州市演示技能鉴定中心,演示鉴定,鉴定,,某丙,演示银行,常州市演示技能鉴定中心,1105020000000012,某丁,0519-00000002,,2020-01-01,,演示2号\n",
    ),
    (
        "agreements.csv",
        "监狱,培训机构,协议编号,起始日,截止日,人均培训费(元)\n\
         常州监狱,演示学校,XY-1,2020-01-01,2090-12-31,\n溧阳监狱,演示学校,XY-2,2020-01-01,2090-12-31,950.50\n新康监狱,演示学校,XY-3,2026-01-01,2090-12-31,\n",
    ),
    (
        "occupations.csv",
        "工种标识,名称,职业编码,编码版本,别名,类别\nwelder,焊工,6-18-02-04,2018,电焊工,就业技能培训\n\
         cook,中式烹调师,4-03-02-01,2025,,就业技能培训\ntailor,缝纫工,6-05-01-03,2018,,就业技能培训\n",
    ),
    (
        "rates.csv",
        "职业(工种),等级,证书类型,人员类别,培训补贴(元),鉴定补贴(元),补贴比例(‰),起始日,截止日,依据\n\
         焊工,五级/初级工,职业技能等级证书,,1000,200,,2020-01-01,,演示标准\n\
         焊工,四级/中级工,职业技能等级证书,,1400,260,900,2020-01-01,,演示标准\n\
         中式烹调师,五级/初级工,职业技能等级证书,,900,180,,2020-01-01,,演示标准\n\
         缝纫工,五级/初级工,职业技能等级证书,,800,,,2020-01-01,,演示标准\n",
    ),
];
/// One small page: the look of the papers is not what is lived through here.
const PLAIN_PAGE: &str = "#import \"look.typ\": imprint\n\
    #let (year, month, day, hour, minute, second) = imprint.sealed\n\
    #set document(title: imprint.title, author: \"A\", date: datetime(year: year, month: month, day: day, hour: hour, \
    minute: minute, second: second))\n#set page(width: 5cm, height: 5cm)\n";

/// What all lives share.
pub struct Scene {
    _dir: tempfile::TempDir,
    /// A database of this key in which nothing has happened.
    pub empty: PathBuf,
    /// The settings; each life changes a copy.
    pub settings: Settings,
    /// The catalogue likewise.
    pub catalogue: Catalogue,
    /// The words of letters.
    pub templates: LetterTemplates,
    /// What papers are made with.
    pub stationery: Arc<Stationery>,
    /// Columns of the forms.
    pub specs: Arc<FormSpecs>,
}

impl Scene {
    /// Sets it up as `init` does.
    pub fn new() -> Scene {
        let dir = quick_folder();
        let work = dir.path().join("w");
        settings::init::write(&work, &KEY).unwrap();
        for (name, text) in CATALOGUE {
            fs::write(work.join("catalogue").join(name), text).unwrap();
        }
        let config = fs::read_to_string(work.join("shenling.toml")).unwrap();
        fs::write(work.join("shenling.toml"), addressed(&config)).unwrap();
        let loaded = settings::load(&work.join("shenling.toml"), &Environment::new()).unwrap();
        let empty = work.join("data/empty.db");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            Store::open(&format!("sqlite:{}", empty.display()), vault()).await.unwrap().close().await;
        });
        Scene {
            _dir: dir,
            empty,
            stationery: Arc::new(stationery(&loaded.settings)),
            settings: loaded.settings,
            catalogue: loaded.catalogue,
            templates: LetterTemplates::embedded().unwrap(),
            specs: Arc::new(FormSpecs::embedded().clone()),
        }
    }

    /// What files are read with.
    pub fn desk(&self, catalogue: &Arc<Catalogue>) -> Desk {
        let limits = &self.settings.limits;
        Desk {
            catalogue: catalogue.clone(),
            specs: self.specs.clone(),
            limits: Limits {
                max_file_bytes: limits.max_file_bytes,
                max_unzipped_bytes: limits.max_unzipped_bytes,
                max_sheets: limits.max_sheets,
                max_rows: limits.max_rows,
            },
        }
    }
}

/// The keys of every life.
pub fn vault() -> Vault {
    Vault::from_key(hex::encode(KEY).as_bytes()).unwrap()
}

/// A folder in memory, where there is one: nothing here outlives its life.
pub fn quick_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Everybody gets an address of a domain of their own, and every duty is on.
fn addressed(config: &str) -> String {
    let mut parts = config.split("email = []");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (n, part) in parts.enumerate() {
        write!(text, "email = [\"office@place{n}.example.cn\"]{part}").unwrap();
    }
    text.replace("on = false", "on = true")
}

fn stationery(settings: &Settings) -> Stationery {
    let mut folders = fonts::directories(settings, &settings::environment());
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fonts"));
    let files = fonts::files(&folders).into_iter().map(|path| fs::read(path).unwrap()).collect();
    let plain = Templates::names().filter(|name| *name != "look.typ");
    let plain: BTreeMap<String, String> = plain.map(|name| (name.to_owned(), PLAIN_PAGE.to_owned())).collect();
    let agency = |id: &str| settings.agency(id).map(|agency| agency.name.clone()).unwrap_or_default();
    Stationery {
        fonts: Fonts::load(files).unwrap(),
        templates: Templates::with_overrides(&plain).unwrap(),
        columns: DetailSpecs::embedded(),
        bureau: agency("bureau"),
        hrss: agency("hrss"),
        payees: BTreeMap::new(),
        objections: String::new(),
        program: "simulator".to_owned(),
    }
}
