//! What most commands stand on: settings, catalogue, keys, store, and the one reading of the clock.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, NaiveDate, Utc};
use zeroize::Zeroizing;

use super::output::hint;
use crate::forms::grid::Limits;
use crate::forms::letters::LetterTemplates;
use crate::forms::papers::{DetailSpecs, Fonts, Payee, Templates};
use crate::forms::reading::{FileKind, FormSpecs};
use crate::settings::{self, Database, Environment, Mistake, Settings, Severity, credentials, fonts};
use crate::stages::claim::Stationery;
use crate::stages::collect::Desk;
use crate::store::{Store, Vault};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::holidays::Calendar;

/// Everything a command works with.
#[derive(Clone)]
pub(crate) struct World {
    /// The settings.
    pub(crate) settings: Settings,
    /// The catalogue.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Working days.
    pub(crate) calendar: Calendar,
    /// The environment, read once.
    pub(crate) environment: Environment,
    /// The store.
    pub(crate) store: Store,
    /// The time of this run.
    pub(crate) now: DateTime<Utc>,
    /// Whether JSON is asked for.
    pub(crate) json: bool,
}

impl World {
    /// Reads the config and opens the store; a mistake in the config is told and nothing runs.
    pub(crate) async fn open(config: &Path, json: bool, now: DateTime<Utc>) -> anyhow::Result<World> {
        let environment = settings::environment();
        let loaded = settings::load(config, &environment).map_err(|mistakes| refuse(&mistakes))?;
        let store = open_store(&loaded.settings, &environment).await?;
        let catalogue = Arc::new(loaded.catalogue);
        let calendar = loaded.calendar;
        Ok(World { settings: loaded.settings, catalogue, calendar, environment, store, now, json })
    }

    /// The civil date of this run.
    pub(crate) fn today(&self) -> NaiveDate {
        civil_date(self.now)
    }

    /// What reading a file needs.
    pub(crate) fn desk(&self) -> anyhow::Result<Desk> {
        let limits = &self.settings.limits;
        Ok(Desk {
            catalogue: self.catalogue.clone(),
            specs: Arc::new(form_specs(&self.settings)?),
            limits: Limits {
                max_file_bytes: limits.max_file_bytes,
                max_unzipped_bytes: limits.max_unzipped_bytes,
                max_sheets: limits.max_sheets,
                max_rows: limits.max_rows,
            },
        })
    }

    /// What papers are made with.
    pub(crate) fn stationery(&self) -> anyhow::Result<Stationery> {
        stationery(&self.settings, &self.environment)
    }

    /// The ZIP password of a recipient, if there is one.
    pub(crate) fn zip_password(&self, recipient: &str) -> Option<Zeroizing<String>> {
        // A prison without an id goes by its name, and no credential can have that.
        if !credentials::is_name(recipient) {
            return None;
        }
        match credential(&self.settings, &self.environment, &credentials::zip_password(recipient)) {
            Ok(password) => password,
            Err(error) => {
                hint!("{error:#}");
                None
            }
        }
    }
}

/// What papers are made with: fonts, templates, columns, names and accounts.
pub(crate) fn stationery(settings: &Settings, environment: &Environment) -> anyhow::Result<Stationery> {
    let agency = |id: &str| settings.agency(id).map(|agency| agency.name.clone()).unwrap_or_default();
    let payee = |prison: &settings::PrisonEntry| {
        let account = prison.account.as_ref()?;
        let payee = Payee { name: account.name.clone(), bank: account.bank.clone(), account: account.number.clone() };
        Some((prison.name.as_str().into(), payee))
    };
    Ok(Stationery {
        fonts: load_fonts(settings, environment)?,
        templates: templates(settings)?,
        columns: detail_columns(settings)?,
        bureau: agency("bureau"),
        hrss: agency("hrss"),
        payees: settings.prisons.iter().filter_map(payee).collect(),
        objections: settings.publicity.contact.clone(),
        program: format!("shenling {}", env!("CARGO_PKG_VERSION")),
    })
}

/// All mistakes on stderr, then one line that says that nothing ran.
pub(crate) fn refuse(mistakes: &[Mistake]) -> anyhow::Error {
    for mistake in mistakes.iter().filter(|mistake| mistake.severity == Severity::Error) {
        hint!("{mistake}");
    }
    anyhow!("配置或目录有误，未执行任何操作；改好后可用 shenling check 再查一遍")
}

/// A credential from `$CREDENTIALS_DIRECTORY` or `data/credentials/`.
pub(crate) fn credential(
    settings: &Settings,
    environment: &Environment,
    name: &str,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    find_credential(settings, environment, name).map_err(|mistake| anyhow!("{mistake}"))
}

/// The same, with the mistake as it is.
pub(crate) fn find_credential(
    settings: &Settings,
    environment: &Environment,
    name: &str,
) -> Result<Option<Zeroizing<String>>, Mistake> {
    let given = environment.get(credentials::DIRECTORY_VARIABLE).map(PathBuf::from);
    credentials::read(name, &settings.paths.data, given.as_deref())
}

/// Opens the database under the vault key.
pub(crate) async fn open_store(settings: &Settings, environment: &Environment) -> anyhow::Result<Store> {
    let Some(key) = credential(settings, environment, credentials::VAULT_KEY)? else {
        bail!(
            "没有数据密钥：应在 {}。新建工作文件夹请用 shenling init；已有数据时请从备份恢复密钥，不要新建",
            credentials::file(&settings.paths.data, credentials::VAULT_KEY).display()
        );
    };
    let vault = Vault::from_key(key.trim().as_bytes()).context("数据密钥无法读取（应为64位十六进制）")?;
    let path = match &settings.database {
        Database::Lite(path) => path,
        Database::Postgres(url) => return Store::open(url, vault).await.context("无法打开数据库"),
    };
    // A database that is gone must not be begun anew in silence: everything would be granted and numbered once more.
    let mark = path.with_extension("made");
    if mark.exists() && !path.exists() {
        bail!(
            "数据库文件 {} 不见了（以前建立过），未执行任何操作；请从备份恢复该文件。确要从头开始时，先删除 {}",
            path.display(),
            mark.display()
        );
    }
    let store = Store::open(&format!("sqlite:{}", path.display()), vault).await.context("无法打开数据库")?;
    if !mark.exists() {
        fs::write(&mark, "").with_context(|| format!("无法写入 {}", mark.display()))?;
    }
    Ok(store)
}

/// The customer's fonts first, then the packaged ones.
pub(crate) fn load_fonts(settings: &Settings, environment: &Environment) -> anyhow::Result<Fonts> {
    let directories = fonts::directories(settings, environment);
    let mut files = Vec::new();
    for path in fonts::files(&directories) {
        files.push(fs::read(&path).with_context(|| format!("无法读取字体 {}", path.display()))?);
    }
    if files.is_empty() {
        let places: Vec<String> = directories.iter().map(|dir| dir.display().to_string()).collect();
        bail!("没有找到任何字体，无法生成表格。已找过：{}。请在配置 fonts_dir 中指明字体文件夹", places.join("、"));
    }
    Ok(Fonts::load(files)?)
}

/// Built-in templates, with those that the administrator replaced.
pub(crate) fn templates(settings: &Settings) -> anyhow::Result<Templates> {
    let Some(dir) = &settings.paths.templates_dir else { return Ok(Templates::embedded()) };
    let mut overrides = BTreeMap::new();
    for name in Templates::names() {
        if let Some(text) = read_if_there(&dir.join(name))? {
            overrides.insert(name.to_owned(), text);
        }
    }
    Ok(Templates::with_overrides(&overrides)?)
}

/// Built-in letters, with those that the administrator replaced in the folder `mail` of the templates.
pub(crate) fn letter_templates(settings: &Settings) -> anyhow::Result<LetterTemplates> {
    let mut overrides = BTreeMap::new();
    if let Some(dir) = &settings.paths.templates_dir {
        for name in LetterTemplates::names() {
            if let Some(text) = read_if_there(&dir.join("mail").join(name))? {
                overrides.insert(name.to_owned(), text);
            }
        }
    }
    Ok(LetterTemplates::with_overrides(overrides)?)
}

/// Columns of annexes 8 and 10, built in or replaced.
pub(crate) fn detail_columns(settings: &Settings) -> anyhow::Result<DetailSpecs> {
    let Some(dir) = &settings.paths.forms_dir else { return Ok(DetailSpecs::embedded()) };
    let [annex8, annex10] = DetailSpecs::FILES.map(|(name, built_in)| {
        Ok::<_, anyhow::Error>(read_if_there(&dir.join(name))?.unwrap_or_else(|| built_in.to_owned()))
    });
    Ok(DetailSpecs::parse(&annex8?, &annex10?)?)
}

/// Columns of the incoming forms, built in or replaced.
pub(crate) fn form_specs(settings: &Settings) -> anyhow::Result<FormSpecs> {
    let mut specs = FormSpecs::embedded().clone();
    if let Some(dir) = &settings.paths.forms_dir {
        for kind in FileKind::ALL {
            let path = dir.join(kind.columns_file());
            if let Some(text) = read_if_there(&path)? {
                let form = FormSpecs::parse(kind, &text).map_err(|error| anyhow!("{}：{error}", path.display()))?;
                specs.replace(form);
            }
        }
    }
    Ok(specs)
}

/// A file that may be missing.
pub(crate) fn read_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("无法读取 {}", path.display())),
    }
}
