//! What is wanted on the command line.

use kiloclaw_lifecycle::id::{AppName, Image};
use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;
use reqwest::Url;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: host --db FILE --fly URL [--token-file FILE] [--listen ADDRESS] [--app NAME] [--image IMAGE] [--gateway URL] [--time-scale N]
       host --help";

const LISTEN: &str = "127.0.0.1:8080";
const IMAGE: &str = "registry.fly.io/kiloclaw:latest";
/// With more, a minute is less than a tenth of a second.
const FASTEST: u32 = 1_000;

pub(crate) enum Wish {
    Help,
    Serve(Box<Plan>),
}

pub(crate) struct Plan {
    pub(crate) db: PathBuf,
    pub(crate) fly: String,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) listen: String,
    pub(crate) app: AppName,
    pub(crate) image: Image,
    pub(crate) gateway: Option<String>,
    pub(crate) time_scale: u32,
}

impl Plan {
    /// Where events go: a file beside the instances, for they belong to others.
    pub(crate) fn events(&self) -> PathBuf {
        let mut name = self.db.clone().into_os_string();
        name.push("-events");
        PathBuf::from(name)
    }
}

pub(crate) fn wish() -> Result<Wish, lexopt::Error> {
    let (mut db, mut fly, mut token_file, mut gateway) = (None, None, None, None);
    let mut listen = LISTEN.to_string();
    let (mut app, mut image, mut time_scale) = ("kiloclaw".to_string(), IMAGE.to_string(), 1);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("db") => db = Some(PathBuf::from(arguments.value()?)),
            Long("fly") => fly = Some(url("--fly", arguments.value()?.string()?)?),
            Long("token-file") => token_file = Some(PathBuf::from(arguments.value()?)),
            Long("listen") => listen = arguments.value()?.string()?,
            Long("app") => app = arguments.value()?.string()?,
            Long("image") => image = arguments.value()?.string()?,
            Long("gateway") => gateway = Some(url("--gateway", arguments.value()?.string()?)?),
            Long("time-scale") => time_scale = scale(&arguments.value()?.string()?)?,
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long(_) | Short(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Wish::Serve(Box::new(Plan {
        db: db.ok_or("--db FILE is missing")?,
        fly: fly.ok_or("--fly URL is missing")?,
        token_file,
        listen,
        app: AppName::new(app).map_err(|error| format!("--app: {error}"))?,
        image: Image::new(image).map_err(|error| format!("--image: {error}"))?,
        gateway,
        time_scale,
    })))
}

/// What has a password in it is not shown.
fn url(option: &str, text: String) -> Result<String, String> {
    let scheme = Url::parse(&text).map(|url| url.scheme().to_string());
    if scheme.is_ok_and(|scheme| ["http", "https"].contains(&scheme.as_str())) {
        return Ok(text);
    }
    Err(format!("{option}: expected a URL of http or https"))
}

fn scale(text: &str) -> Result<u32, String> {
    let scale = text.parse().ok().filter(|scale| (1..=FASTEST).contains(scale));
    scale.ok_or_else(|| format!("--time-scale: expected 1 to {FASTEST}, got {text}"))
}
