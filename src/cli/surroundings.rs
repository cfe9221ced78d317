//! What the surroundings want to be told beside stdout: the page of a GitHub Actions step.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use super::exit::Failure;

/// Bytes of a page that are kept: what GitHub takes from one step is 1 MiB, and others may add to it.
const PAGE_MAX: usize = 200_000;

/// Appends a Markdown page to the summary of this step, when there is one (`GITHUB_STEP_SUMMARY`).
pub(crate) fn step_summary(page: &str) -> Result<(), Failure> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(path);
    let file = OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(format!("{}\n", cut(page)).as_bytes()))
        .map_err(|error| Failure::file("write", &path, error))
}

/// The whole lines of `page` that fit.
fn cut(page: &str) -> String {
    if page.len() <= PAGE_MAX {
        return page.to_owned();
    }
    let mut kept = String::new();
    for line in page.split_inclusive('\n') {
        if kept.len() + line.len() > PAGE_MAX {
            break;
        }
        kept.push_str(line);
    }
    kept + "\n(cut off here: the results folder has it all)\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_page_is_cut_at_a_line() {
        let page = "0123456789\n".repeat(50_000);
        let kept = cut(&page);
        assert!(kept.len() < PAGE_MAX + 100 && kept.contains("cut off here"));
        assert!(kept.starts_with("0123456789\n0123456789\n"));
        assert_eq!(cut("short\n"), "short\n");
    }
}
