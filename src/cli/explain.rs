//! `waybill explain`: the pages of `docs/errors`, inside the binary.

use anyhow::bail;
use serde::Serialize;

use super::args::ExplainArgs;
use super::{Context, Exit, Output};
use crate::domain::verdict::Code;

macro_rules! pages {
    ($($number:literal)*) => {
        &[$((Code($number), include_str!(concat!("../../docs/errors/WB-0", $number, ".md")))),*]
    };
}

/// Every code with its page.
const PAGES: &[(Code, &str)] = pages![101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 120 121 130 131 132 140 141 142 150 151 152 160 161 201 202 203 204 205 206 207 208];

#[derive(Serialize)]
struct Page<'a> {
    code: String,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

pub(super) fn run(args: &ExplainArgs, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let Some(asked) = args.code.as_deref() else { return list(context) };
    let found = number(asked).and_then(|number| PAGES.iter().find(|(code, _)| code.0 == number));
    let Some((code, page)) = found else { bail!("no such code (`waybill explain` lists them): {asked}") };
    match context.output {
        Output::Json => context.json(&Page { code: code.to_string(), title: title(page), text: Some(page) })?,
        Output::Table => context.out.write_all(page.as_bytes())?,
    }
    Ok(Exit::Done)
}

fn list(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match context.output {
        Output::Json => {
            let pages: Vec<_> = PAGES.iter().map(|(code, page)| Page { code: code.to_string(), title: title(page), text: None }).collect();
            context.json(&pages)?;
        }
        Output::Table => {
            let rows: Vec<_> = PAGES.iter().map(|(code, page)| [code.to_string(), title(page).to_owned()]).collect();
            context.table(["CODE", "MEANING"], &rows)?;
        }
    }
    Ok(Exit::Done)
}

/// `WB-0104`, `wb-104`, `104`.
fn number(asked: &str) -> Option<u16> {
    let upper = asked.trim().to_uppercase();
    upper.strip_prefix("WB-").unwrap_or(&upper).parse().ok()
}

fn title(page: &str) -> &str {
    page.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let constants = regex::Regex::new(r"Self = Self\((\d+)\)").unwrap();
        let declared: BTreeSet<u16> =
            constants.captures_iter(include_str!("../domain/verdict.rs")).map(|found| found[1].parse().unwrap()).collect();
        let paged: BTreeSet<u16> = PAGES.iter().map(|(code, _)| code.0).collect();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors");
        let files: BTreeSet<u16> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().trim_start_matches("WB-").parse().unwrap())
            .collect();
        assert_eq!(declared, paged);
        assert_eq!(files, paged);
    }

    #[test]
    fn every_page_answers_the_three_questions() {
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            for heading in ["## What happened\n", "## Is data at risk?\n", "## What to do\n"] {
                assert!(page.contains(heading), "{code} lacks {heading}");
            }
        }
    }
}
