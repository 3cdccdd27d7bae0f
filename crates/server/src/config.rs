//! What a server is told: from the command line, from `serve.toml`, or from Python.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use ferrule_base::Limits;
use serde::Deserialize;

use crate::ServerError;

/// The options of a server; each is also a key of `serve.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Artifacts, or folders of them.
    pub models: Vec<PathBuf>,
    /// Name of the one model given; its file's stem where unset.
    pub name: Option<String>,
    /// Address to listen on.
    pub host: String,
    /// Port of REST; 0: any free one.
    pub http_port: u16,
    /// Port of gRPC; 0: any free one.
    pub grpc_port: u16,
    /// I/O threads; 0: one for each core.
    pub threads: usize,
    /// Load models again when their files change.
    pub watch: bool,
    /// File of API keys, one a line.
    pub api_key_file: Option<PathBuf>,
    /// Serve beyond loopback with no authentication.
    pub no_auth: bool,
    /// Certificate chain, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Host names that REST requests may name, beside loopback's own.
    pub allowed_hosts: Vec<String>,
    /// Write a JSON line for each request to stderr.
    pub access_log: bool,
    /// Bounds on requests, connections and times.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            name: None,
            host: "127.0.0.1".to_owned(),
            http_port: 8080,
            grpc_port: 8081,
            threads: 0,
            watch: false,
            api_key_file: None,
            no_auth: false,
            tls_cert: None,
            tls_key: None,
            allowed_hosts: Vec::new(),
            access_log: false,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Reads `serve.toml`; paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ServerError::File`] where it cannot be read, [`ServerError::Config`] where a key is
    /// unknown or a value has the wrong type.
    pub fn from_file(path: &Path) -> Result<Self, ServerError> {
        let text = std::fs::read_to_string(path).map_err(|source| ServerError::File {
            what: "the configuration",
            path: path.display().to_string(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            ServerError::config(
                format!("{}: {}", path.display(), error.to_string().trim_end()),
                "the keys are the long options with `_` for `-`, and a [limits] table",
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let Self { models, api_key_file, tls_cert, tls_key, .. } = &mut config;
        for file in models.iter_mut().chain(api_key_file).chain(tls_cert).chain(tls_key) {
            *file = folder.join(&*file);
        }
        Ok(config)
    }

    /// Reads the JSON form of `serve.toml`.
    ///
    /// # Errors
    /// [`ServerError::Config`] where a key is unknown or a value has the wrong type.
    pub fn from_json(text: &str) -> Result<Self, ServerError> {
        serde_json::from_str(text).map_err(|error| {
            ServerError::config(
                format!("the configuration is wrong: {error}"),
                "the keys are those of serve.toml",
            )
        })
    }

    /// The address to bind for `port`.
    pub(crate) fn address(&self, port: u16) -> Result<SocketAddr, ServerError> {
        let resolved = (self.host.as_str(), port).to_socket_addrs().ok();
        resolved.and_then(|mut all| all.next()).ok_or_else(|| {
            ServerError::config(
                format!("--host {} is not an address of this machine", self.host),
                "give an IP address such as 127.0.0.1 or 0.0.0.0",
            )
        })
    }

    /// Whether only this machine can reach the server.
    pub(crate) fn is_loopback(&self) -> Result<bool, ServerError> {
        Ok(match self.address(0)?.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        })
    }

    /// The number of I/O threads: as asked, else one for each core that we may use.
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            asked => asked,
        }
    }

    /// Refuses combinations that would start something else than what was meant.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        if self.models.is_empty() {
            return Err(ServerError::config(
                "no model given",
                "name an artifact (`model.safetensors`) or a folder of them",
            ));
        }
        if !self.is_loopback()? && self.api_key_file.is_none() && !self.no_auth {
            return Err(ServerError::config(
                format!(
                    "--host {} is reachable from other machines, with no authentication",
                    self.host
                ),
                "give --api-key-file FILE, or --no-auth where something in front of it checks callers",
            ));
        }
        if self.no_auth && self.api_key_file.is_some() {
            return Err(ServerError::config(
                "--no-auth and --api-key-file exclude each other",
                "give one of them",
            ));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ServerError::config(
                "--tls-cert and --tls-key belong together",
                "give both, or neither",
            ));
        }
        if self.threads > 1024 {
            return Err(ServerError::config(
                format!("--threads {} is above 1024", self.threads),
                "give 0 for one thread a core",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/serve-toml.md");

    /// The keys of a table of the page, and their defaults as TOML writes them.
    fn rows(table: &str) -> Vec<(&str, &str)> {
        table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let mut cells = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
                (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
            })
            .collect()
    }

    fn keys<'a>(rows: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
        rows.iter().map(|(key, _)| *key).collect()
    }

    #[test]
    fn the_page_on_serve_toml_has_every_key_with_its_default() {
        let page = std::fs::read_to_string(PAGE).expect("the page is there");
        let (options, limits) = page.split_once("## Limits").expect("two tables");
        let (options, limits) = (rows(options), rows(limits));
        let lines = |rows: &[(&str, &str)]| -> String {
            let set = rows.iter().filter(|(_, default)| *default != "unset");
            set.map(|(key, default)| format!("{key} = {default}\n")).collect()
        };
        let text = format!("{}[limits]\n{}", lines(&options), lines(&limits));
        let told: Config = toml::from_str(&text).expect("the defaults are TOML");
        assert_eq!(format!("{told:?}"), format!("{:?}", Config::default()));

        let unknown = toml::from_str::<Config>("unknown = 1").expect_err("an unknown key");
        let named = unknown.message().split('`').skip(3).step_by(2);
        assert_eq!(keys(&options), named.filter(|key| *key != "limits").collect());
        let all = serde_json::to_value(Limits::default()).expect("limits are JSON");
        let all = all.as_object().expect("a table");
        assert_eq!(keys(&limits), all.keys().map(String::as_str).collect());
    }
}
