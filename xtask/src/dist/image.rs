//! A container image as an OCI layout (image-spec 1.1), for both processors, made without a daemon.
//!
//! One layer on nothing: the static command, the filter, the `dd` output, an empty state folder of user 65532 and the
//! user's name. The command brings the public roots of TLS itself.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{ARCHITECTURES, Arch, Release, SUPERUSER};
use crate::{Outcome, output};

const USER: &str = "65532";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A file of the layout, by its content.
struct Blob {
    digest: String,
    bytes: u64,
}

impl Blob {
    /// Its descriptor, with further members at the end.
    fn descriptor(&self, media_type: &str, more: &str) -> String {
        let Self { digest, bytes } = self;
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{digest}","size":{bytes}{more}}}"#)
    }
}

pub(super) fn layout(release: &Release) -> Outcome {
    let folder = release.work.join("image");
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let mut manifests = Vec::new();
    for arch in ARCHITECTURES {
        let manifest = manifest(release, arch, &blobs)?;
        let platform = format!(r#","platform":{{"architecture":"{}","os":"linux"}}"#, arch.debian);
        manifests.push(manifest.descriptor(MANIFEST, &platform));
    }
    let list =
        |manifests: &str| format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{manifests}]}}"#);
    let both = add(&blobs, &list(&manifests.join(",")))?;
    let named = format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{}"}}"#, release.version);
    fs::write(folder.join("index.json"), list(&both.descriptor(INDEX, &named)))?;
    let name = format!("fluent-anomaly-{}-image.oci.tar.gz", release.version);
    release.tar_gz(&folder, &["blobs", "index.json", "oci-layout"], SUPERUSER, &release.out.join(name))
}

fn manifest(release: &Release, arch: Arch, blobs: &Path) -> Result<Blob, Box<dyn Error>> {
    let tree = tree(release, arch)?;
    let packed = release.work.join("layer.tar.gz");
    release.tar_gz(&tree, &["etc", "usr", "var"], USER, &packed)?;
    let unpacked = output(Command::new("sh").args(["-c", "gzip -dc \"$0\" | sha256sum"]).arg(&packed))?;
    let unpacked = unpacked.split_whitespace().next().unwrap_or_default();
    let layer = add_file(blobs, &packed)?;
    let created = output(Command::new("date").args(["-u", "-d", &format!("@{}", release.epoch), "+%FT%TZ"]))?;
    let config = add(
        blobs,
        &format!(
            r#"{{"created":"{created}","architecture":"{}","os":"linux","config":{{"User":"{USER}:{USER}","Entrypoint":["/usr/bin/fluent-anomaly"],"Cmd":["--help"],"WorkingDir":"/var/lib/fluent-anomaly","Env":["PATH=/usr/bin"],"Labels":{{"org.opencontainers.image.title":"fluent-anomaly","org.opencontainers.image.version":"{}","org.opencontainers.image.licenses":"MIT"}}}},"rootfs":{{"type":"layers","diff_ids":["sha256:{unpacked}"]}},"history":[{{"created":"{created}","created_by":"cargo xtask dist"}}]}}"#,
            arch.debian, release.version
        ),
    )?;
    add(
        blobs,
        &format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
            config.descriptor(CONFIG, ""),
            layer.descriptor(LAYER, "")
        ),
    )
}

/// What the image holds.
fn tree(release: &Release, arch: Arch) -> Result<PathBuf, Box<dyn Error>> {
    let tree = release.work.join(format!("image-{}", arch.debian));
    for folder in ["etc", "usr/bin", "usr/lib/fluent-anomaly", "var/lib/fluent-anomaly"] {
        fs::create_dir_all(tree.join(folder))?;
    }
    let built = |what: &str, end: &str| release.out.join(release.name(what, arch) + end);
    fs::copy(built("fluent-anomaly", ""), tree.join("usr/bin/fluent-anomaly"))?;
    fs::copy(built("libout_dd", ".so"), tree.join("usr/lib/fluent-anomaly/libout_dd.so"))?;
    let module = "anomaly_filter.wasm";
    fs::copy(release.out.join(module), tree.join("usr/lib/fluent-anomaly").join(module))?;
    let passwd =
        format!("fluent-anomaly:x:{USER}:{USER}:fluent-anomaly:/var/lib/fluent-anomaly:/sbin/nologin\n");
    fs::write(tree.join("etc/passwd"), passwd)?;
    fs::write(tree.join("etc/group"), format!("fluent-anomaly:x:{USER}:\n"))?;
    Ok(tree)
}

fn add(blobs: &Path, text: &str) -> Result<Blob, Box<dyn Error>> {
    let file = blobs.join("new");
    fs::write(&file, text)?;
    add_file(blobs, &file)
}

fn add_file(blobs: &Path, file: &Path) -> Result<Blob, Box<dyn Error>> {
    let digest = output(Command::new("sha256sum").arg(file))?;
    let digest = digest.split_whitespace().next().unwrap_or_default().to_owned();
    let bytes = fs::metadata(file)?.len();
    fs::rename(file, blobs.join(&digest))?;
    Ok(Blob { digest, bytes })
}
