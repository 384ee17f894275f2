//! The command line of the simulation: selects the seeds, and prints the results.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::chain;
use crate::plants::Plant;
use crate::runner::{self, Stop, Task, Total};
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::timeline::Timeline;

const USAGE: &str = "\
simulate [--seeds N] [--seed S] [--threads T] [--trace] [--plant NAME] [--plants]

  --seeds N      how many seeds to run (10,000)
  --seed S       the first one (1)
  --threads T    how many at a time (as many as there are cores)
  --trace        writes the timeline of the first seed instead
  --plant NAME   plants a defect, and succeeds if it is found
  --plants       lists the defects, with the seeds after which each is found";

/// The number of seeds from which a run must reach every kind of event.
const FULL_RUN: u64 = 100_000;
/// The number of violations that are shrunk and printed.
const SHOWN: usize = 1;
/// The number of violations of each kind that are listed.
const LISTED: usize = 5;
/// The time between two progress messages.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// The arguments.
struct Arguments {
    task: Task,
    trace: bool,
    list: bool,
}

/// Runs a command line, without the program's name.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        list(arguments.task)
    } else if arguments.trace {
        trace(arguments.task)
    } else if arguments.task.plant.is_some() {
        find(arguments.task)
    } else {
        all(arguments.task)
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let task = Task { seeds: 10_000, first: 1, threads, plant: None, stop: Stop::Never };
    let mut parsed = Arguments { task, trace: false, list: false };
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        let number =
            |text: String| text.replace(['_', ','], "").parse::<u64>().map_err(|_| format!("{text} is not a number"));
        match name.as_str() {
            "--seeds" => parsed.task.seeds = number(value()?)?,
            "--seed" => parsed.task.first = number(value()?)?,
            "--threads" => parsed.task.threads = usize::try_from(number(value()?)?).unwrap_or(1),
            "--trace" => parsed.trace = true,
            "--plants" => parsed.list = true,
            "--plant" => {
                let name = value()?;
                parsed.task.plant = Some(Plant::of_name(&name).ok_or(format!("there is no plant {name}"))?);
            }
            _ => return Err(format!("{name} is unknown")),
        }
    }
    Ok(parsed)
}

/// Runs all seeds, and prints the violations.
fn all(task: Task) -> ExitCode {
    let mut reported_at = Instant::now();
    let mut listed = 0;
    let total = runner::run(task, |total| {
        if total.found.len() > listed {
            listed = total.found.len();
            println!("{listed} with a violation: {:?}", total.found.keys().collect::<Vec<_>>());
        }
        if reported_at.elapsed() >= PROGRESS_INTERVAL {
            reported_at = Instant::now();
            println!("{} seeds, {:.0} a second, {} with a violation", total.seeds, total.pace(), total.found.len());
        }
    });
    println!(
        "{} seeds in {:.1} s, {:.0} a second: {} syncs, {} requests, {} pages",
        total.seeds,
        total.took.as_secs_f64(),
        total.pace(),
        total.syncs,
        total.requests,
        total.pages
    );
    let [requests, time] = total.shares.map(|share| share * 100.0);
    println!("At most {requests:.0} % of the allowed requests and {time:.0} % of the allowed time of a sync.");
    println!("At most {} kB of records received and not yet written.", total.most_held / 1_000);
    for (kind, count) in total.coverage.counts() {
        println!("{count:>12}  {kind}");
    }
    show(&total, task);
    let missing: Vec<_> = total.coverage.missing().collect();
    let incomplete = task.seeds >= FULL_RUN && !missing.is_empty();
    if incomplete {
        println!("Never reached: {}.", missing.join(", "));
    }
    println!("{} seeds with a violation.", total.found.len());
    if total.found.is_empty() && !incomplete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the first violations, shrunk.
fn show(total: &Total, task: Task) {
    for (kind, count) in &total.kinds {
        println!("{kind:?}: {count} seeds");
        for (seed, violation) in total.found.iter().filter(|(_, found)| found.kind == *kind).take(LISTED) {
            println!("  seed {seed}: {}", violation.description);
        }
    }
    for (seed, violation) in total.found.iter().take(SHOWN) {
        println!("\nSeed {seed}: {violation}");
        let small = shrink(&Scenario::draw(*seed), task.plant, violation.kind);
        println!("Shrunk to {} syncs, {} events:", small.syncs.len(), small.events.len());
        write_timeline(&small, task.plant);
    }
}

fn write_timeline(scenario: &Scenario, plant: Option<Plant>) {
    println!("{scenario:#?}");
    let report = chain::run(scenario, plant, Timeline::new(true));
    for line in report.timeline.lines() {
        println!("{line}");
    }
}

fn trace(task: Task) -> ExitCode {
    let report = chain::run(&Scenario::draw(task.first), task.plant, Timeline::new(true));
    println!("{:#?}", Scenario::draw(task.first));
    for line in report.timeline.lines() {
        println!("{line}");
    }
    println!("Fingerprint {:016x}.", report.timeline.fingerprint());
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Searches for a planted defect.
fn find(task: Task) -> ExitCode {
    let total = runner::run(Task { stop: Stop::AtFirst, ..task }, |_| {});
    show(&total, task);
    if total.found.is_empty() {
        println!("Not found in {} seeds.", total.seeds);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Lists the planted defects, each with the seed that finds it.
fn list(task: Task) -> ExitCode {
    let mut unfound = 0;
    println!("| plant | what is wrong | found as | seeds needed |\n|---|---|---|---|");
    for plant in Plant::ALL {
        let total = runner::run(Task { plant: Some(plant), stop: Stop::AtFirst, threads: 1, ..task }, |_| {});
        let (name, text) = (plant.name(), plant.description());
        if let Some((seed, violation)) = total.found.first_key_value() {
            println!("| `{name}` | {text} | {:?} | {} |", violation.kind, seed - task.first + 1);
        } else {
            unfound += 1;
            println!("| `{name}` | {text} | - | not in {} |", total.seeds);
        }
    }
    if unfound == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
