//! The cost of a record: measures the table in docs/performance.md and prints it.
//!
//! ```text
//! cargo bench --locked --bench cost                            the table of the release binary
//! cargo bench --locked --bench cost -- --only instructions     one of its parts
//! cargo bench --locked --bench cost -- --binary A --binary B   two builds side by side
//! cargo bench --locked --bench cost -- --growth 10000000       cost and memory from 10,000 events on
//! cargo bench --locked --profile dev --bench cost -- --check   against the committed figure
//! ```
//!
//! Instruction counts hardly depend on other work of the machine. Times do: each is the minimum of several runs,
//! which alternate with the runs that they are compared with. It must not measure a debug build.

mod connector;
mod floor;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use connector::{Linking, Outcome, Reading, build, children_cpu, clean, mib, peak_of_short};
use serde_json::Value;
use zendesk_sandbox::{AccessLogs, Options, Sandbox};

/// The numbers of events whose difference gives the marginal cost. The smaller one exercises all code once.
const FEW: u32 = 10_000;
const MANY: u32 = 30_000;
/// The number of events of the rows about time and memory.
const MILLION: u32 = 1_000_000;
/// The number of runs; the minimum counts.
const RUNS: usize = 5;
/// The number of runs of commands that take some milliseconds.
const SHORT_RUNS: usize = 51;
/// The ratio to the committed figure that fails the check.
const HEAD_ROOM: f64 = 1.25;
/// The committed figure, by architecture.
const COMMITTED: &str = include_str!("cost.json");

/// Measures the cost of a record.
#[derive(Parser)]
struct Arguments {
    /// Measures this binary instead of the release build; twice: both, and their ratios
    #[arg(long, value_name = "PATH")]
    binary: Vec<PathBuf>,
    /// Measures only this; can be repeated
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Measures the size of the static binary, as in the image: one more release build
    #[arg(long = "static")]
    static_binary: bool,
    /// Measures 10,000 events and ten times as many, up to this number, instead of the table
    #[arg(long, value_name = "EVENTS", num_args = 0..=1, default_missing_value = "1000000")]
    growth: Option<u32>,
    /// Also writes the figures of the table to this file, in the format of docs/plots
    #[arg(long, value_name = "PATH")]
    csv: Option<PathBuf>,
    /// Fails if the instructions per record exceed the committed figure by a quarter
    #[arg(long)]
    check: bool,
    /// Fetches only the pages of this server; for the process of the HTTP floor
    #[arg(long, value_name = "URL", hide = true)]
    floor: Option<String>,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Instructions,
    Time,
    Memory,
    Spec,
    Size,
    Idle,
    /// The stream `access_logs`; only if it is named, because it takes a quarter of an hour with its
    /// endpoint's limit
    AccessLogs,
}

/// A row of the table.
struct Figure {
    name: String,
    bar: &'static str,
    unit: &'static str,
    value: f64,
    /// The measured values behind the figure.
    detail: String,
}

impl Figure {
    fn new(name: impl Into<String>, bar: &'static str, unit: &'static str, value: f64) -> Self {
        Self { name: name.into(), bar, unit, value, detail: String::new() }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<ExitCode> {
    if let Some(base_url) = &arguments.floor {
        println!("{}", floor::walk(base_url)?);
        return Ok(ExitCode::SUCCESS);
    }
    let binaries = match &*arguments.binary {
        [] => vec![build(Linking::Dynamic)?],
        [_] | [_, _] => arguments.binary.iter().map(std::fs::canonicalize).collect::<Result<_, _>>()?,
        _ => return Err("two binaries at most".into()),
    };
    if arguments.check {
        return check(&binaries[0]);
    }
    if let Some(most) = arguments.growth {
        binaries.iter().try_for_each(|binary| growth(binary, most))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut columns = Vec::new();
    for binary in &binaries {
        columns.push(measure(binary, arguments)?);
    }
    print!("{}", table(&columns));
    if let Some(path) = &arguments.csv {
        std::fs::write(path, csv(&columns[0]))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A sandbox without a rate limit and without compression.
fn sandbox(events: u32) -> Outcome<Sandbox> {
    let options = Options { events: events.into(), rate_limit: Some(1_000_000_000), gzip: false, ..Options::default() };
    Ok(Sandbox::start(options)?)
}

fn measure(binary: &Path, arguments: &Arguments) -> Outcome<Vec<Figure>> {
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut figures = Vec::new();
    if arguments.only.contains(&Part::AccessLogs) {
        figures.extend(access_logs(binary)?);
    }
    if wanted(Part::Instructions) {
        figures.push(Figure::new("instructions a record", "9,000", "", instructions(binary)?));
        // A floor without optimization would be too slow.
        if !cfg!(debug_assertions) {
            let floor = marginal(|events, under| floor_of(&sandbox(events)?, under).map(drop))?;
            figures.push(Figure::new("the HTTP floor's instructions a record", "", "", floor));
        }
    }
    if wanted(Part::Time) {
        figures.extend(time(binary)?);
    }
    if wanted(Part::Memory) {
        figures.extend(memory(binary)?);
    }
    if wanted(Part::Spec) {
        figures.extend(spec(binary)?);
    }
    if wanted(Part::Size) {
        figures.push(size(binary, arguments)?);
    }
    if wanted(Part::Idle) {
        figures.extend(idle(binary)?);
    }
    Ok(figures)
}

/// Counts the instructions of the whole process for each further record.
fn instructions(binary: &Path) -> Outcome<f64> {
    marginal(|events, under| Reading { under, ..Reading::new(binary) }.run(&sandbox(events)?).map(drop))
}

/// Returns the difference between two sizes, per record. The command runs under valgrind.
fn marginal(run: impl Fn(u32, Vec<OsString>) -> Outcome<()>) -> Outcome<f64> {
    let count = |events| -> Outcome<f64> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut under = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"].map(OsString::from).to_vec();
        under.push(format!("--log-file={}", log.display()).into());
        run(events, under).map_err(|error| format!("under valgrind (Debian's package valgrind): {error}"))?;
        let log = std::fs::read_to_string(log)?;
        let collected = log.split_once("Collected : ").and_then(|(_, rest)| rest.split_whitespace().next());
        Ok(collected.ok_or("callgrind has not counted")?.parse()?)
    };
    Ok((count(MANY)? - count(FEW)?) / f64::from(MANY - FEW))
}

/// Measures the CPU and wall time of a million events, alternating with the floor. The floor writes nothing,
/// so the comparison is with a read into `/dev/null`. With a pipe and a consumer, two cores have three
/// processes to run, and the cost of the pipe is included.
fn time(binary: &Path) -> Outcome<[Figure; 4]> {
    if cfg!(debug_assertions) {
        return Err("the floor would be a debug build: omit --profile dev".into());
    }
    let sandbox = sandbox(MILLION)?;
    let (mut cpu, mut took) = ([f64::INFINITY; 3], [f64::INFINITY; 3]);
    for _ in 0..RUNS {
        let unread = Reading::new(binary).run_unread(&sandbox)?;
        let floor = floor_of(&sandbox, Vec::new())?;
        let piped = Reading::new(binary).run(&sandbox)?;
        for (at, spent) in [unread, floor, (piped.cpu, piped.took)].into_iter().enumerate() {
            cpu[at] = cpu[at].min(spent.0.as_secs_f64());
            took[at] = took[at].min(spent.1.as_secs_f64());
        }
    }
    let figure = |name: &str, bar, read: f64, floor: f64| Figure {
        detail: format!(" ({read:.2} s of {floor:.2} s)"),
        ..Figure::new(format!("{name} of 1,000,000 events, against the floor's"), bar, " times", read / floor)
    };
    Ok([
        figure("CPU", "2.5 times", cpu[0], cpu[1]),
        figure("wall time", "1.4 times", took[0], took[1]),
        figure("with a consumer behind a pipe: CPU", "", cpu[2], cpu[1]),
        figure("with a consumer behind a pipe: wall time", "", took[2], took[1]),
    ])
}

/// Returns the CPU and wall time of this program as a process that only fetches the pages.
fn floor_of(sandbox: &Sandbox, under: Vec<OsString>) -> Outcome<(Duration, Duration)> {
    let mut command = clean(under.into_iter().chain([std::env::current_exe()?.into()]))?;
    command.args(["--floor", &sandbox.base_url()]).stderr(Stdio::inherit());
    let (began, cpu) = (Instant::now(), children_cpu()?);
    let done = command.output()?;
    let took = began.elapsed();
    let cpu = children_cpu()?.saturating_sub(cpu);
    let pages: u64 = String::from_utf8(done.stdout)?.trim().parse()?;
    let there = sandbox.event_count().div_ceil(100);
    if !done.status.success() || pages != there {
        return Err(format!("the floor: {}, {pages} pages of {there}", done.status).into());
    }
    Ok((cpu, took))
}

fn memory(binary: &Path) -> Outcome<Vec<Figure>> {
    let sandbox = sandbox(MILLION)?;
    let figure = |(workers, name, bar): (u32, &str, &'static str)| -> Outcome<Figure> {
        let run = Reading { workers: Some(workers), ..Reading::new(binary) }.run(&sandbox)?;
        Ok(Figure::new(format!("peak memory of 1,000,000 events, {name}"), bar, " MiB", run.peak_mib()))
    };
    [(1, "one worker", "8 MiB"), (8, "eight", "24 MiB")].into_iter().map(figure).collect()
}

/// Measures a million access log records, and fewer heavy ones. The endpoint's limit determines the duration:
/// the connector uses all of its 50 requests per minute.
fn access_logs(binary: &Path) -> Outcome<Vec<Figure>> {
    let read = |events: u32, record_bytes: Option<usize>, workers: Option<u32>, under: Vec<OsString>| {
        let access_logs = AccessLogs { events: events.into(), rate_limit: 0, record_bytes, ..AccessLogs::default() };
        let options = Options { events: 0, gzip: false, access_logs, ..Options::default() };
        let reading = Reading { under, workers, access_records: Some(events.into()), ..Reading::new(binary) };
        reading.run(&Sandbox::start(options)?)
    };
    let instructions = marginal(|events, under| read(events, None, Some(1), under).map(drop))?;
    let mut figures = vec![Figure::new("access logs: instructions a record", "9,000", "", instructions)];
    for (events, record_bytes, workers, name) in [
        (MANY, None, Some(1), "30,000 access log records, one worker"),
        (MANY, Some(8_000), None, "30,000 access log records of 8 kB"),
        (MILLION, None, None, "1,000,000 access log records"),
    ] {
        let run = read(events, record_bytes, workers, Vec::new())?;
        let cpu = run.cpu.as_secs_f64() * 1e6 / f64::from(events);
        figures.push(Figure {
            detail: format!(" ({:.0} s)", run.took.as_secs_f64()),
            ..Figure::new(format!("{name}: CPU a record"), "", " µs", cpu)
        });
        figures.push(Figure::new(format!("{name}: requests"), "", "", f64::from(run.requests)));
        figures.push(Figure::new(format!("{name}: peak memory"), "24 MiB", " MiB", run.peak_mib()));
        eprintln!("{name}: {cpu:.2} µs, {} requests, {:.1} MiB", run.requests, run.peak_mib());
    }
    Ok(figures)
}

/// Returns the median of the times, and the memory of one run.
fn spec(binary: &Path) -> Outcome<[Figure; 2]> {
    let command = || clean([binary.into(), "spec".into()]);
    let mut times = Vec::new();
    for _ in 0..SHORT_RUNS {
        let began = Instant::now();
        let done = command()?.output()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        if !done.status.success() {
            return Err(format!("spec: {}", done.status).into());
        }
    }
    let kib = peak_of_short(command()?)?;
    let time = Figure::new("`spec`, whole process", "3 ms", " ms", median(times));
    Ok([time, Figure::new("`spec`, peak memory", "4 MiB", " MiB", mib(kib))])
}

fn size(binary: &Path, arguments: &Arguments) -> Outcome<Figure> {
    let built = if arguments.static_binary { &build(Linking::Static)? } else { binary };
    let bytes = u32::try_from(std::fs::metadata(built)?.len())?;
    let name = if arguments.static_binary { "static binary" } else { "binary, default linking" };
    Ok(Figure::new(name, "6 MB", " MB", f64::from(bytes) / 1e6))
}

/// Measures a sync with nothing new, with the default configuration.
fn idle(binary: &Path) -> Outcome<[Figure; 2]> {
    let sandbox = sandbox(FEW)?;
    let state = Reading { workers: None, ..Reading::new(binary) }.run(&sandbox)?.state;
    let mut most = 0;
    let mut cpu = Vec::new();
    for _ in 0..SHORT_RUNS {
        let run = Reading { workers: None, state: Some(&state), ..Reading::new(binary) }.run(&sandbox)?;
        most = most.max(run.requests);
        cpu.push(run.cpu.as_secs_f64() * 1e3);
    }
    let requests = Figure::new("a sync with nothing new, requests", "1", "", f64::from(most));
    Ok([requests, Figure::new("a sync with nothing new, CPU", "5 ms", " ms", median(cpu))])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures how cost grows with the number of events, next to the floor, because the server's cost grows as
/// well.
fn growth(binary: &Path, most: u32) -> Outcome<()> {
    println!("| events | CPU, one worker | a record | peak memory, one worker | eight |\n|---|---|---|---|---|");
    let mut events = FEW;
    while events <= most {
        let sandbox = sandbox(events)?;
        let one = Reading::new(binary).run(&sandbox)?;
        let eight = Reading { workers: Some(8), ..Reading::new(binary) }.run(&sandbox)?;
        let seconds = one.cpu.as_secs_f64();
        println!(
            "| {} | {seconds:.2} s | {:.2} µs | {:.1} MiB | {:.1} MiB |",
            thousands(events.into()),
            seconds * 1e6 / f64::from(events),
            one.peak_mib(),
            eight.peak_mib()
        );
        let Some(next) = events.checked_mul(10) else { break };
        events = next;
    }
    Ok(())
}

/// Compares the result with the committed figure.
fn check(binary: &Path) -> Outcome<ExitCode> {
    let committed: Value = serde_json::from_str(COMMITTED)?;
    let architecture = std::env::consts::ARCH;
    let bar = committed["instructions_per_record"][architecture]
        .as_f64()
        .ok_or_else(|| format!("benches/cost.json has no instructions a record for {architecture}"))?;
    let found = instructions(binary)?;
    let words = format!(
        "{} instructions a record; committed {}, at most {}",
        thousands(found),
        thousands(bar),
        thousands(bar * HEAD_ROOM)
    );
    if found > bar * HEAD_ROOM {
        eprintln!(
            "FAILED: {words}. If the increase is intended, update benches/cost.json and explain it in docs/performance.md."
        );
        return Ok(ExitCode::FAILURE);
    }
    println!("{words}");
    Ok(ExitCode::SUCCESS)
}

/// Formats the figures for docs/plots/data, with the command that measured them in the first line.
fn csv(figures: &[Figure]) -> String {
    let mut text = String::from(
        "# cargo bench --locked --bench cost -- --only instructions --csv docs/plots/data/cost.csv\nfigure,value\n",
    );
    for Figure { name, value, .. } in figures {
        let _ = writeln!(text, "\"{name}\",{value:.2}");
    }
    text
}

/// Formats a Markdown table. A second column of figures adds a third one with ratios.
fn table(columns: &[Vec<Figure>]) -> String {
    let heads = ["measured", "second", "ratio"];
    let heads = &heads[..if columns.len() == 2 { 3 } else { 1 }];
    let mut text = format!("| figure | at most | {} |\n|---|---{}|\n", heads.join(" | "), "|---".repeat(heads.len()));
    for (row, first) in columns[0].iter().enumerate() {
        let _ = write!(text, "| {} | {} |", first.name, first.bar);
        for column in columns {
            let Figure { value, unit, detail, .. } = &column[row];
            let number =
                if *value >= 100.0 || value.fract() == 0.0 { thousands(*value) } else { format!("{value:.2}") };
            let _ = write!(text, " {number}{unit}{detail} |");
        }
        if let [_, second] = columns {
            let _ = write!(text, " {:.3} |", second[row].value / first.value);
        }
        text.push('\n');
    }
    text
}

/// Formats a whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
